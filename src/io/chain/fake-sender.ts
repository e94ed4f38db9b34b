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

/** Like the real sender: journal first, then the pool, then the receipt; what is journalled is never made anew. */
export function createFakeSender(options: FakeSenderOptions, mempool: FakeMempool): ProtocolSender {
  const { address, journal, clock } = options

  /** A transaction's hash follows from its intent: the same intent is the same transaction, in any process. */
  function transactionOf(intentId: string, call: ProtocolCall): FakeTransaction {
    return { hash: `0x${keccak256(encoder.encode(`${address} ${intentId}`)).toHex()}` as Hash, from: address, call }
  }

  async function settle(transaction: FakeTransaction, signal: AbortSignal): Promise<CallOutcome> {
    const startMs = clock.nowMs()
    for (;;) {
      mempool.assertReachable('receipt')
      mempool.broadcast(transaction)
      const receipt = mempool.receipt(transaction.hash)
      if (receipt?.reverted !== undefined) return { kind: 'refused', reason: receipt.reverted }
      if (receipt !== undefined) return { kind: 'done', transactionHash: transaction.hash, blockNumber: receipt.block.number }
      const waitedMs = clock.nowMs() - startMs
      if (waitedMs >= options.settleTimeoutMs) throw new WeftError('CALL_NOT_SETTLED', { call: transaction.call.kind, waitedMs })
      await clock.sleep(options.pollMs, signal)
    }
  }

  /** Leaves the call journalled, unless it is refused beforehand. */
  async function prepare({ intentId, call }: Intent): Promise<FakeTransaction | { readonly reason: string }> {
    mempool.assertReachable('send')
    const key = `intent/${address}/${intentId}`
    const journalled = journal.get(key)
    if (journalled !== undefined) return transactionOf(intentId, JSON.parse(decoder.decode(journalled)) as ProtocolCall)
    const reason = mempool.estimate(address, call)
    if (reason !== undefined) return { reason }
    await journal.commit([{ key, value: encoder.encode(JSON.stringify(call)) }])
    const transaction = transactionOf(intentId, call)
    mempool.broadcast(transaction)
    return transaction
  }

  async function sendInOrder(wanted: readonly Intent[], signal: AbortSignal): Promise<readonly CallOutcome[]> {
    const prepared: Awaited<ReturnType<typeof prepare>>[] = []
    for (const intent of wanted) {
      signal.throwIfAborted()
      prepared.push(await prepare(intent))
    }
    return Promise.all(
      prepared.map(async (one): Promise<CallOutcome> => ('reason' in one ? { kind: 'refused', reason: one.reason } : settle(one, signal))),
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
