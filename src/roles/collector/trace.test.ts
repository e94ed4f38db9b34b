import { expect, test } from 'vitest'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { submission } from './collector.test-world.ts'
import { type Entry, openOutbox } from './outbox.ts'
import { traceOf } from './trace.ts'

test('G9: each vote of the project is told, and how it ended', async () => {
  const clock = createVirtualClock({ startMs: 1_000 })
  const store = createFakeStore()
  const options = { openMax: 10, openPerSlotMax: 10, finishedMax: 10 }
  const outbox = openOutbox(options, { store, clock, random: createSeededRandom(1), onReady: () => undefined })
  const { epochId, projectId, slotId, snapshotCid } = submission(1).request
  await outbox.add(submission(1))
  const about = { epochId, projectId }
  const taken = { step: 'taken', atMs: 1_000, detail: expect.stringContaining(`slot ${slotId}, ${snapshotCid}, as `) }
  expect(traceOf(about, store)).toEqual([taken])
  await clock.advance(250)
  const entry = outbox.take() as Entry
  entry.attempts = 2
  await outbox.finish(entry, 'window_closed')
  expect(traceOf(about, store)).toEqual([
    taken,
    { step: 'expired', atMs: 1_250, reason: 'window_closed', detail: `slot ${slotId}, after 2 attempts` },
  ])
  expect(traceOf({ ...about, projectId: 'other:TEST' as typeof projectId }, store)).toEqual([])
})
