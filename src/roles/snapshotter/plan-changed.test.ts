import { describe, expect, test } from 'vitest'
import type { ComputeSet } from '#domain/compute.ts'
import type { EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { isSamePlan, type PlannedSet, sameTerms } from './plan.ts'
import { openRecords } from './records.ts'
import { createLoneCompute, createWorld, LONE, type Moment, OPTIONS, termsWith } from './snapshotter.test-world.ts'

/** Lives of one node with other computes, or the same ones configured otherwise, while an epoch is open. */

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }
const SETS: readonly PlannedSet[] = [{ name: 'prices', version: '1.0.0', hash: 'aa'.repeat(32) }]
const planned = (computes: ComputeSet, change: Partial<PlannedSet> = {}) => ({
  terms: sameTerms(termsWith(computes, { sets: SETS.map((set) => ({ ...set, ...change })) })),
})
const committed = (key: string) => (moment: Moment) => moment.when === 'after' && moment.effect === 'commit' && moment.keys.includes(key)

/** What a project of an epoch was computed by; a simulation is not counted. */
function createWitnessed(version: string) {
  const epochs: number[] = []
  const computes = createLoneCompute(async (epochId) => {
    if (epochId > 0) epochs.push(epochId)
    return `${version} ${epochId}`
  })
  return { computes, epochs }
}

async function twoLives(killAt: (moment: Moment) => boolean, second: ComputeSet, change: Partial<PlannedSet>) {
  const world = createWorld()
  const earlier = createWitnessed('1.0.0')
  const first = await world.start(earlier.computes, ONE_SLOT, planned(earlier.computes))
  await world.until(() => first.stats().simulated === 1)
  world.killAt = killAt
  const epochId = await world.release()
  await world.untilKilled()
  const cid = openRecords(world.store).projects(epochId)[0]?.snapshotCid
  const snapshotter = await world.start(second, ONE_SLOT, planned(second, change))
  await world.until(() => world.summaries.length === 1)
  return { world, epochId, snapshotter, cid }
}

describe('N10: an epoch that was begun with another', () => {
  test.each<[string, Partial<PlannedSet>, string]>([
    ['version', { version: '1.1.0' }, 'now there is prices 1.1.0 (configuration aaaaaaaa)'],
    ['configuration', { hash: 'bb'.repeat(32) }, 'now there is prices 1.0.0 (configuration bbbbbbbb)'],
    ['set', { name: 'rates' }, 'now there is rates 1.0.0 (configuration aaaaaaaa)'],
  ])('%s is not computed any more, and its projects say why', async (_what, change, now) => {
    const later = createWitnessed('later')
    const { world, epochId, snapshotter } = await twoLives(committed('epoch/'), later.computes, change)
    expect([later.epochs, world.collector.taken]).toEqual([[], []])
    expect(snapshotter.projects(epochId)).toMatchObject([
      { projectId: LONE, state: 'missed', reason: 'plan_changed', detail: `begun with prices 1.0.0 (configuration aaaaaaaa), ${now}` },
    ])
    expect(world.summaries).toMatchObject([{ epochId, state: 'done', submitted: 0, missed: [{ reason: 'plan_changed' }] }])
  })

  test('gives what was computed then under its first CID, though there is no such project any more', async () => {
    const later: ComputeSet = {
      preloads: [],
      snapshots: [{ projectType: 'other', dataSources: [], preloads: [], compute: async () => 'other' }],
      aggregates: [],
    }
    const { world, epochId, snapshotter, cid } = await twoLives(committed('project/'), later, { version: '2.0.0' })
    expect(world.collector.taken.map(({ request }) => [request.projectId, request.snapshotCid])).toEqual([[LONE, cid]])
    expect(snapshotter.projects(epochId)).toMatchObject([
      { projectId: LONE, state: 'submitted' },
      { projectId: 'other:TEST' as ProjectId, state: 'missed', reason: 'plan_changed' },
    ])
  })

  test('and whose release was undone, comes again with the plan of what is signed', async () => {
    const world = createWorld()
    const earlier = createWitnessed('1.0.0')
    const first = await world.start(earlier.computes, ONE_SLOT, planned(earlier.computes))
    await world.release(2)
    await world.until(() => world.summaries.length === 1)
    const cid = first.projects(1 as EpochId)[0]?.snapshotCid
    world.chain.reorg(1, { isLosingTransactions: true })
    await world.until(() => first.epochs()[0]?.state === 'undone')
    world.kill()
    const other = { ...createLoneCompute().snapshots[0], projectType: 'other' } as ComputeSet['snapshots'][number]
    const later: ComputeSet = { preloads: [], snapshots: [...createLoneCompute().snapshots, other], aggregates: [] }
    const second = await world.start(later, ONE_SLOT, planned(later, { version: '1.1.0' }))
    await world.release(2)
    await world.until(() => world.summaries.length === 2)
    expect(second.projects(1 as EpochId)).toMatchObject([
      { projectId: LONE, state: 'submitted', snapshotCid: cid },
      { projectId: 'other:TEST' as ProjectId, state: 'missed', reason: 'plan_changed' },
    ])
  })

  test('of which nothing is signed, and whose release is undone, comes again with the present computes', async () => {
    const later = createWitnessed('1.1.0')
    const { world, epochId, snapshotter } = await twoLives(committed('epoch/'), later.computes, { version: '1.1.0' })
    world.chain.reorg(1, { isLosingTransactions: true })
    await world.until(() => snapshotter.epochs()[0]?.state === 'undone')
    await world.release()
    await world.until(() => world.summaries.length === 2)
    expect(later.epochs).toEqual([epochId])
    expect(world.summaries[1]).toMatchObject({ epochId, state: 'done', submitted: 1, missed: [] })
    expect(snapshotter.projects(epochId)).toMatchObject([{ projectId: LONE, state: 'submitted' }])
  })

  test('is followed by one with the present computes', async () => {
    const later = createWitnessed('1.1.0')
    const { world } = await twoLives(committed('epoch/'), later.computes, { version: '1.1.0' })
    const next = await world.release()
    await world.until(() => world.summaries.length === 2)
    expect(later.epochs).toEqual([next])
    expect(world.summaries[1]).toMatchObject({ epochId: next, submitted: 1, missed: [] })
  })
})

test.each<[string, readonly PlannedSet[], boolean]>([
  ['the same sets', SETS, true],
  ['one set more', [...SETS, { name: 'rates', version: '1.0.0', hash: '' }], false],
  ['no set', [], false],
])('%s: the same plan is %j', (_title, sets, isSame) => {
  expect(
    isSamePlan(
      SETS,
      sets.map((set) => ({ ...set })),
    ),
  ).toBe(isSame)
  expect(isSamePlan(sets, SETS)).toBe(isSame)
})
