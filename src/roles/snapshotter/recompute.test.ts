import { describe, expect, test } from 'vitest'
import type { AggregateCompute, ComputeSet, SnapshotCompute } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { createFakeSourceChain } from '#io/chain/fake/source.ts'
import type { SourceChain } from '#io/chain/port.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import type { SourceReads } from './fork.ts'
import { READS_MAX } from './recompute.ts'
import { openRecords } from './records.ts'
import {
  BASE_A,
  BASE_B,
  createComputes,
  createWorld,
  OPTIONS,
  type Running,
  SUM_A,
  termsWith,
  WINDOW_BLOCKS,
  type World,
} from './snapshotter.test-world.ts'

/** A node that was away for epochs which are not decided yet computes them itself, for its aggregates alone (N25). */

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }
const sumOf = (...epochs: readonly number[]): Promise<Cid> => snapshotCidOf(canonicalJson({ epochs: epochs.map(BigInt) }))
/** Longer than it is tried to read what is gone. */
const PATIENCE_MS = 10_000

async function passEpoch(world: World): Promise<EpochId> {
  const before = world.summaries.length
  const epochId = await world.release()
  await world.until(() => world.summaries.length > before)
  return epochId
}

/** Each epoch has two source blocks: 2 and 3 are those of the first. */
const isOfSecond = (block: number): boolean => block === 4 || block === 5
const LAST_BLOCK_OF_THIRD = 7

interface Away {
  readonly world?: World
  readonly count?: number
  readonly computes?: ComputeSet
  readonly deps?: Parameters<World['start']>[2]
}

/** A node that works on epoch 1, is away for `count` more until their windows are over, and comes back. */
async function comeBack({
  world = createWorld(),
  count = 2,
  computes,
  deps = {},
}: Away = {}): Promise<{ world: World; snapshotter: Running }> {
  const first = await world.start(createComputes(), ONE_SLOT)
  await passEpoch(world)
  await world.stop(first)
  for (let missed = 0; missed < count; missed += 1) await world.release()
  world.chain.mine(WINDOW_BLOCKS + 1)
  const snapshotter = await world.start(computes, ONE_SLOT, deps)
  // A virtual clock with few timers gives long ways between two of them few turns.
  for (let turns = 0; turns < count; turns += 1) await world.clock.advance(100)
  await world.until(() => world.summaries.length === 1 + count)
  return { world, snapshotter }
}

const recordOf = (snapshotter: Running, epochId: EpochId, of: ProjectId = SUM_A) =>
  snapshotter.projects(epochId).find(({ projectId }) => projectId === of)
const toldOf = (world: World, event: string) => world.troubles.filter((trouble) => trouble.event === event)

/** The source chain, with `before` asked ahead of each answer; counts them. */
function reading(source: SourceChain, before: (method: keyof SourceReads, block: number) => void | Promise<void>): SourceChain {
  return {
    ...source,
    async block(number) {
      await before('block', number)
      return source.block(number)
    },
    async read(call) {
      await before('read', call.blockNumber)
      return source.read(call)
    },
    async events(filter) {
      await before('events', filter.toBlock)
      return source.events(filter)
    },
  }
}
/** Base projects that read the state of the epoch's last block. */
function createStateful(): ComputeSet {
  const { snapshots, ...computes } = createComputes()
  const call = { address: `0x${'aa'.repeat(20)}`, function: 'function answer() view returns (uint256)', args: [] }
  return {
    ...computes,
    snapshots: snapshots.map(({ projectType, dataSources }) => ({
      projectType,
      dataSources,
      preloads: [],
      async compute({ epoch, source }) {
        await source.read({ ...call, blockNumber: epoch.end })
        return { epoch: BigInt(epoch.epochId) }
      },
    })),
  }
}

const gone = (block: number) =>
  new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'test', method: 'read', detail: `state of block ${block} is pruned` })
