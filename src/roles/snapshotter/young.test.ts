import { expect, test } from 'vitest'
import type { EpochId, SlotId } from '#domain/ids.ts'
import { createLoneCompute, createWorld, OPTIONS } from './snapshotter.test-world.ts'

test('N9: a snapshotter that has few blocks yet survives that all of them are taken back while it is away', async () => {
  const world = createWorld()
  world.chain.mine(5)
  const options = { ...OPTIONS, slotIds: [1] as SlotId[] }
  const first = await world.start(createLoneCompute(), options)
  await world.release()
  await world.until(() => world.summaries.length === 1)
  await world.stop(first)
  world.chain.reorg(4, { isLosingTransactions: true })
  const second = await world.start(createLoneCompute(), options)
  await world.until(() => second.epochs()[0]?.state === 'undone')
  expect(await world.release()).toBe(1 as EpochId)
  await world.until(() => world.summaries.length === 2)
})
