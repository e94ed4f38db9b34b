import { expect, test } from 'vitest'
import type { Address, SlotId, SubmissionId } from '#domain/ids.ts'
import type { Receipt } from '#domain/submission.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { Answer, Passed } from '#io/log/port.ts'
import { live } from '#life/live.ts'
import { createCounters } from '#roles/sequencer/counters.ts'
import type { Ballot } from '#roles/sequencer/intake/ballot.ts'
import { createPassOn, type PassOn } from './pass-on.ts'

const PARTITIONS = 2

function openStage() {
  const clock = createVirtualClock()
  const passed: { readonly partition: number; readonly delivery: Passed }[] = []
  const counters = createCounters()
  const answered: Receipt[] = []
  const stopping = new AbortController()
  let said = Promise.withResolvers<readonly Answer[]>()
  const shared = {
    pass: (partition: number, deliveries: readonly Passed[]) =>
      void passed.push(...deliveries.map((delivery) => ({ partition, delivery }))),
    async *answers() {
      while (!stopping.signal.aborted) yield await said.promise
    },
  }
  let passOn: PassOn | undefined
  async function say(answers: readonly Answer[]): Promise<void> {
    const before = said
    said = Promise.withResolvers()
    before.resolve(answers)
    await clock.advance(0)
  }
  void live(stopping.signal, (life) => {
    passOn = createPassOn(PARTITIONS, { shared, clock, counters }, life)
  })
  return {
    clock,
    passed,
    answered,
    counters,
    take(slotId: number, length = 0) {
      const submissionId = String(slotId) as SubmissionId
      const ballot = { submission: { request: { slotId, epochId: 1 } }, signer: '0x' as Address } as unknown as Ballot
      const respond = (receipt: Receipt) => void answered.push(receipt)
      if (passOn?.isWayFull(slotId as SlotId)) return 'full'
      return (passOn as PassOn).record(ballot, { peer: 'p', protocol: 'weft', submissionId, payload: new Uint8Array(length), respond })
    },
    answer: (ids: readonly number[]) =>
      say(ids.map((id) => ({ id, receipt: { submissionId: String(id) as SubmissionId, code: 'accepted', reason: '' } }))),
    /** That they wait at the box. */
    waits: (ids: readonly number[]) => say(ids.map((id) => ({ id }))),
    stop: () => stopping.abort(new Error('test is over')),
  }
}

test('S29: what is not answered is passed on again, to the same partition, and answered once', async () => {
  const stage = openStage()
  expect([stage.take(1), stage.take(2)]).toEqual(['passed_on', 'passed_on'])
  await stage.clock.advance(100)
  expect(stage.passed.map(({ partition, delivery }) => [partition, delivery.id])).toEqual([
    [1, 1],
    [0, 2],
  ])
  await stage.answer([2])
  await stage.clock.advance(2_500)
  expect(stage.passed.slice(2).map(({ partition, delivery }) => [partition, delivery.id])).toEqual([
    [1, 1],
    [1, 1],
  ])
  await stage.answer([1, 1, 2])
  await stage.clock.advance(5_000)
  expect(stage.passed).toHaveLength(4)
  expect(stage.answered).toHaveLength(2)
  expect(stage.counters.total()).toEqual({ accepted: 2 })
  stage.stop()
})

test('S29: what waits at a box, as that says, comes again when its word is out, and is answered once', async () => {
  const stage = openStage()
  expect([stage.take(1), stage.take(3)]).toEqual(['passed_on', 'passed_on'])
  await stage.clock.advance(100)
  await stage.waits([1])
  const timesOf = (id: number) => stage.passed.filter(({ delivery }) => delivery.id === id).length
  await stage.clock.advance(4_500)
  expect([timesOf(1), timesOf(2)]).toEqual([1, 5])
  // The box is gone, and says nothing more: from then on it is passed on as ever.
  await stage.clock.advance(3_000)
  expect(timesOf(1)).toBe(4)
  await stage.waits([1])
  await stage.answer([1])
  expect([stage.answered.map(({ code }) => code), stage.counters.total()]).toEqual([['accepted'], { accepted: 1 }])
  stage.stop()
})

test('S30: a partition that nobody answers for takes a bounded number of bytes, and the others go on', async () => {
  const stage = openStage()
  const length = 1024 * 1024
  let taken = 0
  while (stage.take(1, length) === 'passed_on') taken += 1
  expect(taken).toBe(64)
  expect([stage.take(3), stage.take(2, length)]).toEqual(['full', 'passed_on'])
  await stage.answer([1])
  expect(stage.take(3, length)).toBe('passed_on')
  stage.stop()
})

test('S30: a partition that nobody answers for takes a bounded number, and the others go on', async () => {
  const stage = openStage()
  let taken = 0
  while (stage.take(1) === 'passed_on') taken += 1
  expect(taken).toBe(10_000)
  expect(stage.take(3)).toBe('full')
  expect(stage.take(2)).toBe('passed_on')
  await stage.answer([1])
  expect(stage.take(3)).toBe('passed_on')
  stage.stop()
})
