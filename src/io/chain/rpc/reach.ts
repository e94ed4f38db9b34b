import type { BlockNumber, Hash } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import type { RpcAnswer, RpcCall } from './answer.ts'
import { isOfLatest } from './heads.ts'
import type { Judge, Objection } from './judge.ts'
import type { Pace } from './pace.ts'

/** A block that whoever asks knows of. Without a hash any block of that height will do: its own may have gone since. */
export interface Reached {
  readonly number: BlockNumber
  readonly hash?: Hash
}

/** So long nobody can show the block that was reached, and none says what is there in its place: then it is gone, or was never there. */
const GONE_AFTER_MS = 60_000

/** So many blocks that were handed out are remembered by their hashes: a rewrite that roles follow is no deeper. */
const HANDED_OUT_MAX = 128

const NOWHERE: Reached = { number: -1 as BlockNumber }

/** Of the chain as it is, whatever their arguments. */
const OF_THE_HEAD: ReadonlySet<string> = new Set(['eth_getTransactionReceipt', 'eth_getTransactionByHash'])

const HEAD: RpcCall = { method: 'eth_getBlockByNumber', params: ['latest', false] }
type AskAll = (calls: readonly RpcCall[]) => Promise<readonly RpcAnswer[]>

/** Of a header. */
function hashIn(answer: RpcAnswer | undefined): string | undefined {
  const hash = answer?.isOk === true ? (answer.result as { readonly hash?: unknown } | null)?.hash : undefined
  return hash === undefined ? undefined : String(hash).toLowerCase()
}

/** Whether the answer is of whatever block the endpoint has come to, so that one which lags answers with the past, and says nothing. */
const isOfTheHead = (call: RpcCall): boolean => OF_THE_HEAD.has(call.method) || isOfLatest(call)

/** Blocks that were handed out by their hashes, the newest last. */
function createHanded() {
  const hashes = new Map<number, Hash>()
  return {
    hashAt: (number: number): Hash | undefined => hashes.get(number),
    /** Nothing above the block is so any more. */
    come({ number, hash }: Reached): void {
      for (const each of hashes.keys()) if (each > number) hashes.delete(each)
      if (hash === undefined) return
      hashes.set(number, hash)
      if (hashes.size > HANDED_OUT_MAX) hashes.delete(hashes.keys().next().value as number)
    },
    /** What of them is there still, with whoever is asked; all of them up to the head that it has. */
    async shown(ask: AskAll): Promise<{ readonly isRewritten: boolean; readonly common: Reached | undefined }> {
      const [head] = await ask([HEAD])
      const number = Number(head?.isOk === true ? (head.result as { readonly number?: unknown } | null)?.number : undefined)
      const below = [...hashes].filter(([each]) => each <= number)
      const answers = await ask(below.map(([each]) => ({ method: HEAD.method, params: [`0x${each.toString(16)}`, false] })))
      const isThere = ([, hash]: (typeof below)[number], index: number): boolean => hashIn(answers[index]) === hash
      const last = below.findLast((block, index) => isThere(block, index) || hashIn(answers[index]) === undefined)
      const common = last && { number: last[0] as BlockNumber, hash: last[1] }
      return { isRewritten: below.length > 0 && last !== below.at(-1), common }
    },
  }
}

/**
 * How far a connection has come: to the newest block that it has handed out. Who knows of a block must not be answered from before it, or an
 * endpoint that lags, or has another fork, would refuse a call, or lack a batch, for what is long on chain. So whatever is read of the newest
 * state is asked for together with that block, and counts only from an endpoint that has it. Nor is a block below it absent.
 */
export function createReach(pace: Pick<Pace, 'nowMs'>) {
  let reached: Reached | undefined
  let missedSinceMs: number | undefined
  const handed = createHanded()
  const expected = new WeakMap<RpcCall, Reached>()

  function set(block: Reached | undefined): void {
    reached = block
    missedSinceMs = undefined
    handed.come(block ?? NOWHERE)
  }

  /** A block that was handed out, or lies below one, and is not there; how so. */
  function denial(call: RpcCall, answer: RpcAnswer | undefined): Objection['suspicion'] {
    if (call.method !== 'eth_getBlockByNumber' || answer?.isOk === false) return undefined
    const hash = expected.get(call)?.hash
    const got = hashIn(answer)
    if (got !== undefined) return hash !== undefined && got !== hash ? 'other_forks' : undefined
    return Number(call.params[0]) <= (expected.get(call) ?? reached ?? NOWHERE).number ? 'lagging' : undefined
  }

  /** Why the endpoint's word does not count. It may be no fault of its own: it is suspected, no more. */
  function objectionIn(calls: readonly RpcCall[], answers: readonly RpcAnswer[]): Objection | undefined {
    const denied = calls.find((call, index) => denial(call, answers[index]) !== undefined)
    if (denied === undefined) {
      if (calls.some((call) => expected.has(call))) missedSinceMs = undefined
      return undefined
    }
    missedSinceMs ??= pace.nowMs()
    if (pace.nowMs() - missedSinceMs >= GONE_AFTER_MS) set(undefined)
    const suspicion = denial(denied, answers[calls.indexOf(denied)]) as NonNullable<Objection['suspicion']>
    const detail = `block ${Number(denied.params[0])}, which is known of, is ${suspicion === 'lagging' ? 'not there' : 'another one'}`
    return { suspicion, method: denied.method, detail }
  }

  return {
    /** The connection has handed out this block, or what is in it. */
    come(block: Reached): void {
      const { number } = reached ?? NOWHERE
      if (block.number > number || (block.number === number && block.hash !== undefined)) set(block)
    },
    /** The newest block that was handed out; below 0 before the first. */
    floor: (): number => (reached ?? NOWHERE).number,
    /** Of a block that was handed out. */
    hashAt: handed.hashAt,
    /** What is above the block is not so any more; without one, nobody would hear of it if what was reached went. */
    back(to?: Reached): void {
      set(to)
    },
    /**
     * Whether other blocks have taken the place of those that were handed out, by the same signs as a follower goes by, which may not have
     * come to it yet: who waits for an answer to a read keeps it waiting. If so, what is left of them is what was reached. A lower head alone
     * is no such sign: the node may lag.
     */
    async isRewritten(ask: AskAll): Promise<boolean> {
      const { isRewritten, common } = await handed.shown(ask)
      if (isRewritten) set(common)
      return isRewritten
    },
    /** The calls, and before them the one whose answer shows how far the endpoint has come, where that matters. */
    witnessed(calls: readonly RpcCall[]): readonly RpcCall[] {
      if (reached === undefined || !calls.some(isOfTheHead)) return calls
      const witness: RpcCall = { method: 'eth_getBlockByNumber', params: [`0x${reached.number.toString(16)}`, false] }
      expected.set(witness, reached)
      return [witness, ...calls]
    },
    judgedBy:
      (judge: Judge | undefined): Judge =>
      async (calls, answers, ask) =>
        objectionIn(calls, answers) ?? judge?.(calls, answers, ask),
  }
}
export type Reach = ReturnType<typeof createReach>

/** Whoever has been given a block is not told afterwards that there is none. */
export async function handedOut<Found extends BlockRef | undefined>(reading: Promise<Found>, reach: Reach | undefined): Promise<Found> {
  const found = await reading
  if (found !== undefined) reach?.come({ number: found.number })
  return found
}
