import { privateKeyToAccount } from 'viem/accounts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { parseAddress, parseBlockNumber } from '#domain/ids.ts'
import type { Address, Hash } from '#domain/ids.ts'
import type { Secret } from '#domain/secret.ts'
import { quantity, readHead } from './block.ts'
import { createIntents } from './intents.ts'
import type { Intent } from './intents.ts'
import { untilAborted } from './pace.ts'
import type { Pace } from './pace.ts'
import type { CallOutcome, IntentJournal, ProtocolCall, ProtocolSender } from './port.ts'
import { isRevert, revertReason } from './revert.ts'
import { assertChainId, createRpc } from './rpc.ts'
import { countTransactions, draftOf, encodeCall, estimateGas, raiseFees, sign, suggestFees } from './transaction.ts'
import type { Draft } from './transaction.ts'

export interface ProtocolSenderOptions {
  readonly rpcUrl: string
  readonly chainId: number
  readonly protocolState: Address
  readonly dataMarket: Address
  readonly privateKey: Secret<Uint8Array>
  readonly journal: IntentJournal
  readonly clock: Pace
  /** How long `send` waits for a receipt before it throws `CALL_NOT_SETTLED`. */
  readonly settleTimeoutMs: number
  readonly pollMs?: number
  /** How long a transaction may wait for a block before its fee is raised. */
  readonly raiseFeeAfterMs?: number
  /** A nonce used up so many blocks ago stays used up: only then is a transaction that missed it signed anew. */
  readonly reorgDepthMax?: number
}

const POLL_MS = 500
const RAISE_FEE_AFTER_MS = 30_000
const REORG_DEPTH_MAX = 64
/** Nodes forget transactions that wait too long, and after a rewrite: they are told again this often. */
const REBROADCAST_MS = 10_000
/** Replacements of one transaction: five quarters to the eighth is six times the first fee. */
const REPLACEMENTS_MAX = 8

type Prepared = { readonly state: 'found' | 'launched' } | { readonly state: 'refused'; readonly reason: string }

/** Runs one piece of work after the other. */
function createLock(): <Value>(work: () => Promise<Value>) => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work, work)
    last = mine
    return mine
  }
}

