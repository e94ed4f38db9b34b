import { WeftError } from '#domain/errors.ts'
import type { Address, Hash } from '#domain/ids.ts'
import { keccak256 } from '#wire/keccak.ts'
import type { FakeMempool, FakeTransaction } from './fake.ts'
import type { Pace } from './pace.ts'
import type { CallOutcome, Intent, IntentJournal, ProtocolCall, ProtocolSender } from './port.ts'

export interface FakeSenderOptions {
  readonly address: Address
  readonly journal: IntentJournal
  readonly clock: Pace
  readonly pollMs: number
  readonly settleTimeoutMs: number
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

interface Journalled {
  readonly nonce: number
  readonly call: ProtocolCall
}

/** Like the real sender: journal first, then the pool, then the receipt; what is journalled is never made anew. */
export function createFakeSender(options: FakeSenderOptions, mempool: FakeMempool): ProtocolSender {
  const { address, journal, clock } = options
  const prefix = `intent/${address}/`
  /** By intent id, in order of their nonces. */
  let journalled: Map<string, Journalled> | undefined
  let lastPrepared: Promise<unknown> = Promise.resolve()

  function intents(): Map<string, Journalled> {
    if (journalled !== undefined) return journalled
    journalled = new Map(
      journal
        .scan(prefix)
        .map(({ key, value }) => [key.slice(prefix.length), JSON.parse(decoder.decode(value)) as Journalled] as const)
        .sort(([, left], [, right]) => left.nonce - right.nonce),
    )
    return journalled
  }

  /** A transaction's hash follows from its intent: the same intent is the same transaction, in any process. */
  function transactionOf(intentId: string, { nonce, call }: Journalled): FakeTransaction {
    return { hash: `0x${keccak256(encoder.encode(`${address} ${intentId}`)).toHex()}` as Hash, from: address, nonce, call }
  }

  function nextNonce(): number {
    const last = [...intents().values()].at(-1)
    return Math.max(mempool.transactionCount(address), last === undefined ? 0 : last.nonce + 1)
  }

  /** Everything up to the intent goes to the pool again, in order: a nonce that a reorganisation has freed keeps all later ones out. */
  function broadcastUpTo(intentId: string): void {
    for (const [earlier, made] of intents()) {
      mempool.broadcast(transactionOf(earlier, made))
      if (earlier === intentId) return
    }
  }

  async function settle(intentId: string, { hash, call }: FakeTransaction, signal: AbortSignal): Promise<CallOutcome> {
    const startMs = clock.nowMs()
    for (;;) {
      mempool.assertReachable('receipt')
      broadcastUpTo(intentId)
      const receipt = mempool.receipt(hash)
      if (receipt?.reverted !== undefined) return { kind: 'refused', reason: receipt.reverted }
      if (receipt !== undefined) return { kind: 'done', transactionHash: hash, blockNumber: receipt.block.number }
      const waitedMs = clock.nowMs() - startMs
      if (waitedMs >= options.settleTimeoutMs) throw new WeftError('CALL_NOT_SETTLED', { call: call.kind, waitedMs })
      await clock.sleep(options.pollMs, signal)
    }
  }

  /** Leaves the call journalled, unless it is refused beforehand. */
  async function prepare({ intentId, call }: Intent): Promise<FakeTransaction | { readonly reason: string }> {
    mempool.assertReachable('send')
    const known = intents().get(intentId)
    if (known !== undefined) return transactionOf(intentId, known)
    const reason = mempool.estimate(address, call)
    if (reason !== undefined) return { reason }
    const made: Journalled = { nonce: nextNonce(), call }
    await journal.commit([{ key: `${prefix}${intentId}`, value: encoder.encode(JSON.stringify(made)) }])
    // Only now: whoever settles another call must not broadcast one that a power cut could still take back.
    intents().set(intentId, made)
    broadcastUpTo(intentId)
    return transactionOf(intentId, made)
  }

  /** One after the other: two at once would take the same nonce. */
  function prepareInTurn(intent: Intent): ReturnType<typeof prepare> {
    const mine = lastPrepared.then(
      () => prepare(intent),
      () => prepare(intent),
    )
    lastPrepared = mine
    return mine
  }

  async function sendInOrder(wanted: readonly Intent[], signal: AbortSignal): Promise<readonly CallOutcome[]> {
    const prepared: Awaited<ReturnType<typeof prepare>>[] = []
    for (const intent of wanted) {
      signal.throwIfAborted()
      prepared.push(await prepareInTurn(intent))
    }
    return Promise.all(
      prepared.map(async (one, index): Promise<CallOutcome> => {
        if ('reason' in one) return { kind: 'refused', reason: one.reason }
        return settle((wanted[index] as Intent).intentId, one, signal)
      }),
    )
  }

  return {
    address,
    sendInOrder,
    async send(intentId, call, signal) {
      const [outcome] = await sendInOrder([{ intentId, call }], signal)
      return outcome as CallOutcome
    },
  }
}