describe('N25: epochs that a node was away for', () => {
  test('it computes itself while they are undecided, with what the others have, and its aggregates are those of all', async () => {
    const { world, snapshotter } = await comeBack()
    const fourth = await passEpoch(world)
    expect(world.summaries.at(-1)).toMatchObject({ epochId: 4, missed: [] })
    expect(recordOf(snapshotter, fourth)?.snapshotCid).toBe(await sumOf(1, 2, 3))
    expect(recordOf(snapshotter, fourth)?.builtOn?.sources.map(({ epochId, isOwn }) => [epochId, isOwn])).toEqual([
      [3, true],
      [2, true],
      [1, true],
    ])
    expect(toldOf(world, 'epoch_recomputed').map(({ epochId, projects }) => [epochId, projects])).toEqual(
      expect.arrayContaining([
        [2, expect.any(Number)],
        [3, expect.any(Number)],
      ]),
    )
    // The same bytes that a node has which was there.
    const there = createWorld()
    const present = await there.start(createComputes(), ONE_SLOT)
    for (let epoch = 1; epoch <= 4; epoch += 1) await passEpoch(there)
    const ownOf = (of: World, epochId: number) => openRecords(of.store).own(epochId as EpochId, BASE_A)
    expect(ownOf(world, 2)).toBe(ownOf(there, 2))
    expect(ownOf(world, 2)).toBeDefined()
    expect(recordOf(snapshotter, fourth)?.snapshotCid).toBe(recordOf(present, fourth)?.snapshotCid)
  })

  test('are signed and handed over by nobody, and stay skipped', async () => {
    const { world, snapshotter } = await comeBack()
    await passEpoch(world)
    expect(world.collector.taken.map(({ request }) => request.epochId).filter((epochId) => epochId === 2 || epochId === 3)).toEqual([])
    expect(snapshotter.epochs().map(({ epochId, state }) => [epochId, state])).toEqual([
      [1, 'done'],
      [2, 'skipped'],
      [3, 'skipped'],
      [4, 'done'],
    ])
    expect(snapshotter.projects(2 as EpochId)).toEqual([])
  })

  test('are computed once: later epochs, and the next life, find what is kept', async () => {
    const { world } = await comeBack()
    await passEpoch(world)
    world.kill()
    const asked: number[] = []
    const source = reading(world.source, (_, block) => void asked.push(block))
    const snapshotter = await world.start(createComputes(), ONE_SLOT, { source })
    const fifth = await passEpoch(world)
    expect(recordOf(snapshotter, fifth)?.snapshotCid).toBe(await sumOf(1, 2, 3, 4))
    expect(asked.filter((block) => block <= LAST_BLOCK_OF_THIRD)).toEqual([])
  })

  test('are computed also where the window closed before a project was done', async () => {
    const world = createWorld()
    let isStuck = false
    const stuck = createComputes({
      base: async (_, epochId) => {
        if (epochId === 2 && isStuck) await new Promise(() => undefined)
        return { epoch: BigInt(epochId) }
      },
    })
    const snapshotter = await world.start(stuck, ONE_SLOT)
    await passEpoch(world)
    isStuck = true
    await world.release()
    world.chain.mine(WINDOW_BLOCKS + 1)
    await world.until(() => world.summaries.length === 2)
    isStuck = false
    expect(recordOf(snapshotter, 2 as EpochId, BASE_A)?.reason).toBe('window_closed')
    const third = await passEpoch(world)
    expect(recordOf(snapshotter, third)?.snapshotCid).toBe(await sumOf(1, 2))
    expect(recordOf(snapshotter, 2 as EpochId, BASE_A)?.reason).toBe('window_closed')
  })

  test('are computed for data sources that joined by themselves', async () => {
    const joining = (): ComputeSet => {
      const computes = createComputes()
      const [base] = computes.snapshots
      if (base === undefined || !('compute' in base)) throw new Error('no base')
      return {
        ...computes,
        snapshots: [{ ...base, joining: async ({ epoch, source }) => ((await source.timestamp(epoch.end)) > 0 ? ['0xCC'] : []) }],
      }
    }
    const world = createWorld()
    const first = await world.start(joining(), ONE_SLOT)
    await passEpoch(world)
    await world.stop(first)
    await world.release()
    world.chain.mine(WINDOW_BLOCKS + 1)
    const snapshotter = await world.start(joining(), ONE_SLOT)
    await world.until(() => world.summaries.length === 2)
    const third = await passEpoch(world)
    expect(recordOf(snapshotter, third, 'sum:0xcc:TEST' as ProjectId)?.snapshotCid).toBe(await sumOf(1, 2))
  })

  test('are of one fork of the source, whatever became of it between two of them', async () => {
    const world = createWorld({ sourceBlocks: 9 })
    let isFirst = true
    const { world: same, snapshotter } = await comeBack({ world, count: 1 })
    const fake = world.source
    const { block } = fake
    world.source.mine(20)
    // The fork of epoch 2 is gone right after the first of its projects was read.
    fake.block = async (number) => {
      const found = await block(number)
      if (number === 5 && isFirst) {
        isFirst = false
        fake.reorg(25)
      }
      return found
    }
    const third = await passEpoch(same)
    const hashes = openRecords(world.store)
      .recomputed.projects(2 as EpochId)
      .map(({ sourceHash }) => sourceHash)
    expect(hashes).toHaveLength(2)
    expect(new Set(hashes)).toEqual(new Set([(await block(5 as BlockNumber))?.hash]))
    // What was begun on the fork that is gone ends; the next epoch is whole.
    expect(recordOf(snapshotter, third)?.reason).toBe('source_moved')
    expect(recordOf(snapshotter, await passEpoch(world))?.snapshotCid).toBe(await sumOf(1, 2, 3))
  })

  test('are of the fork that is signed for already, or not kept', async () => {
    const world = createWorld({ sourceBlocks: 60 })
    let isStuck = false
    const stuck = createComputes({
      base: async (dataSource, epochId) => {
        if (dataSource === '0xBB' && epochId === 2 && isStuck) await new Promise(() => undefined)
        return { epoch: BigInt(epochId) }
      },
    })
    const snapshotter = await world.start(stuck, ONE_SLOT)
    await passEpoch(world)
    isStuck = true
    await world.release()
    await world.until(() => recordOf(snapshotter, 2 as EpochId, BASE_A)?.state === 'submitted')
    world.chain.mine(WINDOW_BLOCKS + 1)
    await world.until(() => world.summaries.length === 2)
    isStuck = false
    world.source.reorg(59)
    await world.release()
    await world.until(() => toldOf(world, 'not_recomputed').length > 0)
    expect(toldOf(world, 'not_recomputed')).toMatchObject([{ epochId: 2, detail: `${BASE_B}: source_moved` }])
    expect(openRecords(world.store).recomputed.projects(2 as EpochId)).toEqual([])
  })

  test('count as ours only for the source blocks of the release that stands', async () => {
    const { world } = await comeBack({ count: 1 })
    await passEpoch(world)
    const records = openRecords(world.store)
    const epoch = records.epoch(2 as EpochId)
    if (epoch === undefined) throw new Error('no epoch 2')
    const market = { batchWindowBlocks: 40, attestationWindowBlocks: 60 }
    expect(records.own(2 as EpochId, BASE_A)).toBeDefined()
    await records.saveEpoch({ ...epoch, state: 'undone' }, market)
    expect(records.own(2 as EpochId, BASE_A)).toBeUndefined()
    await records.saveEpoch({ ...epoch, end: (epoch.end + 1) as BlockNumber }, market)
    expect(records.own(2 as EpochId, BASE_A)).toBeUndefined()
  })
})

