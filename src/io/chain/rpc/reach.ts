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

/** So long nobody can show the block that was reached: then it is gone, or was never there. */
const GONE_AFTER_MS = 60_000

const NOWHERE: Reached = { number: -1 as BlockNumber }

/** Of the chain as it is, whatever their arguments. */
const OF_THE_HEAD: ReadonlySet<string> = new Set(['eth_getTransactionReceipt', 'eth_getTransactionByHash'])

/** Whether the answer is of whatever block the endpoint has come to, so that one which lags answers with the past, and says nothing. */
const isOfTheHead = (call: RpcCall): boolean => OF_THE_HEAD.has(call.method) || isOfLatest(call)

/**
 * How far a connection has come: to the newest block that it has handed out. Who knows of a block must not be answered from before it, or an
 * endpoint that lags, or has another fork, would refuse a call, or lack a batch, for what is long on chain. So whatever is read of the newest
 * state is asked for together with that block, and counts only from an endpoint that has it. Nor is a block below it absent.
 */
export function createReach(pace: Pick<Pace, 'nowMs'>) {
  let reached: Reached | undefined
  let missedSinceMs: number | undefined
  const expected = new WeakMap<RpcCall, Reached>()

  function set(block: Reached | undefined): void {
    reached = block
    missedSinceMs = undefined
  }

  /** A block that was handed out, or lies below one, and is not there. */
  function isDenied(call: RpcCall, answer: RpcAnswer | undefined): boolean {
    if (call.method !== 'eth_getBlockByNumber' || answer?.isOk === false) return false
    const hash = expected.get(call)?.hash
    const got = (answer?.result ?? null) as { readonly hash?: unknown } | null
    if (got !== null) return hash !== undefined && String(got.hash).toLowerCase() !== hash
    return Number(call.params[0]) <= (expected.get(call) ?? reached ?? NOWHERE).number
  }

  /** Why the endpoint's word does not count. It may be no fault of its own: nothing is told. */
  function objectionIn(calls: readonly RpcCall[], answers: readonly RpcAnswer[]): Objection | undefined {
    const denied = calls.find((call, index) => isDenied(call, answers[index]))
    if (denied === undefined) {
      if (calls.some((call) => expected.has(call))) missedSinceMs = undefined
      return undefined
    }
    missedSinceMs ??= pace.nowMs()
    if (pace.nowMs() - missedSinceMs >= GONE_AFTER_MS) set(undefined)
    return { method: denied.method, detail: `block ${Number(denied.params[0])}, which is known of, is not there` }
  }

  return {
    /** The connection has handed out this block, or what is in it. */
    come(block: Reached): void {
      const { number } = reached ?? NOWHERE
      if (block.number > number || (block.number === number && block.hash !== undefined)) set(block)
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

/** Whoever has been given a block is not told afterwards that there is none. */
export async function handedOut<Found extends BlockRef | undefined>(reading: Promise<Found>, reach: Reach | undefined): Promise<Found> {
  const found = await reading
  if (found !== undefined) reach?.come({ number: found.number })
  return found
}
