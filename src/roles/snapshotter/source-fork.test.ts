import { describe, expect, test } from 'vitest'
import type { ComputeSet, JsonValue, SnapshotCompute } from '#domain/compute.ts'
import type { BlockNumber, EpochId, SlotId } from '#domain/ids.ts'
import { createFakeSourceChain } from '#io/chain/fake/source.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createWorld, idsOf, OPTIONS } from './snapshotter.test-world.ts'

/** The source chain is reorganised while an epoch is computed from it. */

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }
const VALUE = { address: `0x${'aa'.repeat(20)}`, function: 'function value() view returns (uint256)', args: [] }
const BLOCKS = 20

/** A snapshotter that reads a value twice per project, with something between, and a source whose value is that of its fork. */
function createScene(between: (project: string, time: number) => Promise<void>) {
  const world = createWorld()
  let fork = 1n
  let times = 0
  const source = createFakeSourceChain({ blocks: BLOCKS, read: () => [fork] })
  world.source = source
  const computes: ComputeSet = {
    preloads: [],
    snapshots: [
      {
        projectType: 'twice',
        dataSources: ['0xAA', '0xBB'],
        preloads: [],
        async compute({ epoch, dataSource = '', source: reader }) {
          const read = async (blockNumber: number) => (await reader.read({ ...VALUE, blockNumber }))[0] as bigint
          const first = await read(epoch.begin)
          if (epoch.epochId > 0) times += 1
          if (epoch.epochId > 0) await between(dataSource, times)
          return [first, await read(epoch.end)]
        },
      },
    ],
    aggregates: [
      {
        projectType: 'sum',
        aggregateOn: 'MultiProject',
        baseProjectTypes: ['twice'],
        aggregate: async ({ base }) => base.map(({ snapshot }) => snapshot),
      },
    ],
  }
  return {
    world,
    computes,
    source,
    times: () => times,
    /** Other blocks from the epoch on, with another value. */
    reorganise(): void {
      fork += 1n
      source.reorg(BLOCKS - 2)
    },
    taken: () => Object.fromEntries(world.collector.taken.map(({ request }) => [shortOf(request.projectId), request.snapshotCid])),
  }
}

/** Without the hash of what an aggregate is over. */
const shortOf = (projectId: string): string => projectId.replace(/^sum:.*/, 'sum')

const cidOf = (value: JsonValue) => snapshotCidOf(canonicalJson(value))

