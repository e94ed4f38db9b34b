import { isWeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import type { CallOutcome, Intent, IntentJournal, ProtocolCall, ProtocolSender } from '#io/chain/port.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import type { Signer } from '#io/keys/port.ts'
import type { Pace } from '#io/chain/rpc/pace.ts'
import { assertChainId, createRpc } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createGasLimit } from './gas-limit.ts'
import { createIntents } from './intents.ts'
import { createLauncher } from './launch.ts'
import type { Launch, OnHeld } from './launch.ts'
import { createSettler } from './settle.ts'
import type { Lock } from './settle.ts'
import { countTransactions, encodeCall, estimateGas } from './transaction.ts'

export interface ProtocolSenderOptions {
  readonly rpcUrl: string
  /** What others of the process ask too, so that a budget of requests is one; without it one of its own. */
  readonly rpc?: Rpc
  readonly chainId: number
  readonly protocolState: Address
  readonly dataMarket: Address
  readonly signer: Signer
  /** This account's alone: two senders of one account with two journals would use each other's nonces. */
  readonly journal: IntentJournal
  readonly clock: Pace
  /** How long `send` waits for a receipt before it throws `CALL_NOT_SETTLED`. */
  readonly settleTimeoutMs: number
  readonly pollMs?: number
  /** Nothing is offered above it; without it, nothing far above what the chain has taken lately. */
  readonly feePerGasMaxWei?: bigint | undefined
  /** What a transaction may have on this chain where that differs from EIP-7825; blocks and refusals may say that it is less. */
  readonly gasPerTransactionMax?: bigint | undefined
  /** How long a transaction may wait for a block before its fee is raised. */
  readonly raiseFeeAfterMs?: number
  /** A nonce used up so many blocks ago stays used up: only then is a transaction that missed it signed anew. */
  readonly reorgDepthMax?: number
  /** Told of nonces that somebody else with the key of this account has used; each may come again and again. */
  readonly onShared?: (nonce: number) => void
  /** Told why a node does not take a transaction, and whether somebody must mend it; may come again and again. */
  readonly onHeld?: OnHeld
}

const POLL_MS = 500
const RAISE_FEE_AFTER_MS = 30_000
const REORG_DEPTH_MAX = 64

type Prepared = { readonly state: 'found' | 'launched' } | { readonly state: 'refused'; readonly reason: string }

const votesOn = (call: ProtocolCall) => (call.kind === 'submitBatchAttestation' ? { projectCount: call.projectCount } : {})

function createLock(): Lock {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work, work)
    last = mine
    return mine
  }
}

/**
 * Sends as one account through one node: `ProtocolSender` says what is promised. Nothing is asked of the node before the first call,
 * which may therefore throw `CHAIN_WRONG`.
 */
export function createProtocolSender(options: ProtocolSenderOptions): ProtocolSender {
  const { clock, protocolState, dataMarket, chainId, settleTimeoutMs } = options
  const { pollMs = POLL_MS, raiseFeeAfterMs = RAISE_FEE_AFTER_MS, reorgDepthMax = REORG_DEPTH_MAX } = options
  const rpc = options.rpc ?? createRpc({ rpcUrl: options.rpcUrl, chainId, pause: clock })
  const { signer } = options
  const { address } = signer
  const intents = createIntents(options.journal, address)
  const exclusively = createLock()
  const { onShared, onHeld, feePerGasMaxWei } = options
  const gasLimit = createGasLimit({ rpc, journal: options.journal, gasPerTransactionMax: options.gasPerTransactionMax })
  const context = { rpc, chainId, signer, intents, gasLimit, onShared, onHeld, feePerGasMaxWei }
  const launcher = createLauncher(context)
  const settle = createSettler(context, launcher, exclusively, { clock, pollMs, settleTimeoutMs, raiseFeeAfterMs, reorgDepthMax })
  let starting: Promise<void> | undefined

  /** Once per process: what an earlier one journalled is with the node before anything new is. */
  async function start(): Promise<void> {
    await assertChainId(rpc, chainId)
    await launcher.rebroadcast(await countTransactions(rpc, address, 'latest'), Number.POSITIVE_INFINITY)
  }

  function started(): Promise<void> {
    starting ??= start().catch((failure: unknown) => {
      starting = undefined
      throw failure
    })
    return starting
  }

  /** What the call is sent as, or why the contract refuses it beforehand. */
  async function draft({ intentId, call }: Intent): Promise<Launch | string> {
    const data = encodeCall(call, dataMarket)
    const gas = await estimateGas(
      rpc,
      { ...votesOn(call), kind: call.kind, from: address, to: protocolState, data, value: 0n },
      gasLimit,
    ).catch((failure: unknown) => {
      if (isWeftError(failure) && failure.code.startsWith('CALL_')) onHeld?.(failure, true)
      throw failure
    })
    return typeof gas === 'string' ? gas : { intentId, kind: call.kind, draft: { to: protocolState, data, value: 0n, gas } }
  }

  async function launch(launches: readonly Launch[]): Promise<void> {
    try {
      await launcher.launch(launches)
    } catch (failure) {
      // Those before the one that could not be journalled are sent all the same, and none behind it.
      await start().catch(() => undefined)
      throw failure
    }
  }

  /** Leaves the intents journalled and with the node, in the order of the calls, but for those that the contract refuses beforehand. */
  function prepare(wanted: readonly Intent[], signal: AbortSignal): Promise<readonly Prepared[]> {
    // Side by side, and while others have their turn: what takes long is asking the node.
    const drafting = started().then(() =>
      Promise.all(wanted.map((intent) => (intents.get(intent.intentId) === undefined ? draft(intent) : undefined))),
    )
    drafting.catch(() => undefined)
    return exclusively(async () => {
      const drafts = await drafting
      // Another `send` may have journalled one of them meanwhile.
      const launches = drafts.filter((each) => typeof each === 'object' && intents.get(each.intentId) === undefined) as Launch[]
      // The last moment at which stopping leaves nothing behind.
      signal.throwIfAborted()
      if (launches.length > 0) await launch(launches)
      return drafts.map((each) => {
        if (typeof each === 'string') return { state: 'refused', reason: each }
        return { state: each !== undefined && launches.includes(each) ? 'launched' : 'found' }
      })
    })
  }

  async function sendInOrder(wanted: readonly Intent[], signal: AbortSignal): Promise<readonly CallOutcome[]> {
    signal.throwIfAborted()
    const prepared = await untilAborted(prepare(wanted, signal), signal)
    // When one cannot go on the caller hears of it, and comes again for all.
    const over = new AbortController()
    const isWanted = AbortSignal.any([signal, over.signal])
    try {
      return await Promise.all(
        wanted.map(async ({ intentId }, index): Promise<CallOutcome> => {
          const { state, ...rest } = prepared[index] as Prepared
          return 'reason' in rest ? { kind: 'refused', reason: rest.reason } : settle(intentId, state === 'launched', isWanted)
        }),
      )
    } finally {
      over.abort()
    }
  }

  return {
    address,
    hasSigned: intents.hasSigned,
    gasMax: async () => Number(await gasLimit.now()),
    sendInOrder,
    async send(intentId, call, signal) {
      const [outcome] = await sendInOrder([{ intentId, call }], signal)
      return outcome as CallOutcome
    },
  }
}
