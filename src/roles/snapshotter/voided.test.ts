import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { SlotId } from '#domain/ids.ts'
import { createLoneCompute, createWorld, manager } from './snapshotter.test-world.ts'

/** The collector takes the votes of some slots, refuses those of the others, and a reorganisation voids what it has taken. */

/** Slot 1 is handed over two blocks above the release, slot 2 refused. */
async function halfHandedOver() {
  const world = createWorld({ market: { snapshotWindowBlocks: 30 } })
  const { answer } = world.collector
  const served = new Set<number>()
  world.collector.answer = async (submission) => {
    const { slotId, epochId } = submission.request
    if (epochId > 0 && !served.has(slotId)) throw new WeftError('QUEUE_FULL', { queue: 'test', lengthMax: 0 })
    return answer(submission)
  }
  const snapshotter = await world.start(createLoneCompute())
  const epochId = await world.release()
  world.chain.mine(2)
  await world.until(() => snapshotter.stats().handOverRetries > 0 && snapshotter.stats().headBlock === 3)
  served.add(1)
  await world.until(() => snapshotter.stats().submissionsHandedOver === 1)
  served.delete(1)
  const slots = () => world.collector.taken.map(({ request }) => request.slotId)
  return { world, snapshotter, epochId, served, slots }
}

describe('N9: a vote that was voided while its epoch was still worked on', () => {
  test('is given again by the process that comes after, though the first life has come to its end', async () => {
    const { world, snapshotter, served, slots } = await halfHandedOver()
    world.chain.reorg(1)
    await world.until(() => world.store.scan('handed/').length === 0)
    served.add(2)
    await world.until(() => slots().length === 2)
    // The second life asks for slot 1 in vain.
    const { handOverRetries } = snapshotter.stats()
    await world.until(() => snapshotter.stats().handOverRetries > handOverRetries + 2)
    expect(snapshotter.epochs()).toMatchObject([{ state: 'open' }])
    expect(world.summaries).toEqual([])
    world.kill()
    served.add(1)
    const next = await world.start(createLoneCompute())
    await world.until(() => world.summaries.length === 1)
    expect(slots()).toEqual([1, 2, 1])
    expect(next.epochs()).toMatchObject([{ state: 'done' }])
  })
})

test('N9: a hand-over recorded without the block that its vote names is forgotten with any rollback, and given again', async () => {
  const { world, snapshotter, served, slots } = await halfHandedOver()
  const [handed] = world.store.scan('handed/')
  await world.store.commit([{ key: handed?.key ?? '', value: new Uint8Array() }])
  served.add(1).add(2)
  await world.until(() => world.summaries.length === 1)
  world.chain.mine()
  await world.until(() => snapshotter.stats().headBlock === 4)
  world.chain.reorg(1)
  await world.until(() => world.summaries.length === 2)
  expect(slots()).toEqual([1, 2, 1])
})

test('N9, G9: a project whose votes are voided while its last slot is given away is not ended: slots that are ours hand over again', async () => {
  const { world, snapshotter, epochId, served, slots } = await halfHandedOver()
  world.chain.reorg(1)
  await world.until(() => world.store.scan('handed/').length === 0)
  world.chain.assignSigner(2 as SlotId, manager)
  world.chain.mine()
  await world.until(() => snapshotter.stats().headBlock === 4)
  await world.clock.advance(10_000)
  expect(snapshotter.projects(epochId)[0]?.reason).toBeUndefined()
  served.add(1)
  await world.until(() => world.summaries.length === 1)
  expect(world.summaries).toMatchObject([{ state: 'done', submitted: 1, missed: [] }])
  expect(slots()).toEqual([1, 1])
})
