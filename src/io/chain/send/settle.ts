import { isWeftError, WeftError } from '#domain/errors.ts'
import type { BlockNumber } from '#domain/ids.ts'
import type { CallOutcome } from '#io/chain/port.ts'
import { quantity, readHead } from '#io/chain/rpc/block.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import type { Pace } from '#io/chain/rpc/pace.ts'
import { isRevert, revertReason } from '#io/chain/rpc/revert.ts'
import { parseAnswer, parseQuantity } from '#io/chain/rpc/rpc.ts'
import type { JournalledIntent } from './intents.ts'
import type { Launcher, SenderContext } from './launch.ts'
import { countTransactions, draftOf } from './transaction.ts'

/** Nodes forget transactions that wait too long, and after a rewrite: they are told again this often. */
const REBROADCAST_MS = 10_000

export interface SettleOptions {
  readonly clock: Pace
  readonly pollMs: number
  readonly settleTimeoutMs: number
  readonly raiseFeeAfterMs: number
  readonly reorgDepthMax: number
}

/** Runs one piece of work after the other. */
export type Lock = <Value>(work: () => Promise<Value>) => Promise<Value>

/** What one look at the chain showed: the outcome, or what stands in its way, as far as that is known. */
interface Sight {
  readonly outcome?: CallOutcome
  readonly obstacle?: string
}

/** The outcome of whichever of the intent's transactions is in the chain; `undefined` while none is. */
async function findOutcome(intent: JournalledIntent, { rpc, address, intents }: SenderContext): Promise<CallOutcome | undefined> {
  const receipts = await rpc.all(intent.hashes.map((hash) => ({ method: 'eth_getTransactionReceipt', params: [hash] })))
  const index = receipts.findIndex((receipt) => receipt !== null)
  const transactionHash = intent.hashes[index]
  if (transactionHash === undefined) return undefined
  const receipt = receipts[index] as { readonly status?: unknown; readonly blockNumber?: unknown }
  const { status, blockNumber } = parseAnswer(rpc, 'eth_getTransactionReceipt', () => ({
    status: parseQuantity(receipt.status),
    blockNumber: parseQuantity(receipt.blockNumber) as BlockNumber,
  }))
  if (status === 1) return { kind: 'done', transactionHash, blockNumber }
  const { to, data, value } = draftOf(intents.raw(transactionHash))
  // The receipt does not say why: the same call after its block does, for what refused it is still so.
  const answer = await rpc.ask('eth_call', [{ from: address, to, data, value: `0x${value.toString(16)}` }, quantity(blockNumber)])
  return { kind: 'refused', reason: !answer.isOk && isRevert(answer.refusal) ? revertReason(answer.refusal) : 'reverted when mined' }
}

/** Whether none of the intent's transactions can ever be mined: their nonce was used up, deep enough to stay so, by another. */
async function isLost(intent: JournalledIntent, context: SenderContext, reorgDepthMax: number): Promise<boolean> {
  const head = await readHead(context.rpc)
  const settledCount = await countTransactions(context.rpc, context.address, Math.max(0, head.number - reorgDepthMax))
  // Receipts last: one that came after the first look is seen now.
  return settledCount > intent.nonce && (await findOutcome(intent, context)) === undefined
}

/** Brings journalled intents to their outcome. */
export function createSettler(context: SenderContext, launcher: Launcher, exclusively: Lock, options: SettleOptions) {
  const { clock, pollMs, settleTimeoutMs, raiseFeeAfterMs, reorgDepthMax } = options

  /** Looks at one intent each time it is called, and moves it on where it is stuck. */
  function createAttendant(intentId: string, isJustBroadcast: boolean): () => Promise<Sight> {
    let raisedAtMs = clock.nowMs()
    let broadcastAtMs = isJustBroadcast ? raisedAtMs : Number.NEGATIVE_INFINITY
    return async () => {
      const intent = context.intents.get(intentId) as JournalledIntent
      const [outcome, minedCount] = await Promise.all([
        findOutcome(intent, context),
        countTransactions(context.rpc, context.address, 'latest'),
      ])
      if (outcome !== undefined) return { outcome }
      if (minedCount > intent.nonce) {
        // The two were not asked in one moment: it may have been mined in between.
        const mined = await findOutcome(intent, context)
        if (mined !== undefined) return { outcome: mined }
        context.onShared?.(intent.nonce)
        if (await isLost(intent, context, reorgDepthMax)) await exclusively(() => launcher.relaunch(intent))
        return { obstacle: `nonce ${intent.nonce} was used by another transaction` }
      }
      const nowMs = clock.nowMs()
      if (nowMs - raisedAtMs >= raiseFeeAfterMs) {
        raisedAtMs = nowMs
        await exclusively(() => launcher.replace(intentId, minedCount))
      }
      if (nowMs - broadcastAtMs < REBROADCAST_MS) return {}
      broadcastAtMs = nowMs
      const obstacle = await launcher.rebroadcast(minedCount, intent.nonce)
      return obstacle === undefined ? {} : { obstacle }
    }
  }

  /** Throws `CALL_NOT_SETTLED` when there is no receipt in time, or the signal's reason. Failures that may pass are waited out until then. */
  return async function settle(intentId: string, isJustBroadcast: boolean, signal: AbortSignal): Promise<CallOutcome> {
    const attend = createAttendant(intentId, isJustBroadcast)
    const startMs = clock.nowMs()
    let obstacle: unknown
    for (;;) {
      try {
        const sight = await untilAborted(attend(), signal)
        if (sight.outcome !== undefined) return sight.outcome
        if (sight.obstacle !== undefined) obstacle = new Error(sight.obstacle)
      } catch (failure) {
        if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
        obstacle = failure
      }
      const waitedMs = clock.nowMs() - startMs
      if (waitedMs >= settleTimeoutMs) throw new WeftError('CALL_NOT_SETTLED', { call: intentId, waitedMs }, obstacle)
      await clock.sleep(pollMs, signal)
    }
  }
}