describe('N25: what cannot be recomputed', () => {
  /** The epoch at hand as it was without: its aggregates say what they lacked. */
  async function untilMissed(
    world: World,
    snapshotter: Running,
    patienceMs = PATIENCE_MS,
  ): Promise<{ epochId: EpochId; detail: string | undefined }> {
    const before = world.summaries.length
    const epochId = await world.release()
    const isGiven = (base: ProjectId) => recordOf(snapshotter, epochId, base)?.state === 'submitted'
    await world.until(() => isGiven(BASE_A) && isGiven(BASE_B))
    await world.clock.advance(patienceMs)
    world.chain.mine(WINDOW_BLOCKS + 1)
    await world.until(() => world.summaries.length > before)
    expect(recordOf(snapshotter, epochId)).toMatchObject({ state: 'missed', reason: 'history_missing' })
    return { epochId, detail: recordOf(snapshotter, epochId)?.detail }
  }

  test('for want of an archive is said once, costs few questions, and heals as without it', async () => {
    const world = createWorld()
    world.source = createFakeSourceChain({ blocks: 1_000, read: () => [1n] })
    let refused = 0
    const source = reading(world.source, (method, block) => {
      if (method !== 'read' || block > LAST_BLOCK_OF_THIRD) return
      refused += 1
      throw gone(block)
    })
    const { snapshotter } = await comeBack({ world, computes: createStateful(), deps: { source } })
    const { detail } = await untilMissed(world, snapshotter)
    expect(detail).toMatch(/epochId: [23].*not decided, and there is no snapshot of our own: .*is pruned/)
    const refusedFirst = refused
    // An endpoint's other reads that were under way, and no more.
    expect(refusedFirst).toBeLessThan(10)
    for (let later = 0; later < 2; later += 1) await untilMissed(world, snapshotter)
    // Three attempts, and then it is left alone.
    const refusedInAll = refused
    expect(refusedInAll).toBeGreaterThan(2 * refusedFirst - 3)
    await untilMissed(world, snapshotter)
    expect(refused).toBe(refusedInAll)
    expect(toldOf(world, 'not_recomputed').map(({ detail: why }) => why)).toEqual([expect.stringMatching(/is pruned/)])
    expect(toldOf(world, 'will_try_again').filter(({ doing }) => doing === 'read_source')).toEqual([])
    // When its windows are over nobody needs an own word for it.
    world.chain.mine(60)
    const healed = await passEpoch(world)
    expect(recordOf(snapshotter, healed)?.state).toBe('submitted')
  })

  test('is tried again for a later epoch, where it was the endpoint that was down', async () => {
    const world = createWorld()
    let isDown = true
    const source = reading(world.source, (_, block) => {
      if (isDown && isOfSecond(block)) throw gone(block)
    })
    const { snapshotter } = await comeBack({ world, count: 1, deps: { source } })
    await untilMissed(world, snapshotter)
    isDown = false
    const next = await passEpoch(world)
    expect(recordOf(snapshotter, next)?.snapshotCid).toBe(await sumOf(1, 2, 3))
  })

  test.each([
    ['of the epoch', 5],
    ['above it', 6],
  ])('because the endpoint hangs at a block %s ends when a compute would', async (_, hanging) => {
    const world = createWorld()
    const source = reading(world.source, (__, block) => (block === hanging ? new Promise(() => undefined) : undefined))
    const { snapshotter } = await comeBack({ world, count: 1, deps: { source } })
    const timeoutMs = ONE_SLOT.computeTimeoutMs as number
    const { detail } = await untilMissed(world, snapshotter, timeoutMs + 1_000)
    expect(detail).toContain(`not done after ${timeoutMs} ms`)
  })

  test('of computes that are others than before is not guessed', async () => {
    const terms = termsWith(createComputes(), { sets: [{ name: 'test', version: '2.0.0', hash: '' }] })
    const { world, snapshotter } = await comeBack({ count: 1, deps: { terms: { present: terms, termsAt: async () => terms } } })
    const { detail } = await untilMissed(world, snapshotter)
    expect(detail).toMatch(/epoch 1 was of test 1\.0\.0 .*, now there is test 2\.0\.0/)
  })

  test('of a project of which nothing is known in that epoch is said', async () => {
    const lone = { ...createComputes(), snapshots: [], aggregates: [] }
    const terms = {
      present: termsWith(createComputes()),
      termsAt: async (epochId: EpochId) => termsWith(epochId === 2 ? lone : createComputes()),
    }
    const { world, snapshotter } = await comeBack({ count: 1, deps: { terms } })
    const { detail } = await untilMissed(world, snapshotter)
    expect(detail).toMatch(/base:0x(aa|bb):TEST: the epoch had no such project/)
  })
})

