import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Address, Hash } from '#domain/ids.ts'
import type { CallOutcome, Intent, IntentJournal, ProtocolCall, ProtocolSender } from '#io/chain/port.ts'
import type { Pace } from '#io/chain/rpc/pace.ts'
import { keccak256 } from '#wire/keccak.ts'
import type { FakeMempool, FakeTransaction } from './anchor.ts'

export interface FakeSenderOptions {
  readonly address: Address
  readonly journal: IntentJournal
  readonly clock: Pace
  readonly pollMs: number
  readonly settleTimeoutMs: number
  readonly onShared?: ((nonce: number) => void) | undefined
}

/** A nonce used up so many blocks ago stays used up. */
const SETTLED_DEPTH = 24
/** What EIP-7825 allows a transaction. */
const TRANSACTION_GAS_MAX = 16_777_216
const encoder = new TextEncoder()
const decoder = new TextDecoder()

interface Journalled {
  readonly nonce: number
  readonly call: ProtocolCall
}

/** As the pool takes it. */
type Signed = FakeTransaction & Journalled

function unlessItMayPass(failure: unknown): undefined {
  if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
}

/** Like the real sender: journal first, then the pool, then the receipt; what is journalled is never made anew. */
export function createFakeSender(options: FakeSenderOptions, mempool: FakeMempool): ProtocolSender {
  const { address, journal, clock } = options
  const prefix = `intent/${address}/`
  /** By intent id, in order of their nonces. */
  let journalled: Map<string, Signed> | undefined
  let lastPrepared: Promise<unknown> = Promise.resolve()

  function intents(): Map<string, Signed> {
    if (journalled !== undefined) return journalled
    journalled = new Map(
      journal
        .scan(prefix)
        .map(({ key, value }) => [key.slice(prefix.length), transactionOf(JSON.parse(decoder.decode(value)) as Journalled)] as const)
        .sort(([, left], [, right]) => left.nonce - right.nonce),
    )
    return journalled
  }

  /** A transaction's hash follows from what is journalled: the same in any process that still has the journal. */
  function transactionOf({ nonce, call }: Journalled): Signed {
    const content = encoder.encode(`${address} ${nonce} ${JSON.stringify(call)}`)
    return { hash: `0x${keccak256(content).toHex()}` as Hash, from: address, nonce, call }
  }

  /** Made once more with a fresh nonce when another process of the account, whose journal is lost, has used up its own for good. */
  async function relaunchIfLost(intentId: string): Promise<void> {
    const made = intents().get(intentId) as Signed
    if (mempool.receipt(made.hash) !== undefined) return
    if (mempool.transactionCount(address) > made.nonce) options.onShared?.(made.nonce)
    if (mempool.transactionCount(address, SETTLED_DEPTH) <= made.nonce) return
    await inTurn(() => launch(intentId, made.call))
  }

  function nextNonce(): number {
    const last = [...intents().values()].at(-1)
    return Math.max(mempool.transactionCount(address), last === undefined ? 0 : last.nonce + 1)
  }

  /** Everything up to the intent goes to the pool again, in order: a nonce that a reorganisation has freed keeps all later ones out. */
  function broadcastUpTo(intentId: string): void {
    for (const [earlier, made] of intents()) {
      mempool.broadcast(made)
      if (earlier === intentId) return
    }
  }

  /** What became of the intent, as far as that is known. */
  async function attend(intentId: string): Promise<CallOutcome | undefined> {
    mempool.assertReachable('receipt')
    broadcastUpTo(intentId)
    await relaunchIfLost(intentId)
    const { hash } = intents().get(intentId) as Signed
    const receipt = mempool.receipt(hash)
    if (receipt?.reverted !== undefined) return { kind: 'refused', reason: receipt.reverted }
    return receipt && { kind: 'done', transactionHash: hash, blockNumber: receipt.block.number }
  }

  /** Like the real one it waits failures out that may pass. */
  async function settle(intentId: string, call: ProtocolCall, signal: AbortSignal): Promise<CallOutcome> {
    const startMs = clock.nowMs()
    for (;;) {
      const outcome = await attend(intentId).catch(unlessItMayPass)
      if (outcome !== undefined) return outcome
      const waitedMs = clock.nowMs() - startMs
      if (waitedMs >= options.settleTimeoutMs) throw new WeftError('CALL_NOT_SETTLED', { call: call.kind, waitedMs })
      await clock.sleep(options.pollMs, signal)
    }
  }

  async function launch(intentId: string, call: ProtocolCall): Promise<void> {
    const last = [...intents().values()].at(-1)
    if (last !== undefined && mempool.transactionCount(address) > last.nonce + 1) options.onShared?.(last.nonce + 1)
    const made: Journalled = { nonce: nextNonce(), call }
    await journal.commit([{ key: `${prefix}${intentId}`, value: encoder.encode(JSON.stringify(made)) }])
    // Only now: whoever settles another call must not broadcast one that a power cut could still take back.
    intents().delete(intentId)
    intents().set(intentId, transactionOf(made))
    broadcastUpTo(intentId)
  }

  /** Leaves the call journalled, unless it is refused beforehand: then with the reason. */
  async function prepare({ intentId, call }: Intent): Promise<string | undefined> {
    mempool.assertReachable('send')
    if (intents().has(intentId)) return undefined
    const reason = mempool.estimate(address, call)
    if (reason === undefined) await launch(intentId, call)
    return reason
  }

  /** One after the other: two at once would take the same nonce. */
  function inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const mine = lastPrepared.then(work, work)
    lastPrepared = mine
    return mine
  }

  async function sendInOrder(wanted: readonly Intent[], signal: AbortSignal): Promise<readonly CallOutcome[]> {
    const refusals: (string | undefined)[] = []
    for (const intent of wanted) {
      signal.throwIfAborted()
      refusals.push(await inTurn(() => prepare(intent)))
    }
    return Promise.all(
      wanted.map(async ({ intentId, call }, index): Promise<CallOutcome> => {
        const reason = refusals[index]
        return reason === undefined ? settle(intentId, call, signal) : { kind: 'refused', reason }
      }),
    )
  }

  return {
    address,
    hasSigned: (hash) => [...intents().values()].some((made) => made.hash === hash),
    async gasMax() {
      mempool.assertReachable('gasMax')
      return TRANSACTION_GAS_MAX
    },
    sendInOrder,
    async send(intentId, call, signal) {
      const [outcome] = await sendInOrder([{ intentId, call }], signal)
      return outcome as CallOutcome
    },
  }
}
