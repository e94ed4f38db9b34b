import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, EpochId, Hash } from '#domain/ids.ts'
import type { CallOutcome, Intent, ProtocolSender } from '#io/chain/port.ts'
import { release } from './release.ts'

const EPOCH = {
  epochId: 3 as EpochId,
  begin: 100 as BlockNumber,
  end: 109 as BlockNumber,
  parentHash: '0x' as Hash,
  endHash: '0x' as Hash,
  skipped: 0,
}
const NEVER = new AbortController().signal
const DONE: CallOutcome = { kind: 'done', transactionHash: `0x${'ab'.repeat(32)}` as Hash, blockNumber: 7 as BlockNumber }

function open(answer: () => Promise<CallOutcome>) {
  const sent: (Intent & { readonly signal: AbortSignal })[] = []
  const sender: ProtocolSender = {
    address: `0x${'e0'.repeat(20)}` as Address,
    send(intentId, call, signal) {
      sent.push({ intentId, call, signal })
      return answer()
    },
    hasSigned: () => true,
    gasMax: async () => 16_777_216,
    sendInOrder: () => Promise.reject(new Error('sent otherwise')),
  }
  const log: string[] = []
  const report = (event: string, facts: object) => void log.push(`${event} ${JSON.stringify(facts)}`)
  return {
    sent,
    log,
    releasing: (refusals: number, signal = NEVER) => release(EPOCH, refusals, { sender, report }, signal),
    skipping: (skipped: number) => release({ ...EPOCH, skipped }, 0, { sender, report }, NEVER),
  }
}

describe('a release', () => {
  test('E4: is one call with the range, under the range’s own intent', async () => {
    const { sent, log, releasing } = open(async () => DONE)
    const stop = new AbortController()
    expect(await releasing(0, stop.signal)).toEqual(DONE)
    expect(sent).toEqual([{ intentId: 'releaseEpoch/100', call: { kind: 'releaseEpoch', begin: 100, end: 109 }, signal: stop.signal }])
    expect(log).toEqual([`epoch_released {"epochId":3,"begin":100,"end":109,"blockNumber":7,"transactionHash":"0x${'ab'.repeat(32)}"}`])
  })

  test('E6: that leaves epochs out is a call of its own, and says how many', async () => {
    const { sent, log, skipping } = open(async () => DONE)
    await skipping(4)
    expect(sent).toMatchObject([{ intentId: 'forceSkipEpoch/100', call: { kind: 'forceSkipEpoch', begin: 100, end: 109 } }])
    expect(log[0]).toBe('epochs_skipped {"epochId":3,"begin":100,"count":4}')
  })

  test('E4: after a refusal is another intent each time, for a refusal is final for its own', async () => {
    const { sent, releasing } = open(async () => DONE)
    for (const refusals of [0, 1, 2]) await releasing(refusals)
    expect(sent.map(({ intentId }) => intentId)).toEqual(['releaseEpoch/100', 'releaseEpoch/100/1', 'releaseEpoch/100/2'])
  })

  test('E3: that the contract refused is told as one, never as released', async () => {
    const refused = { kind: 'refused', reason: 'E22' } as const
    const { log, releasing } = open(async () => refused)
    expect(await releasing(0)).toEqual(refused)
    expect(log).toEqual(['release_refused {"epochId":3,"begin":100,"end":109,"reason":"E22"}'])
  })

  test('E3, E5: without a receipt is told as nothing', async () => {
    const failure = new WeftError('CALL_NOT_SETTLED', { call: 'releaseEpoch/100', waitedMs: 1 })
    const { log, releasing } = open(() => Promise.reject(failure))
    await expect(releasing(0)).rejects.toBe(failure)
    expect(log).toEqual([])
  })
})
