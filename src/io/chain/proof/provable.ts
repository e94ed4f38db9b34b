import { isWeftError } from '#domain/errors.ts'
import { quantity } from '#io/chain/rpc/block.ts'
import type { Objection } from '#io/chain/rpc/judge.ts'
import { parseAnswer, parseQuantity, type Rpc } from '#io/chain/rpc/rpc.ts'

/** Blocks below the head that are looked at to find one with transactions: on rollups every block has one. */
const SURVEY_BLOCKS = 16
/** So many headers in a row, of whatever endpoint, that have the hash of their fields where none had, or have not where all had: the chain has other headers now. */
const UNEXPECTED_MAX = 32

/** What proves something: that headers have the hash of their fields, that receipts have the root of their header. */
export type Means = 'headers' | 'receipts'

/** What can be proved on a chain. `onUnproved` is told what cannot. */
export function createProvable(onUnproved: ((means: Means) => void) | undefined) {
  const isPossible: Record<Means, boolean> = { headers: true, receipts: true }
  /** While it is found out what can be proved; then what cannot. */
  let isSurvey = false
  let impossible: Means | undefined
  let unexpected = 0

  /** Whether nothing speaks against what is thought possible. */
  async function holds(rpc: Rpc): Promise<boolean> {
    impossible = undefined
    try {
      const head = await readHeadNumber(rpc)
      const first = Math.max(0, head - SURVEY_BLOCKS + 1)
      const numbers = Array.from({ length: head - first + 1 }, (_, index) => quantity(first + index))
      await rpc.all(numbers.map((each) => ({ method: 'eth_getBlockByNumber', params: [each, false] })))
      return true
    } catch (failure) {
      if (impossible === undefined || !isWeftError(failure, 'CHAIN_ANSWER_INVALID')) throw failure
      return false
    }
  }

  return {
    isPossible: isPossible as Readonly<typeof isPossible>,
    isSurvey: (): boolean => isSurvey,
    /** In a survey nobody is accused: another endpoint is asked, and if none proves it, it cannot be proved. */
    objection(means: Means, found: Objection): Objection {
      if (!isSurvey) return found
      impossible = means
      return { method: found.method, detail: found.detail }
    },
    /** A fork may bring headers with a field that is not known here: then no endpoint can prove any more. When all can again, all must. */
    heed(isHashed: boolean): void {
      if (isSurvey) return
      unexpected = isHashed === isPossible.headers ? 0 : unexpected + 1
      if (unexpected < UNEXPECTED_MAX) return
      unexpected = 0
      isPossible.headers = isHashed
      if (!isHashed) onUnproved?.('headers')
    },
    /**
     * Finds out what can be proved on the chain: rollups may hash headers and receipts in ways of their own. What none of the endpoints can
     * prove is told of and believed from then on. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`.
     */
    async survey(rpc: Rpc): Promise<void> {
      isSurvey = true
      try {
        while (!(await holds(rpc))) {
          isPossible[impossible as unknown as Means] = false
          onUnproved?.(impossible as unknown as Means)
        }
      } finally {
        isSurvey = false
      }
    },
  }
}
export type Provable = ReturnType<typeof createProvable>

async function readHeadNumber(rpc: Rpc): Promise<number> {
  const method = 'eth_blockNumber'
  const answer = await rpc.call(method, [])
  return parseAnswer(rpc, method, () => parseQuantity(answer))
}
