import { describe, expect, test } from 'vitest'
import {
  type AggregateCompute,
  type BulkCompute,
  bulk,
  type ComputeSet,
  int,
  type JsonValue,
  list,
  type SnapshotCompute,
} from '#domain/compute.ts'
import type { EpochId, SlotId } from '#domain/ids.ts'
import { createComputes, createLoneCompute, createWorld, OPTIONS } from './snapshotter.test-world.ts'

/** How much at once, and what an epoch hands its computes. */

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }

/** Works that stay under way until they are let go, and how many there are. */
function createGate() {
  const doors: (() => void)[] = []
  return {
    get entered() {
      return doors.length
    },
    pass: () => new Promise<void>((resolve) => doors.push(resolve)),
    open(count: number) {
      for (let index = 0; index < count; index += 1) doors.shift()?.()
    },
  }
}

const manySnapshots = (count: number, compute: (epochId: number) => Promise<JsonValue>): SnapshotCompute => ({
  projectType: 'many',
  dataSources: Array.from({ length: count }, (_, index) => `0x${index.toString(16)}`),
  preloads: [],
  compute: ({ epoch }) => compute(epoch.epochId),
})

describe('at once', () => {
  test('512 snapshots are computed, over all epochs; the others follow', async () => {
    const world = createWorld()
    const gate = createGate()
    const computes: ComputeSet = {
      preloads: [],
      snapshots: [
        manySnapshots(300, async (epochId) => {
          if (epochId > 0) await gate.pass()
          return 1n
        }),
      ],
      aggregates: [],
    }
    const snapshotter = await world.start(computes, ONE_SLOT)
    await world.release()
    await world.release()
    await world.until(() => snapshotter.stats().epochsOpen === 2)
    await world.clock.advance(2_000)
    expect(gate.entered).toBe(512)
    gate.open(512)
    await world.clock.advance(1_000)
    expect(gate.entered).toBe(88)
    gate.open(88)
    await world.until(() => world.summaries.length === 2)
    expect(world.collector.taken).toHaveLength(600)
  })

  test('256 aggregates are under way: those that wait for an earlier epoch hold a place each', async () => {
    const world = createWorld()
    const gate = createGate()
    const aggregates: AggregateCompute[] = Array.from({ length: 300 }, (_, index) => ({
      projectType: `sum${index}`,
      aggregateOn: 'SingleProject',
      baseProjectTypes: ['lone'],
      async aggregate() {
        await gate.pass()
        return 1n
      },
    }))
    await world.start(
      {
        ...createLoneCompute(),
        snapshots: [manySnapshots(1, async () => 1n)],
        aggregates: aggregates.map((each) => ({ ...each, baseProjectTypes: ['many'] })),
      },
      ONE_SLOT,
    )
    await world.release()
    await world.until(() => gate.entered > 0)
    await world.clock.advance(2_000)
    expect(gate.entered).toBe(256)
    gate.open(256)
    await world.clock.advance(2_000)
    gate.open(44)
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]).toMatchObject({ submitted: 301 })
  })

  test('64 submissions are on their way to the collector', async () => {
    const world = createWorld()
    const gate = createGate()
    const { answer } = world.collector
    world.collector.answer = async (submission) => {
      if (submission.request.epochId > 0) await gate.pass()
      return answer(submission)
    }
    await world.start({ preloads: [], snapshots: [manySnapshots(50, async () => 1n)], aggregates: [] })
    await world.release()
    await world.until(() => gate.entered > 0)
    await world.clock.advance(1_000)
    expect(gate.entered).toBe(64)
    gate.open(64)
    await world.clock.advance(1_000)
    gate.open(36)
    await world.until(() => world.summaries.length === 1)
    expect(world.collector.taken).toHaveLength(100)
  })

  test('N7: what waits for its turn when the window closes is not sent any more', async () => {
    const world = createWorld()
    let asked = 0
    const { answer } = world.collector
    world.collector.answer = (submission) => {
      if (submission.request.epochId === 0) return answer(submission)
      asked += 1
      return new Promise(() => undefined)
    }
    await world.start({ preloads: [], snapshots: [manySnapshots(50, async () => 1n)], aggregates: [] })
    await world.release()
    await world.until(() => asked > 0)
    await world.clock.advance(1_000)
    world.moments.length = 0
    world.chain.mine(20)
    await world.until(() => world.summaries.length === 1)
    expect(asked).toBe(64)
    expect(world.moments.filter(({ effect }) => effect === 'sign')).toEqual([])
  })

  test('32 epochs are worked on; others wait, and are never dropped', async () => {
    const world = createWorld({ market: { snapshotWindowBlocks: 1_000 } })
    const gate = createGate()
    // Aggregates are not limited to 32, so that only the epochs are.
    const aggregate: AggregateCompute = {
      projectType: 'sum',
      aggregateOn: 'MultiProject',
      baseProjectTypes: ['lone'],
      async aggregate() {
        await gate.pass()
        return 1n
      },
    }
    const snapshotter = await world.start({ ...createLoneCompute(), aggregates: [aggregate] }, ONE_SLOT)
    for (let count = 0; count < 35; count += 1) await world.release()
    await world.until(() => snapshotter.stats().epochsOpen === 35)
    await world.clock.advance(2_000)
    expect(gate.entered).toBe(32)
    gate.open(32)
    await world.clock.advance(1_000)
    gate.open(3)
    await world.until(() => world.summaries.length === 35)
    expect(world.summaries.every(({ submitted }) => submitted === 2)).toBe(true)
  })
})

