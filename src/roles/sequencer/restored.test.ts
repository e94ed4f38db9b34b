import { expect, test } from 'vitest'
import { markCopy } from '#life/restored.ts'
import { EPOCH_1, open, sealed, vote } from './sequencer.test-world.ts'

test('S32: restored from a copy of before, it takes and plans nothing for an epoch that was released by then, and seals the next one', async () => {
  const world = await open()
  await world.release()
  expect((await vote(world, 1, 0)).code).toBe('accepted')
  const copy = world.store.copy()
  // Of these the copy knows nothing.
  expect((await vote(world, 2, 1)).code).toBe('accepted')
  expect((await vote(world, 3, 1)).code).toBe('accepted')
  world.cut()
  await markCopy(copy)
  const { clock, chain, ipfs } = world
  const restored = await open({ onDisk: copy, around: { clock, chain, ipfs } })
  expect(restored.told).toContainEqual({ event: 'restored', facts: { upTo: EPOCH_1 } })
  expect((await vote(restored, 2, 0)).code).toBe('window_closed')
  expect(await sealed(restored)).toMatchObject({ epochId: EPOCH_1, state: 'missed', reason: 'restored', batches: [] })
  await restored.release()
  expect((await vote(restored, 2, 0, 0, 2)).code).toBe('accepted')
  for (let block = 0; block < 40 && restored.records.length < 2; block += 1) await restored.mine(1)
  expect(restored.records[1]).toMatchObject({ epochId: 2, state: 'ended', reason: 'all_batches_anchored' })
  await restored.stop()
})

test('S32: what was planned before the copy was made goes on as it was planned', async () => {
  const world = await open({ sends: (sender) => ({ ...sender, sendInOrder: () => new Promise(() => undefined) }) })
  await world.release()
  await vote(world, 1, 0)
  for (let block = 0; block < 20 && world.sequencer.epoch(EPOCH_1)?.state !== 'planned'; block += 1) await world.mine(1)
  const copy = world.store.copy()
  world.cut()
  await markCopy(copy)
  const { clock, chain, ipfs } = world
  const restored = await open({ onDisk: copy, around: { clock, chain, ipfs } })
  expect(await sealed(restored)).toMatchObject({ epochId: EPOCH_1, state: 'ended', reason: 'all_batches_anchored' })
  await restored.stop()
})
