import { describe, expect, test } from 'vitest'
import type { ComputeSet } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { EpochId, SlotId } from '#domain/ids.ts'
import type { EpochTerms, Terms } from './plan.ts'
import { createLoneCompute, createWorld, LONE, OPTIONS, termsWith } from './snapshotter.test-world.ts'

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }
const unavailable = () => new WeftError('MANIFEST_UNAVAILABLE', { cid: 'c', lookedIn: 'l' })
const other: ComputeSet = {
  preloads: [],
  snapshots: [{ projectType: 'other', dataSources: [], preloads: [], compute: async () => 'other' }],
  aggregates: [],
}

/** Terms with a page per epoch; one that is missing is brought by the test. */
function createBook(pages: Record<number, EpochTerms>): Terms & { bring(epochId: number, terms: EpochTerms): void } {
  const known = new Map(Object.entries(pages))
  return {
    present: termsWith(createLoneCompute()),
    async termsAt(epochId) {
      const terms = known.get(String(epochId))
      if (terms === undefined) throw unavailable()
      return terms
    },
    bring: (epochId, terms) => void known.set(String(epochId), terms),
  }
}

describe('an epoch is worked on by its own terms', () => {
  test('N11: computes and deadlines change exactly at the epoch that they are for', async () => {
    const world = createWorld()
    const terms = createBook({ 1: termsWith(createLoneCompute()), 2: termsWith(other, { rules: { deadlineBufferMaxBlocks: 7 } }) })
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { terms })
    for (const count of [1, 2]) {
      await world.release()
      await world.until(() => snapshotter.stats().submissionsHandedOver === count)
    }
    const [first, second] = world.collector.taken.filter(({ request }) => request.epochId > 0)
    expect([first?.request.projectId, second?.request.projectId]).toEqual([LONE, 'other:TEST'])
    const ahead = [first, second].map((vote) => {
      const header = world.chain.blocks().find(({ block }) => block.hash === vote?.header)
      return (vote?.request.deadlineBlock ?? 0) - (header?.block.number ?? 0)
    })
    expect(ahead).toEqual([500, 7])
  })

  test('N11: the window ends in the unit of the epoch', async () => {
    const world = createWorld()
    world.collector.capacity = 0
    const inSeconds = termsWith(createLoneCompute(), { rules: { windowUnit: 'seconds' } })
    const terms = createBook({ 1: inSeconds, 2: termsWith(createLoneCompute()) })
    await world.start(createLoneCompute(), ONE_SLOT, { terms })
    await world.release()
    await world.release()
    world.chain.mine(10)
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries).toMatchObject([{ epochId: 2 }])
  })
})

describe('an epoch whose terms are not known', () => {
  test('N11: waits, and the others do not; begun when they come, it is as it would have been', async () => {
    const world = createWorld()
    const terms = createBook({ 2: termsWith(createLoneCompute()) })
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { terms })
    await world.release()
    await world.release()
    await world.until(() => world.summaries.length > 0 || snapshotter.stats().submissionsHandedOver === 1)
    expect(snapshotter.epochs()).toMatchObject([{ epochId: 1, state: 'open' }, { epochId: 2 }])
    expect(snapshotter.epochs()[0]).not.toHaveProperty('sets')
    expect(world.troubles).toContainEqual(expect.objectContaining({ event: 'epoch_held', code: 'MANIFEST_UNAVAILABLE', epochId: 1 }))
    terms.bring(1, termsWith(other))
    world.chain.mine()
    await world.until(() => snapshotter.stats().submissionsHandedOver === 2)
    expect(world.collector.taken.map(({ request }) => [request.epochId, request.projectId])).toContainEqual([1, 'other:TEST'])
  })

  test('N11: is skipped when they have not come while a batch could be sent, and nothing of it is signed', async () => {
    const world = createWorld()
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { terms: createBook({}) })
    const epochId = await world.release()
    world.chain.mine(40)
    await world.until(() => snapshotter.stats().headBlock === epochId + 40)
    expect(world.summaries).toEqual([])
    world.chain.mine()
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries).toMatchObject([{ epochId, state: 'skipped' }])
    expect(world.collector.taken.filter(({ request }) => request.epochId > 0)).toEqual([])
  })

  test('N11: is held by the next process too, until they come', async () => {
    const world = createWorld()
    await world.start(createLoneCompute(), ONE_SLOT, { terms: createBook({}) })
    await world.release()
    await world.until(() => world.troubles.some(({ event }) => event === 'epoch_held'))
    world.kill()
    const terms = createBook({})
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { terms })
    terms.bring(1, termsWith(other))
    world.chain.mine()
    await world.until(() => snapshotter.stats().submissionsHandedOver === 1)
    expect(snapshotter.projects(1 as EpochId)).toMatchObject([{ projectId: 'other:TEST' }])
  })
})