describe('G2: epochs in a time', () => {
  test.each([
    [2, 12, 86_400, 3_600],
    [10, 12, 86_400, 720],
    [7, 12, 86_400, 1_028],
    [10, 2.5, 86_399, 3_455],
    [10, 12, 119, 0],
    [1, 0.0001, 1, 10_000],
    // 24 h over 0.7 s: doubles would say 123,428.57…, of which the part of an epoch does not count.
    [1, 0.7, 86_400, 123_428],
    [3, 0.1, 0.9, 3],
  ])('of %d blocks of %d s each, %d s hold %d whole ones', async (epochSize, sourceBlockTimeSeconds, seconds, expected) => {
    const world = createWorld({ market: { sourceBlockTimeSeconds } })
    const { market } = world.chain
    world.chain.market = async () => ({ ...(await market()), epochSize })
    const told: number[] = []
    const aggregate: AggregateCompute = {
      projectType: 'sum',
      aggregateOn: 'MultiProject',
      baseProjectTypes: ['lone'],
      async aggregate({ epochsIn }) {
        told.push(epochsIn(seconds))
        return 1n
      },
    }
    await world.start({ ...createLoneCompute(), aggregates: [aggregate] }, ONE_SLOT)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(told).toEqual([expected])
  })
})

test('computes are given the epoch as it was released, and aggregates their own id and their base snapshots sorted by id', async () => {
  const world = createWorld()
  const seen: unknown[] = []
  const base = createComputes().snapshots[0] as SnapshotCompute
  const computes: ComputeSet = {
    ...createComputes(),
    snapshots: [{ ...base, dataSources: ['0xBB', '0xAA'] }],
    aggregates: [
      {
        projectType: 'all',
        aggregateOn: 'MultiProject',
        baseProjectTypes: ['base'],
        async aggregate({ epoch, projectId, base: snapshots }) {
          seen.push(epoch, projectId.split(':').at(0), ...snapshots.map(({ projectId, epochId }) => `${projectId} ${epochId}`))
          return 1n
        },
      },
    ],
  }
  await world.start(computes, ONE_SLOT)
  await world.release(2)
  await world.until(() => world.summaries.length === 1)
  expect(seen).toEqual([{ epochId: 1, begin: 2, end: 3 }, 'all', 'base:0xaa:TEST 1', 'base:0xbb:TEST 1'])
})

test('N3: a preload that nobody needs does not run; one that several need runs once per epoch', async () => {
  const world = createWorld()
  const ran: string[] = []
  const preload = (taskType: string) => ({
    taskType,
    async preload({ epoch }: { epoch: { epochId: number } }) {
      if (epoch.epochId > 0) ran.push(`${taskType} ${epoch.epochId}`)
      return 1n
    },
  })
  await world.start({ ...createComputes(), preloads: [preload('price'), preload('unused')], aggregates: [] }, ONE_SLOT)
  await world.release()
  await world.release()
  await world.until(() => world.summaries.length === 2)
  expect(ran).toEqual(['price 1', 'price 2'])
})

