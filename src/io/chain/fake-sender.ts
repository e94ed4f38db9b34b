import { WeftError } from '#domain/errors.ts'
import type { Address, Hash } from '#domain/ids.ts'
import { keccak256 } from '#wire/keccak.ts'
import type { FakeMempool, FakeTransaction } from './fake.ts'
import type { Pace } from './pace.ts'
import type { CallOutcome, IntentJournal, ProtocolCall, ProtocolSender } from './port.ts'

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

  return {
    address,
    async send(intentId, call, signal) {
      signal.throwIfAborted()
      mempool.assertReachable('send')
      const key = `intent/${address}/${intentId}`
      const journalled = journal.get(key)
      if (journalled !== undefined) return settle(transactionOf(intentId, JSON.parse(decoder.decode(journalled)) as ProtocolCall), signal)
      const reason = mempool.estimate(address, call)
      if (reason !== undefined) return { kind: 'refused', reason }
      await journal.commit([{ key, value: encoder.encode(JSON.stringify(call)) }])
      return settle(transactionOf(intentId, call), signal)
    },
  }
}
