import { expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { markCopy } from '#life/restored.ts'
import { EPOCH_1, honest, judged, openWorld, storeWithCursor, VALIDATORS } from './validator.test-world.ts'

test('V20: restored from a copy of before, it speaks for no epoch that was released by then, and for the next one', async () => {
  const world = await openWorld()
  await world.anchor(honest(world))
  const store = await storeWithCursor()
  await markCopy(store)
  const running = await world.start({ store })
  expect(running.events).toContain('restored')
  expect(await judged(world, running)).toMatchObject({ epochId: EPOCH_1, state: 'withheld' })
  expect(world.chain.transactionCount(VALIDATORS[0])).toBe(0)
  const epochId = await world.releaseNext()
  await world.mine(6)
  await world.anchor(honest(world), { epochId: epochId as EpochId })
  expect(await judged(world, running, 2)).toMatchObject({ epochId, state: 'attested' })
  await running.stop()
})