describe('N17: a reorganisation of the source', () => {
  test('while an epoch is computed: it is computed anew, all of it on the new fork', async () => {
    const scene = createScene(async (_, time) => {
      if (time === 2) scene.reorganise()
    })
    const { world } = scene
    await world.start(scene.computes, ONE_SLOT)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    const data = [2n, 2n]
    expect(scene.taken()).toEqual({
      'twice:0xaa:TEST': await cidOf(data),
      'twice:0xbb:TEST': await cidOf(data),
      sum: await cidOf([data, data]),
    })
    expect(scene.times()).toBe(4)
  })

  test('that shows only in what is read last, at a block that is there all the same, makes no mixture', async () => {
    // The first reads are of one fork, the second of the other: by number nothing would be amiss.
    let isOnce = false
    const scene = createScene(async () => {
      if (isOnce) return
      isOnce = true
      await Promise.resolve()
      scene.reorganise()
    })
    const { world } = scene
    await world.start(scene.computes, ONE_SLOT)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    for (const cid of Object.values(scene.taken()))
      expect([
        await cidOf([2n, 2n]),
        await cidOf([
          [2n, 2n],
          [2n, 2n],
        ]),
      ]).toContain(cid)
  })

  test('N17, N20: while data sources are found that join: those of the new fork join, and no others', async () => {
    const scene = createScene(async () => undefined)
    const { world } = scene
    let isOnce = false
    const snapshots = scene.computes.snapshots.map((compute) => ({
      ...compute,
      joining: async ({ epoch, source }: Parameters<NonNullable<SnapshotCompute['joining']>>[0]) => {
        const [fork] = await source.read({ ...VALUE, blockNumber: epoch.begin })
        if (!isOnce) scene.reorganise()
        isOnce = true
        return [`0xC${fork}`]
      },
    }))
    await world.start({ ...scene.computes, snapshots }, ONE_SLOT)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(Object.keys(scene.taken()).sort()).toEqual(['sum', 'twice:0xaa:TEST', 'twice:0xbb:TEST', 'twice:0xc2:TEST'])
  })

  test('N17, N20: after data of a project were kept: none join, and the log says so', async () => {
    const scene = createScene(async () => undefined)
    const { world } = scene
    const kept = Promise.withResolvers<void>()
    const snapshots = scene.computes.snapshots.map((compute) => ({
      ...compute,
      joining: async ({ epoch, source }: Parameters<NonNullable<SnapshotCompute['joining']>>[0]) => {
        await source.timestamp(epoch.begin)
        await kept.promise
        return ['0xCC']
      },
    }))
    await world.start({ ...scene.computes, snapshots }, ONE_SLOT)
    await world.release()
    await world.until(() => world.collector.taken.length === 3)
    scene.reorganise()
    kept.resolve()
    await world.until(() => world.summaries.length === 1)
    expect(Object.keys(scene.taken()).sort()).toEqual(['sum', 'twice:0xaa:TEST', 'twice:0xbb:TEST'])
    expect(world.troubles.filter(({ event }) => event === 'sources_unknown')).toMatchObject([{ epochId: 1, projectType: 'twice' }])
  })

  test('after data of a project were kept: the others end with the reason, and are of no other fork', async () => {
    const gate = Promise.withResolvers<void>()
    const scene = createScene((dataSource) => (dataSource === '0xBB' ? gate.promise : Promise.resolve()))
    const { world } = scene
    const snapshotter = await world.start(scene.computes, ONE_SLOT)
    const epochId = await world.release()
    await world.until(() => world.collector.taken.length === 1)
    scene.reorganise()
    gate.resolve()
    await world.until(() => world.summaries.length === 1)
    expect(idsOf(world.collector.taken)).toEqual(['twice:0xaa:TEST'])
    expect(scene.taken()['twice:0xaa:TEST']).toBe(await cidOf([1n, 1n]))
    const ends = snapshotter.projects(epochId).map(({ projectId, state, reason }) => [shortOf(projectId), reason ?? state])
    expect(Object.fromEntries(ends)).toEqual({
      'twice:0xaa:TEST': 'submitted',
      'twice:0xbb:TEST': 'source_moved',
      sum: 'base_missing',
    })
  })

  test('while the process is away: what was kept before it is not mixed with what is computed after it', async () => {
    const scene = createScene((dataSource) =>
      dataSource === '0xBB' && scene.times() <= 2 ? new Promise(() => undefined) : Promise.resolve(),
    )
    const { world } = scene
    await world.start(scene.computes, ONE_SLOT)
    const epochId = await world.release()
    await world.until(() => world.collector.taken.length === 1)
    world.kill()
    scene.reorganise()
    const again = await world.start(scene.computes, ONE_SLOT)
    await world.until(() => world.summaries.length === 1)
    expect(scene.taken()).toEqual({ 'twice:0xaa:TEST': await cidOf([1n, 1n]) })
    expect(again.projects(epochId).find(({ projectId }) => projectId === 'twice:0xbb:TEST')).toMatchObject({ reason: 'source_moved' })
  })

  test('that comes again with every try ends the projects, and not only with the window', async () => {
    const scene = createScene(async () => scene.reorganise())
    const { world } = scene
    const snapshotter = await world.start(scene.computes, ONE_SLOT)
    const epochId = await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(world.collector.taken).toEqual([])
    expect(
      snapshotter
        .projects(epochId as EpochId)
        .map(({ reason }) => reason)
        .sort(),
    ).toEqual(['base_missing', 'source_moved', 'source_moved'])
  })

  test('above the epoch changes nothing', async () => {
    const scene = createScene(async (_, time) => {
      if (time === 1) scene.source.reorg(BLOCKS - 4)
    })
    const { world } = scene
    await world.start(scene.computes, ONE_SLOT)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(idsOf(world.collector.taken)).toHaveLength(3)
    expect(scene.times()).toBe(2)
    expect((await scene.source.block(3 as BlockNumber))?.number).toBe(3)
  })
})
