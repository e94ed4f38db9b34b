import type { BlockNumber, Hash } from '#domain/ids.ts'
import type { RpcAnswer, RpcCall } from './answer.ts'
import { STATE_BLOCK_PLACE } from './heads.ts'
import type { Judge, Objection } from './judge.ts'
import type { Pace } from './pace.ts'

/** A block that whoever asks knows of. Without a hash any block of that height will do: its own may have gone since. */
export interface Reached {
  readonly number: BlockNumber
  readonly hash?: Hash
}

/** So long nobody can show the block that was reached: then it is gone, or was never there. */
const GONE_AFTER_MS = 60_000

/** Of the chain as it is, whatever their arguments. */
const OF_THE_HEAD: ReadonlySet<string> = new Set(['eth_getTransactionReceipt', 'eth_getTransactionByHash'])

/** Whether the answer is of whatever block the endpoint has come to, so that one which lags answers with the past, and says nothing. */
function isOfTheHead({ method, params }: RpcCall): boolean {
  const place = STATE_BLOCK_PLACE[method]
  return place === undefined ? OF_THE_HEAD.has(method) : params[place] === 'latest'
}

/**
 * How far a connection has come: to the newest block that it has handed out. Who knows of a block must not be answered from before it, or an
 * endpoint that lags, or has another fork, would refuse a call, or lack a batch, for what is long on chain. So whatever is read of the newest
 * state is asked for together with that block, and counts only from an endpoint that has it.
 */
export function createReach(pace: Pick<Pace, 'nowMs'>) {
  let reached: Reached | undefined
  let missedSinceMs: number | undefined
  const expected = new WeakMap<RpcCall, Reached>()

  function set(block: Reached | undefined): void {
    reached = block
    missedSinceMs = undefined
  }

  /** Why the endpoint's word on the newest state does not count. It may be no fault of its own: nothing is told. */
  function objectionIn(calls: readonly RpcCall[], answers: readonly RpcAnswer[]): Objection | undefined {
    const index = calls.findIndex((call) => expected.has(call))
    const { number, hash } = (index < 0 ? undefined : expected.get(calls[index] as RpcCall)) ?? {}
    if (number === undefined) return undefined
    const answer = answers[index]
    const got = answer?.isOk === true ? (answer.result as { readonly hash?: unknown } | null) : null
    const isThere = got !== null && (hash === undefined || String(got.hash).toLowerCase() === hash)
    if (isThere) missedSinceMs = undefined
    if (isThere) return undefined
    missedSinceMs ??= pace.nowMs()
    if (pace.nowMs() - missedSinceMs >= GONE_AFTER_MS) set(undefined)
    return { method: 'eth_getBlockByNumber', detail: `block ${number}, which is known of, is not there` }
  }

  return {
    /** The connection has handed out this block, or what is in it. */
    come(block: Reached): void {
      if (reached === undefined || block.number > reached.number) set(block)
    },
    /** What is above the block is not so any more; without one, nobody would hear of it if what was reached went. */
    back(to?: Reached): void {
      set(to)
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
