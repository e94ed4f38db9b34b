import { describe, expect, test } from 'vitest'
import type { AggregateCompute } from '#domain/compute.ts'
import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import type { Source } from './records.ts'
import {
  BASE_A,
  BASE_B,
  createComputes,
  createWorld,
  OPTIONS,
  type Running,
  SUM_A,
  WINDOW_BLOCKS,
  type World,
  termsWith,
} from './snapshotter.test-world.ts'

/** Aggregates over earlier epochs that are not decided yet, or badly: they come all the same, and the next ones are whole again (G12). */

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }
/** As the sum over a day, which here is 240 s, gives it. */
const sumOf = (...epochs: readonly number[]): Promise<Cid> => snapshotCidOf(canonicalJson({ epochs: epochs.map(BigInt) }))
const NOBODY_HAS = `bafkrei${'a'.repeat(52)}` as Cid

/** A day's sum of one project, epoch by epoch. */
function sumsOf(snapshotter: Running) {
  const record = (epochId: EpochId) => snapshotter.projects(epochId).find(({ projectId }) => projectId === SUM_A)
  return {
    record,
    cid: (epochId: EpochId) => record(epochId)?.snapshotCid,
    sources: (epochId: EpochId) => record(epochId)?.builtOn?.sources.map(({ epochId: of, isOwn }: Source) => [of, isOwn ? 'own' : 'final']),
  }
}

/** Releases the next epoch and lets it come to its end. */
async function passEpoch(world: World): Promise<EpochId> {
  const before = world.summaries.length
  const epochId = await world.release()
  await world.until(() => world.summaries.length > before)
  return epochId
}

const added = (world: World, epoch: number): Promise<Cid> => world.ipfs.add(canonicalJson({ epoch: BigInt(epoch) }))

describe('N5: an aggregate', () => {
  test('comes in every epoch, however long finality takes', async () => {
    const world = createWorld()
    const sums = sumsOf(await world.start(undefined, ONE_SLOT))
    for (let epoch = 1; epoch <= 5; epoch += 1) await passEpoch(world)
    expect(world.summaries.map(({ missed }) => missed)).toEqual([[], [], [], [], []])
    expect(sums.cid(5 as EpochId)).toBe(await sumOf(1, 2, 3, 4))
    expect(sums.record(1 as EpochId)?.builtOn).toBeUndefined()
    expect(sums.sources(3 as EpochId)).toEqual([
      [2, 'own'],
      [1, 'own'],
    ])
  })

  test('takes what was finalized by the release of its epoch, also where it is not what we computed, and says what it took', async () => {
    const world = createWorld()
    const snapshotter = await world.start(undefined, ONE_SLOT)
    const [sums, other] = [sumsOf(snapshotter), await added(world, 100)]
    const first = await passEpoch(world)
    await world.finalize(first, { [BASE_A]: other, [BASE_B]: other })
    await passEpoch(world)
    const third = await passEpoch(world)
    expect(sums.cid(third)).toBe(await sumOf(100, 2))
    const { release } = snapshotter.epochs().find(({ epochId }) => epochId === third) ?? {}
    const own = snapshotter.projects(2 as EpochId).find(({ projectId }) => projectId === BASE_A)?.snapshotCid
    expect(sums.record(third)?.builtOn).toEqual({
      asOf: release?.number,
      count: 2,
      sources: [
        { projectId: BASE_A, epochId: 2, snapshotCid: own, isOwn: true },
        { projectId: BASE_A, epochId: 1, snapshotCid: other, isOwn: false },
      ],
    })
  })

  test('is the same from a node that computes it later, when more is final', async () => {
    const world = createWorld()
    let answers = Number.POSITIVE_INFINITY
    const { snapshotStatus } = world.chain
    world.chain.snapshotStatus = async (...args) => {
      if (args[1] === 1 && answers-- <= 0) await new Promise(() => undefined)
      return snapshotStatus(...args)
    }
    await world.start(undefined, ONE_SLOT)
    const first = await passEpoch(world)
    answers = 0
    const second = await world.release()
    await world.until(() => world.collector.taken.some(({ request }) => request.epochId === second))
    const other = await added(world, 100)
    await world.finalize(first, { [BASE_A]: other, [BASE_B]: other })
    world.kill()
    answers = Number.POSITIVE_INFINITY
    const sums = sumsOf(await world.start(undefined, ONE_SLOT))
    await world.until(() => sums.cid(second) !== undefined)
    expect(sums.cid(second)).toBe(await sumOf(1))
  })

  test('has nothing of an earlier epoch that ended without the project', async () => {
    const world = createWorld()
    const sums = sumsOf(await world.start(undefined, ONE_SLOT))
    const first = await passEpoch(world)
    await world.finalize(first, { 'other:TEST': await added(world, 7) })
    await passEpoch(world)
    const third = await passEpoch(world)
    expect(sums.cid(third)).toBe(await sumOf(2))
  })

  test('of a project that is new counts from its first epoch', async () => {
    const world = createWorld()
    const lone = { ...createComputes(), snapshots: [], aggregates: [] }
    const terms = { present: termsWith(lone), termsAt: async (epochId: EpochId) => termsWith(epochId < 3 ? lone : createComputes()) }
    const sums = sumsOf(await world.start(undefined, ONE_SLOT, { terms }))
    for (let epoch = 1; epoch <= 4; epoch += 1) await passEpoch(world)
    expect(sums.cid(3 as EpochId)).toBe(await sumOf())
    expect(sums.cid(4 as EpochId)).toBe(await sumOf(3))
  })
})