describe('N25: recomputing is bounded', () => {
  /** Sums that ask for all earlier epochs at once. */
  function createEager(change: Parameters<typeof createComputes>[0] = {}): ComputeSet {
    const eager: AggregateCompute = {
      projectType: 'sum',
      aggregateOn: 'SingleProject',
      baseProjectTypes: ['base'],
      async aggregate({ epoch, base, history }) {
        const ids = Array.from({ length: epoch.epochId - 1 }, (_, index) => index + 1)
        const earlier = await Promise.all(ids.map((id) => history.snapshot(base[0]?.projectId as string, id)))
        return { epochs: earlier.flatMap((each) => (each === undefined ? [] : [(each as { epoch: bigint }).epoch])) }
      },
    }
    return { ...createComputes(change), aggregates: [eager] }
  }
  const recomputed = (world: World) => toldOf(world, 'epoch_recomputed').map(({ epochId }) => Number(epochId))
  const LONG = { market: { batchWindowBlocks: 1_000, attestationWindowBlocks: 1_000 } }

  test('in epochs that wait for their turn, of which the newest come first; the others are asked for by the next epoch', async () => {
    const { world, snapshotter } = await comeBack({ world: createWorld(LONG), count: 70, computes: createEager() })
    const epochId = await world.release()
    const isGiven = () => recordOf(snapshotter, epochId, BASE_A)?.state === 'submitted'
    await world.until(() => isGiven() && recomputed(world).length > 60)
    await world.clock.advance(1_000)
    expect(recomputed(world)).toEqual(Array.from({ length: 64 }, (_, index) => 71 - index))
    world.chain.mine(WINDOW_BLOCKS + 1)
    await world.until(() => recordOf(snapshotter, epochId)?.reason === 'history_missing')
    const next = await passEpoch(world)
    expect(recordOf(snapshotter, next)?.snapshotCid).toBe(await sumOf(...Array.from({ length: 72 }, (_, index) => index + 1)))
  })

  test('in reads, and how many of them are under way beside those of the epoch at hand', async () => {
    const world = createWorld()
    world.source = createFakeSourceChain({ blocks: 1_000, read: () => [1n] })
    const { read } = world.source
    let [reads, under, most] = [0, 0, 0]
    world.source.read = async (call) => {
      if (!isOfSecond(call.blockNumber)) return read(call)
      reads += 1
      under += 1
      most = Math.max(most, under)
      await Promise.resolve()
      under -= 1
      return read(call)
    }
    const call = { address: `0x${'aa'.repeat(20)}`, function: 'function answer(uint256) view returns (uint256)' }
    const greedy = createComputes()
    const [base] = greedy.snapshots
    const snapshots = [
      {
        ...(base as SnapshotCompute),
        async compute({ epoch, source }: Parameters<SnapshotCompute['compute']>[0]) {
          const count = isOfSecond(epoch.end) ? READS_MAX : 0
          await Promise.all(
            Array.from({ length: count }, (_, index) => source.read({ ...call, args: [BigInt(index)], blockNumber: epoch.end })),
          )
          return { epoch: BigInt(epoch.epochId) }
        },
      },
    ]
    const { snapshotter } = await comeBack({ world, count: 1, computes: { ...greedy, snapshots } })
    const epochId = await world.release()
    await world.until(() => toldOf(world, 'not_recomputed').length > 0)
    expect(toldOf(world, 'not_recomputed')).toMatchObject([{ epochId: 2, detail: expect.stringContaining(`more than ${READS_MAX} reads`) }])
    expect(reads).toBeLessThanOrEqual(READS_MAX)
    expect(most).toBe(64)
    world.chain.mine(WINDOW_BLOCKS + 1)
    await world.until(() => recordOf(snapshotter, epochId)?.reason === 'history_missing')
  })
})
