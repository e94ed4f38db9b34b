import { expect, test } from 'vitest'
import type { SlotId } from '#domain/ids.ts'
import { markCopy } from '#life/restored.ts'
import { createLoneCompute, createWorld, LONE, OPTIONS } from './snapshotter.test-world.ts'

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }

test('N23: restored from a copy of before, it signs no other CID for an epoch that was released by then, and votes in the next one', async () => {
  const world = createWorld()
  const first = await world.start(createLoneCompute(), ONE_SLOT)
  await world.until(() => first.stats().simulated === 1)
  const copy = world.store.copy()
  const epochId = await world.release()
  await world.until(() => world.collector.taken.length === 1)
  world.kill()
  world.summaries.splice(0)
  await markCopy(copy)
  world.store = copy
  // Computed again it would be other data: the source has moved.
  const second = await world.start(
    createLoneCompute(async (epoch) => BigInt(epoch + 100)),
    ONE_SLOT,
  )
  await world.until(() => world.summaries.length === 1)
  expect(world.summaries).toMatchObject([{ epochId, state: 'skipped' }])
  const next = await world.release()
  await world.until(() => world.summaries.length === 2)
  expect(world.collector.taken.map(({ request }) => request.epochId)).toEqual([epochId, next])
  expect(world.troubles).toContainEqual({ event: 'restored', upTo: epochId })
  expect(second.project(epochId, LONE)).toBeUndefined()
})

test('N23: it stays so at the next start, and is told at each until the next epoch is released', async () => {
  const world = createWorld()
  await world.release()
  await markCopy(world.store)
  await world.start(createLoneCompute(), ONE_SLOT)
  await world.until(() => world.summaries.length === 1)
  world.kill()
  const again = await world.start(createLoneCompute(), ONE_SLOT)
  await world.until(() => again.stats().simulated === 1)
  const told = () => world.troubles.map(({ event }) => event).filter((event) => event.startsWith('restored'))
  expect([world.collector.taken, told()]).toEqual([[], ['restored', 'restored']])
  await world.release()
  await world.until(() => told().length > 2)
  expect(told()).toEqual(['restored', 'restored', 'restored_over'])
  world.kill()
  const last = await world.start(createLoneCompute(), ONE_SLOT)
  await world.until(() => last.stats().simulated === 1)
  expect(told()).toHaveLength(3)
})