describe('N13: data that was finalized and that nobody serves', () => {
  test('is our own in the aggregates of every later epoch, also when that one is long forgotten', async () => {
    const world = createWorld({ market: { batchWindowBlocks: 8, attestationWindowBlocks: 10 } })
    const first = 1 as EpochId
    const aggregate: AggregateCompute = {
      projectType: 'sum',
      aggregateOn: 'SingleProject',
      baseProjectTypes: ['base'],
      aggregate: async ({ epoch, base, history }) =>
        epoch.epochId > first ? ((await history.snapshot(base[0]?.projectId as string, first)) ?? null) : null,
    }
    const snapshotter = await world.start({ ...createComputes(), aggregates: [aggregate] }, ONE_SLOT)
    const sums = sumsOf(snapshotter)
    await passEpoch(world)
    await world.finalize(first, { [BASE_A]: NOBODY_HAS, [BASE_B]: NOBODY_HAS })
    for (let epoch = 2; epoch <= 39; epoch += 1) await passEpoch(world)
    // As long as what is finalized is looked for, to be compared with ours.
    await world.clock.advance(30_000)
    await passEpoch(world)
    expect(snapshotter.epochs().map(({ epochId }) => epochId)).not.toContain(first)
    expect(world.summaries.flatMap(({ missed }) => missed)).toEqual([])
    expect(Math.max(...world.summaries.map(({ tookMs }) => tookMs))).toBeLessThan(4_000)
    for (const epochId of [12, 40] as EpochId[]) expect(sums.sources(epochId)).toEqual([[first, 'own']])
    expect(sums.cid(40 as EpochId)).toBe(sums.cid(12 as EpochId))
  })

  test('is taken by the next epoch when it is served again', async () => {
    const world = createWorld()
    const network = createFakeIpfsNetwork({ clock: world.clock })
    const away = network.node('away')
    world.ipfs = network.node('own')
    const sums = sumsOf(await world.start(undefined, ONE_SLOT))
    const first = await passEpoch(world)
    const other = await away.add(canonicalJson({ epoch: 100n }))
    away.setConnected(false)
    await world.finalize(first, { [BASE_A]: other, [BASE_B]: other })
    const second = await passEpoch(world)
    away.setConnected(true)
    const third = await passEpoch(world)
    expect([sums.cid(second), sums.cid(third)]).toEqual([await sumOf(1), await sumOf(100, 2)])
  })
})

describe('N14: a node without a snapshot of its own', () => {
  /** A node that comes when epoch 1 can be helped no more. */
  async function newcomer(market = {}) {
    const world = createWorld({ market })
    const first = await world.release()
    world.chain.mine(50)
    const snapshotter = await world.start(undefined, ONE_SLOT)
    return { world, first, snapshotter, sums: sumsOf(snapshotter) }
  }
  const LONG = { snapshotWindowBlocks: 30, batchWindowBlocks: 80, attestationWindowBlocks: 90 }

  test('takes what is decided within the window', async () => {
    const { world, first, sums } = await newcomer(LONG)
    const second = await world.release()
    const other = await added(world, 100)
    await world.anchor(first, { [BASE_A]: other, [BASE_B]: other })
    await world.clock.advance(5_000)
    expect(sums.cid(second)).toBeUndefined()
    await world.attest(first)
    await world.until(() => sums.cid(second) !== undefined)
    expect(sums.cid(second)).toBe(await sumOf(100))
    expect(sums.sources(second)).toEqual([[first, 'final']])
  })

  test('says nothing of the aggregate when nothing is decided, and of what it waited for', async () => {
    const { world, sums } = await newcomer({ ...LONG, snapshotWindowBlocks: WINDOW_BLOCKS })
    const second = await world.release()
    await world.clock.advance(5_000)
    world.chain.mine(WINDOW_BLOCKS + 1)
    await world.until(() => world.summaries.length === 1)
    expect(sums.record(second)).toMatchObject({
      state: 'missed',
      reason: 'history_missing',
      detail: expect.stringMatching(/base:0xaa:TEST.*epochId: 1.*not decided, and there is no snapshot of our own/),
    })
    // Whole again as soon as the windows of what it missed are over.
    world.chain.mine(30)
    const third = await passEpoch(world)
    expect(sums.cid(third)).toBe(await sumOf(2))
  })

  test('leaves what it began as it is when it is stopped meanwhile', async () => {
    const { world, snapshotter, sums } = await newcomer(LONG)
    const second = await world.release()
    await world.until(() => world.collector.taken.some(({ request }) => request.epochId === second))
    await world.stop(snapshotter)
    expect(sums.record(second)).toBeUndefined()
  })

  test('has it as soon as its own work on the earlier epoch is done', async () => {
    const world = createWorld()
    const waiting: (() => void)[] = []
    const base = async (_source: string | undefined, epochId: number) => {
      if (epochId === 1) await new Promise<void>((resolve) => waiting.push(resolve))
      return { epoch: BigInt(epochId) }
    }
    const sums = sumsOf(await world.start(createComputes({ base }), ONE_SLOT))
    await world.release()
    const second = await world.release()
    const isBaseDone = () =>
      world.collector.taken.some(({ request }) => request.epochId === second && request.projectId === (BASE_A as ProjectId))
    await world.until(isBaseDone)
    await world.clock.advance(3_000)
    expect(sums.cid(second)).toBeUndefined()
    for (const resolve of waiting) resolve()
    await world.clock.advance(100)
    expect(sums.cid(second)).toBe(await sumOf(1))
  })
})
