import { isWeftError, WeftError } from '#domain/errors.ts'
import type { BlockNumber } from '#domain/ids.ts'
import type { CallOutcome } from '#io/chain/port.ts'
import type { RpcRefusal } from '#io/chain/rpc/answer.ts'
import { quantity, readHead } from '#io/chain/rpc/block.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import { whyNotTaken } from '#io/chain/rpc/not-taken.ts'
import type { Pace } from '#io/chain/rpc/pace.ts'
import { isRevert, revertReason } from '#io/chain/rpc/revert.ts'
import { parseAnswer, parseQuantity } from '#io/chain/rpc/rpc.ts'
import { heldBy } from './held.ts'
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
  readonly obstacle?: Error
  /** The obstacle does not pass by itself. */
  readonly needsPerson?: boolean
}

/** The outcome of whichever of the intent's transactions is in the chain; `undefined` while none is. */
async function findOutcome(
  intent: JournalledIntent,
  { rpc, signer: { address }, intents }: SenderContext,
): Promise<CallOutcome | undefined> {
  const receipts = await rpc.all(intent.hashes.map((hash) => ({ method: 'eth_getTransactionReceipt', params: [hash] })))
  const index = receipts.findIndex((receipt) => receipt !== null)
  const transactionHash = intent.hashes[index]
  if (transactionHash === undefined) return undefined
  const receipt = receipts[index] as { readonly status?: unknown; readonly blockNumber?: unknown }
  const { status, blockNumber } = parseAnswer(rpc, 'eth_getTransactionReceipt', () => ({
    status: parseQuantity(receipt.status),
    blockNumber: parseQuantity(receipt.blockNumber) as BlockNumber,
  }))
  // What is decided next by what the call did must not be read from before it.
  rpc.reach?.come({ number: blockNumber })
  if (status === 1) return { kind: 'done', transactionHash, blockNumber }
  const { to, data, value } = draftOf(intents.raw(transactionHash))
  // The receipt does not say why: the same call after its block does, for what refused it is still so.
  const [answer, header] = await Promise.all([
    rpc.ask('eth_call', [{ from: address, to, data, value: `0x${value.toString(16)}` }, quantity(blockNumber)]),
    rpc.ask('eth_getBlockByNumber', [quantity(blockNumber), false]),
  ])
  if (header.isOk && header.result === null) {
    const detail = `block ${blockNumber}, which has the receipt, is not there yet`
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: 'eth_call', detail })
  }
  return { kind: 'refused', reason: !answer.isOk && isRevert(answer.refusal) ? revertReason(answer.refusal) : 'reverted when mined' }
}

/** Whether none of the intent's transactions can ever be mined: their nonce was used up, deep enough to stay so, by another. */
async function isLost(intent: JournalledIntent, context: SenderContext, reorgDepthMax: number): Promise<boolean> {
  const head = await readHead(context.rpc)
  const deepCount = await countTransactions(context.rpc, context.signer.address, Math.max(0, head.number - reorgDepthMax))
  // On a chain that makes blocks only for transactions nothing gets deep: what the chain itself calls final will stay too.
  const settledCount = Math.max(deepCount, deepCount > intent.nonce ? 0 : await countFinal(context))
  // Receipts last: one that came after the first look is seen now.
  return settledCount > intent.nonce && (await findOutcome(intent, context)) === undefined
}

/** 0 where the chain does not say what is final. */
async function countFinal({ rpc, signer: { address } }: SenderContext): Promise<number> {
  const answer = await rpc.ask('eth_getTransactionCount', [address, 'finalized'])
  return answer.isOk ? parseAnswer(rpc, 'eth_getTransactionCount', () => parseQuantity(answer.result)) : 0
}

