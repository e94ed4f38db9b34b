import { describe, expect, test } from 'vitest'
import { type ComputeSet, int, type SnapshotCompute } from '#domain/compute.ts'
import type { ProjectId, SlotId } from '#domain/ids.ts'
import { planProjects } from './plan.ts'
import { createWorld, OPTIONS } from './snapshotter.test-world.ts'

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }

/** A base type with one data source, to which others join, a single aggregate over each, one upon that, and one over all. */
function joiningSet(joining: NonNullable<SnapshotCompute['joining']>, change: Partial<SnapshotCompute> = {}): ComputeSet {
  return {
    preloads: [],
    snapshots: [
      {
        projectType: 'pair',
        schema: int(),
        dataSources: ['0xAA'],
        joining,
        preloads: [],
        compute: async ({ epoch }) => BigInt(epoch.epochId),
        ...change,
      },
    ],
    aggregates: [
      {
        projectType: 'day',
        aggregateOn: 'SingleProject',
        baseProjectTypes: ['pair'],
        aggregate: async ({ base }) => base[0]?.snapshot ?? null,
      },
      {
        projectType: 'week',
        aggregateOn: 'SingleProject',
        baseProjectTypes: ['day'],
        aggregate: async ({ base }) => base[0]?.snapshot ?? null,
      },
      { projectType: 'all', aggregateOn: 'MultiProject', baseProjectTypes: ['pair'], aggregate: async ({ base }) => BigInt(base.length) },
    ],
  }
}
const idsOf = (...sources: string[]) => sources.flatMap((source) => ['day', 'pair', 'week'].map((type) => `${type}:${source}:TEST`)).sort()

async function handedOver(computes: ComputeSet, epochs = 1) {
  const world = createWorld()
  await world.start(computes, ONE_SLOT)
  for (let epoch = 0; epoch < epochs; epoch += 1) await world.release()
  await world.until(() => world.summaries.length === epochs)
  const of = (epochId: number) =>
    world.collector.taken
      .map(({ request }) => request)
      .filter((each) => each.epochId === epochId && !each.projectId.startsWith('all:'))
      .map(({ projectId }) => projectId)
      .sort()
  return { world, of }
}

describe('N20: data sources that join by themselves', () => {
  test('have projects of their own with the aggregates over each, in the same epoch, one each however they are spelled and ordered', async () => {
    const { world, of } = await handedOver(joiningSet(async () => ['0xCC', '0xaa', '0xBB', '0xcc']))
    expect(of(1)).toEqual(idsOf('0xaa', '0xbb', '0xcc'))
    // Over many: that of the configuration, under the id that it always has.
    const plain = planProjects(
      joiningSet(async () => []),
      'TEST',
    ).find(({ projectId }) => projectId.startsWith('all:'))
    expect(world.collector.taken.flatMap(({ request: { projectId } }) => (projectId.startsWith('all:') ? [projectId] : []))).toEqual([
      plain?.projectId,
    ])
  })

  test('are found anew in each epoch: who joins later has projects from then on', async () => {
    const { of } = await handedOver(
      joiningSet(async ({ epoch }) => Array.from({ length: epoch.epochId }, (_, index) => `0xB${index}`)),
      2,
    )
    expect([of(1), of(2)]).toEqual([idsOf('0xaa', '0xb0'), idsOf('0xaa', '0xb0', '0xb1')])
  })

  test('come from what an earlier epoch said, as of the release', async () => {
    const { of } = await handedOver(
      joiningSet(async ({ epoch, history }) => {
        const said = await history.snapshot('pair:0xaa:TEST', epoch.epochId - 1)
        return said === undefined ? [] : [`0xB${String(said)}`]
      }),
      2,
    )
    expect([of(1), of(2)]).toEqual([idsOf('0xaa'), idsOf('0xaa', '0xb1')])
  })

  test('are computed in bulk with the others, all at once', async () => {
    const asked: number[] = []
    const all: NonNullable<SnapshotCompute['all']> = async ({ epoch }) => {
      asked.push(epoch.epochId)
      return new Map([
        ['0xaa', 1n],
        ['0xbb', 2n],
      ])
    }
    const { of } = await handedOver(joiningSet(async () => ['0xBB'], { all }))
    expect(of(1)).toEqual(idsOf('0xaa', '0xbb'))
    expect(asked.filter((epochId) => epochId === 1)).toEqual([1])
  })

  test.each<[string, NonNullable<SnapshotCompute['joining']>, string]>([
    ['that cannot be found', () => Promise.reject(new Error('the factory is silent')), 'the factory is silent'],
    ['that are no part of an id', async () => ['0xbb:x y'], 'SETTINGS_INVALID'],
    [
      'that are too many',
      async () => Array.from({ length: 20_001 }, (_, index) => `0x${index}`),
      '20001 data sources join, at most 20000 may',
    ],
  ])('%s leave the others as they are, and the log says so', async (_title, joining, detail) => {
    const { world, of } = await handedOver(joiningSet(joining))
    expect(of(1)).toEqual(idsOf('0xaa'))
    const told = world.troubles.filter(({ event }) => event === 'sources_unknown')
    expect(told).toMatchObject([{ epochId: 1, projectType: 'pair' }])
    expect(String(told[0]?.['detail'])).toContain(detail === 'SETTINGS_INVALID' ? 'project' : detail)
  })

  test('that are never found end with the window, and nothing is left waiting', async () => {
    const world = createWorld()
    const snapshotter = await world.start(
      joiningSet(() => new Promise(() => undefined)),
      ONE_SLOT,
    )
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(world.collector.taken.map(({ request }) => request.projectId)).toContain('pair:0xaa:TEST' as ProjectId)
    await world.stop(snapshotter)
  })

  test('of a type without any of its own are its only projects', async () => {
    const set = joiningSet(async () => ['0xBB'], { dataSources: [] })
    const { of } = await handedOver({ ...set, aggregates: set.aggregates.slice(0, 2) })
    expect(of(1)).toEqual(idsOf('0xbb'))
  })
})