/** Sends as one account through one node: `ProtocolSender` says what is promised. Nothing is asked of the node before the first call, which may also throw `CHAIN_WRONG`. */
export function createProtocolSender(options: ProtocolSenderOptions): ProtocolSender {
  const { clock, protocolState, dataMarket, chainId } = options
  const { pollMs = POLL_MS, raiseFeeAfterMs = RAISE_FEE_AFTER_MS, reorgDepthMax = REORG_DEPTH_MAX } = options
  const rpc = createRpc({ rpcUrl: options.rpcUrl, pause: clock })
  const account = privateKeyToAccount(`0x${options.privateKey.reveal().toHex()}`)
  const address = parseAddress(account.address)
  const intents = createIntents(options.journal, address)
  const exclusively = createLock()
  let isStarted = false

  /** Hands what is journalled and not mined to the node again, lowest nonce first: a gap below would hold up everything above. */
  async function rebroadcast(minedCount: number, upToNonce: number): Promise<string | undefined> {
    let refusal: string | undefined
    for (const { nonce, signed } of intents.all()) {
      if (nonce < minedCount || nonce > upToNonce) continue
      const answer = await rpc.ask('eth_sendRawTransaction', [signed.at(-1)?.raw])
      // "Already known" is a refusal too, and nodes word it as they like: the receipt decides, this only explains a wait.
      if (!answer.isOk) refusal = answer.refusal.message
    }
    return refusal
  }

  async function start(): Promise<void> {
    if (isStarted) return
    await assertChainId(rpc, chainId)
    await rebroadcast(await countTransactions(rpc, address, 'latest'), Number.POSITIVE_INFINITY)
    isStarted = true
  }

  /** Nonce, signature, journal, and only then the node: a crash anywhere leaves either nothing or an intent that is found again. */
  async function launch(intentId: string, kind: ProtocolCall['kind'], draft: Draft): Promise<void> {
    const [minedCount, fees] = await Promise.all([countTransactions(rpc, address, 'latest'), suggestFees(rpc)])
    const nonce = Math.max(minedCount, (intents.all().at(-1)?.nonce ?? -1) + 1)
    const signed = await sign(account, { chainId, nonce, draft, fees })
    await intents.put({ intentId, kind, nonce, signed: [signed] }, minedCount)
    await rpc.ask('eth_sendRawTransaction', [signed.raw])
  }

  /** Leaves the intent journalled and with the node, unless the contract refuses it beforehand. */
  async function prepare(intentId: string, call: ProtocolCall, signal: AbortSignal): Promise<Prepared> {
    await start()
    if (intents.get(intentId) !== undefined) return { state: 'found' }
    const data = encodeCall(call, dataMarket)
    const gas = await estimateGas(rpc, { kind: call.kind, from: address, to: protocolState, data })
    if (typeof gas === 'string') return { state: 'refused', reason: gas }
    signal.throwIfAborted()
    await launch(intentId, call.kind, { to: protocolState, data, gas })
    return { state: 'launched' }
  }

  /** The same nonce again with a higher fee; both transactions stay journalled, for either may be the one that is mined. */
  async function replace(intentId: string, minedCount: number): Promise<void> {
    const intent = intents.get(intentId)
    const last = intent?.signed.at(-1)
    if (intent === undefined || last === undefined || intent.signed.length > REPLACEMENTS_MAX) return
    const fees = raiseFees(last.raw, await suggestFees(rpc))
    if (fees === undefined) return
    const signed = await sign(account, { chainId, nonce: intent.nonce, draft: draftOf(last.raw), fees })
    await intents.put({ ...intent, signed: [...intent.signed, signed] }, minedCount)
    await rpc.ask('eth_sendRawTransaction', [signed.raw])
  }

  /** Whether none of the intent's transactions can ever be mined: their nonce was used up, deep enough to stay so, by another. */
  async function isLost(intent: Intent): Promise<boolean> {
    const head = await readHead(rpc)
    const depth = Math.max(0, head.number - reorgDepthMax)
    return (await countTransactions(rpc, address, depth)) > intent.nonce && (await findOutcome(intent)) === undefined
  }

  async function relaunch(intent: Intent): Promise<void> {
    // Another `send` of the same intent may have done it while this one waited for its turn.
    const current = intents.get(intent.intentId)
    const last = current?.signed.at(-1)
    if (current?.nonce === intent.nonce && last !== undefined) await launch(intent.intentId, intent.kind, draftOf(last.raw))
  }

  async function findOutcome(intent: Intent): Promise<CallOutcome | undefined> {
    const receipts = await rpc.all(intent.signed.map(({ hash }) => ({ method: 'eth_getTransactionReceipt', params: [hash] })))
    const index = receipts.findIndex((receipt) => receipt !== null)
    if (index < 0) return undefined
    const { status, blockNumber } = receipts[index] as { readonly status: string; readonly blockNumber: string }
    const { hash, raw } = intent.signed[index] as Intent['signed'][number]
    if (BigInt(status) === 1n) return { kind: 'done', transactionHash: hash as Hash, blockNumber: parseBlockNumber(BigInt(blockNumber)) }
    const { to, data } = draftOf(raw)
    // The receipt does not say why: the same call after its block does, for what refused it is still so.
    const answer = await rpc.ask('eth_call', [{ from: address, to, data }, quantity(BigInt(blockNumber))])
    return { kind: 'refused', reason: !answer.isOk && isRevert(answer.refusal) ? revertReason(answer.refusal) : 'reverted when mined' }
  }

  /** One look at the chain; moves the intent on where it is stuck. */
  function createAttendant(intentId: string, isLaunched: boolean) {
    let broadcastAtMs = isLaunched ? clock.nowMs() : Number.NEGATIVE_INFINITY
    let raisedAtMs = clock.nowMs()
    return async (): Promise<{ readonly outcome?: CallOutcome; readonly obstacle?: string }> => {
      const intent = intents.get(intentId) as Intent
      const [outcome, minedCount] = await Promise.all([findOutcome(intent), countTransactions(rpc, address, 'latest')])
      if (outcome !== undefined) return { outcome }
      const nowMs = clock.nowMs()
      if (minedCount > intent.nonce) {
        if (await isLost(intent)) await exclusively(() => relaunch(intent))
        return { obstacle: `nonce ${intent.nonce} was used by another transaction` }
      }
      if (nowMs - raisedAtMs >= raiseFeeAfterMs) {
        raisedAtMs = nowMs
        await exclusively(() => replace(intentId, minedCount))
      }
      if (nowMs - broadcastAtMs < REBROADCAST_MS) return {}
      broadcastAtMs = nowMs
      const refusal = await rebroadcast(minedCount, intent.nonce)
      return refusal === undefined ? {} : { obstacle: refusal }
    }
  }

  async function settle(intentId: string, attend: ReturnType<typeof createAttendant>, signal: AbortSignal): Promise<CallOutcome> {
    const startMs = clock.nowMs()
    let obstacle: unknown
    for (;;) {
      try {
        const seen = await untilAborted(attend(), signal)
        if (seen.outcome !== undefined) return seen.outcome
        if (seen.obstacle !== undefined) obstacle = new Error(seen.obstacle)
      } catch (failure) {
        if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
        obstacle = failure
      }
      const waitedMs = clock.nowMs() - startMs
      if (waitedMs >= options.settleTimeoutMs) throw new WeftError('CALL_NOT_SETTLED', { call: intentId, waitedMs }, obstacle)
      await clock.sleep(pollMs, signal)
    }
  }

  return {
    address,
    async send(intentId, call, signal) {
      signal.throwIfAborted()
      const prepared = await untilAborted(
        exclusively(() => prepare(intentId, call, signal)),
        signal,
      )
      if (prepared.state === 'refused') return { kind: 'refused', reason: prepared.reason }
      return settle(intentId, createAttendant(intentId, prepared.state === 'launched'), signal)
    },
  }
}