/** Brings journalled intents to their outcome. */
export function createSettler(context: SenderContext, launcher: Launcher, exclusively: Lock, options: SettleOptions) {
  const { clock, pollMs, settleTimeoutMs, raiseFeeAfterMs, reorgDepthMax } = options

  /** Looks at one intent each time it is called, and moves it on where it is stuck. */
  function createAttendant(intentId: string, isJustBroadcast: boolean): () => Promise<Sight> {
    let raisedAtMs = clock.nowMs()
    let underpricedAtMs = Number.NEGATIVE_INFINITY
    let told: RpcRefusal | undefined
    let isUsedUp = false
    let broadcastAtMs = isJustBroadcast ? raisedAtMs : Number.NEGATIVE_INFINITY

    /** Offers more when the node has not taken the transaction for its fee, or no block has for too long. */
    async function raiseIfDue(intent: JournalledIntent, minedCount: number): Promise<void> {
      const nowMs = clock.nowMs()
      const refusal = launcher.refusalOf(intent)
      const isUnderpriced = refusal !== undefined && whyNotTaken(refusal) === 'CALL_UNDERPRICED'
      if (!(isUnderpriced && nowMs - underpricedAtMs >= REBROADCAST_MS) && nowMs - raisedAtMs < raiseFeeAfterMs) return
      raisedAtMs = nowMs
      underpricedAtMs = nowMs
      const raised = await exclusively(() => launcher.replace(intentId, minedCount))
      if (raised !== 'capped') return
      const failure = new WeftError('CALL_FEE_CAPPED', { call: intentId, detail: 'a replacement would be dearer than what we pay' })
      context.onHeld?.(failure, true)
    }

    /** Offers less gas when the chain does not take so much in one transaction. */
    async function refitIfRefused(intent: JournalledIntent, minedCount: number): Promise<void> {
      const refusal = launcher.refusalOf(intent)
      if (refusal !== undefined && whyNotTaken(refusal) === 'CALL_GAS_HIGH')
        await exclusively(() => launcher.refit(intentId, refusal, minedCount))
    }

    /** Why the node has not taken the transaction, if it has not. */
    async function obstacleOf(intent: JournalledIntent, minedCount: number): Promise<Sight> {
      const refusal = launcher.refusalOf(intent)
      if (refusal === undefined) return {}
      const { failure, needsPerson } = await heldBy(refusal, { intent, minedCount }, context)
      // Once each time it is said.
      if (refusal !== told) context.onHeld?.(failure, needsPerson)
      told = refusal
      return { obstacle: failure, needsPerson }
    }

    return async () => {
      const intent = context.intents.get(intentId) as JournalledIntent
      const look = () => Promise.all([findOutcome(intent, context), countTransactions(context.rpc, context.signer.address, 'latest')])
      const [outcome, minedCount] = await look()
      if (outcome !== undefined) return { outcome }
      if (minedCount > intent.nonce) {
        // The two were not asked in one moment: it may have been mined in between. Asked for both again, a node that is behind has neither.
        const [mined, countThen] = await look()
        if (mined !== undefined) return { outcome: mined }
        if (countThen <= intent.nonce) return {}
        // Nodes count what they are mining before it has receipts: it is said when it is still so at the next look.
        if (isUsedUp) context.onShared?.(intent.nonce)
        isUsedUp = true
        if (await isLost(intent, context, reorgDepthMax)) await exclusively(() => launcher.relaunch(intent))
        return { obstacle: new Error(`nonce ${intent.nonce} was used by another transaction`) }
      }
      await refitIfRefused(intent, minedCount)
      await raiseIfDue(intent, minedCount)
      if (clock.nowMs() - broadcastAtMs >= REBROADCAST_MS) {
        broadcastAtMs = clock.nowMs()
        await launcher.rebroadcast(minedCount, intent.nonce)
      }
      return obstacleOf(context.intents.get(intentId) as JournalledIntent, minedCount)
    }
  }

  /**
   * Throws what a node refuses the transaction for, at once, where that does not pass by itself (`CALL_UNFUNDED` and the like); `CALL_NOT_SETTLED`
   * when there is no receipt in time, or the signal's reason. Failures that may pass are waited out until then.
   */
  return async function settle(intentId: string, isJustBroadcast: boolean, signal: AbortSignal): Promise<CallOutcome> {
    const attend = createAttendant(intentId, isJustBroadcast)
    const startMs = clock.nowMs()
    let obstacle: unknown
    for (;;) {
      let sight: Sight = {}
      try {
        sight = await untilAborted(attend(), signal)
      } catch (failure) {
        if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
        obstacle = failure
      }
      if (sight.outcome !== undefined) {
        launcher.forget(context.intents.get(intentId) as JournalledIntent)
        return sight.outcome
      }
      if (sight.needsPerson === true) throw sight.obstacle
      obstacle = sight.obstacle ?? obstacle
      const waitedMs = clock.nowMs() - startMs
      if (waitedMs >= settleTimeoutMs) throw new WeftError('CALL_NOT_SETTLED', { call: intentId, waitedMs }, obstacle)
      await clock.sleep(pollMs, signal)
    }
  }
}