test('N7: an epoch that was undone and came again waits until its first life is over, and stays open until then', async () => {
  const world = createWorld()
  const gate = createGate()
  const { answer } = world.collector
  // It heeds no signal, so that the first life lasts.
  const collector = {
    async submitSnapshot(submission: Parameters<typeof answer>[0]) {
      if (submission.request.epochId > 0) await gate.pass()
      return answer(submission)
    },
    close: async () => undefined,
  }
  const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { collector })
  await world.release()
  await world.until(() => gate.entered === 1)
  world.chain.reorg(1)
  await world.clock.advance(2_000)
  expect(gate.entered).toBe(1)
  gate.open(1)
  await world.until(() => world.summaries.length === 1 && gate.entered === 1)
  // The end of the first life is not the end of the epoch: a restart now would take it up.
  expect(snapshotter.epochs()).toMatchObject([{ state: 'open' }])
  gate.open(1)
  await world.until(() => world.summaries.length === 2)
  expect(world.summaries.map(({ state }) => state)).toEqual(['undone', 'done'])
  expect(snapshotter.stats()).toMatchObject({ epochsOpen: 0 })
})

describe('a compute in bulk mode', () => {
  /** Of two wallets it knows one, and one that nobody asked for. */
  const seen = (all: BulkCompute['all']): ComputeSet => ({
    preloads: [{ taskType: 'blocks', preload: async () => 'blocks' }],
    snapshots: [bulk({ projectType: 'wallet', dataSources: ['0xAA', '0xBB'], preloads: ['blocks'], schema: list(int()), all })],
    aggregates: [],
  })

  test('N3: is asked once per epoch, with what it preloads; a data source that it says nothing of ends so, and is no failure of it', async () => {
    const world = createWorld()
    const asked: unknown[] = []
    const snapshotter = await world.start(
      seen(async ({ epoch, preloaded }) => {
        if (epoch.epochId > 0) asked.push(epoch.epochId, preloaded.get('blocks'))
        return new Map([
          ['0xaa', [1n, 2n]],
          ['0xcc', [3n]],
        ])
      }),
      ONE_SLOT,
    )
    await world.release()
    await world.release()
    await world.until(() => world.summaries.length === 2)
    expect(asked).toEqual([1, 'blocks', 2, 'blocks'])
    for (const epochId of [1, 2])
      expect(snapshotter.projects(epochId as EpochId)).toMatchObject([
        { projectId: 'wallet:0xaa:TEST', state: 'submitted' },
        { projectId: 'wallet:0xbb:TEST', state: 'missed', reason: 'nothing_happened' },
      ])
  })

  test('N4: that fails, or says something of another form, fails for each that it concerns', async () => {
    const world = createWorld()
    const snapshotter = await world.start(
      seen(async ({ epoch }) => {
        if (epoch.epochId === 1) throw new Error('no blocks')
        return new Map([
          ['0xaa', [1n]],
          ['0xbb', [1.5]],
        ])
      }),
      ONE_SLOT,
    )
    await world.release()
    await world.release()
    await world.until(() => world.summaries.length === 2)
    const reasons = (epochId: number) =>
      snapshotter.projects(epochId as EpochId).map(({ reason, detail }) => [reason, detail.split(': ').at(-1)])
    expect(reasons(1)).toEqual(Array(2).fill(['compute_failed', expect.stringContaining('no blocks')]))
    expect(reasons(2)).toEqual([
      [undefined, ''],
      ['compute_failed', expect.stringContaining('a float, an integer is declared')],
    ])
  })

  test('N4: that asks more often than it may fails for each, also where it goes on as if nothing were', async () => {
    const world = createWorld()
    const greedy = seen(async ({ epoch, source }) => {
      if (epoch.epochId > 0) for (let time = 0; time < 3; time += 1) await source.timestamp(epoch.begin).catch(() => 0)
      return new Map(['0xaa', '0xbb'].map((wallet) => [wallet, [1n]]))
    })
    const limits = { requests: 2 }
    const snapshotter = await world.start({ ...greedy, snapshots: greedy.snapshots.map((compute) => ({ ...compute, limits })) }, ONE_SLOT)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(snapshotter.projects(1 as EpochId).map(({ reason }) => reason)).toEqual(Array(2).fill('compute_asked_too_much'))
  })

  test('N4: that does not get to its end says of each how far it got', async () => {
    const world = createWorld()
    const snapshotter = await world.start(
      seen(async ({ epoch, source }) => {
        if (epoch.epochId > 0) await Promise.all([source.timestamp(epoch.begin), source.timestamp(epoch.end)])
        return epoch.epochId > 0 ? new Promise(() => undefined) : new Map()
      }),
      { ...ONE_SLOT, computeTimeoutMs: 500 },
    )
    const epochId = await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]?.tookMs).toBe(500)
    const late = { reason: 'compute_timed_out', detail: expect.stringContaining('not done after 500 ms: 2 of 2 questions are answered') }
    expect(snapshotter.projects(epochId)).toMatchObject([late, late])
  })
})
