import { describe, expect, test } from 'vitest'
import type { EpochId, SlotId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import {
  BASE_A,
  createComputes,
  createLoneCompute,
  createWorld,
  LONE,
  type Moment,
  OPTIONS,
  reasons,
  WINDOW_BLOCKS,
} from './snapshotter.test-world.ts'

/** What the README's table of crashes says, each arrow of the flow being cut by `kill -9`. */

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }
const commitOf = (when: Moment['when'], key: string) => (moment: Moment) =>
  moment.when === when && moment.effect === 'commit' && moment.keys.includes(key)
const effect = (when: Moment['when'], name: Moment['effect']) => (moment: Moment) => moment.when === when && moment.effect === name

/** A life that ends at the given moment of its first epoch, and a second one that works to the epoch's end. */
async function livesOf(killAt: (moment: Moment) => boolean) {
  const world = createWorld()
  const epochs: number[] = []
  const computes = createLoneCompute(async (epochId) => {
    if (epochId > 0) epochs.push(epochId)
    return BigInt(epochId)
  })
  const first = await world.start(computes, ONE_SLOT)
  await world.until(() => first.stats().simulated === 1)
  world.killAt = killAt
  const epochId = await world.release()
  await world.untilKilled()
  const left = { takenBefore: world.collector.taken.length, computedBefore: epochs.length }
  const second = await world.start(computes, ONE_SLOT)
  await world.until(() => world.summaries.length === 1)
  return { world, second, epochId, computed: epochs.length, ...left }
}
const cidsOf = (taken: readonly Submission[]) => new Set(taken.map(({ request }) => request.snapshotCid))

describe('a crash after', () => {
  test.each<[string, (moment: Moment) => boolean, { computed: number; takenBefore: number; taken: number }]>([
    ['N1: a block is read: it is followed again', commitOf('before', 'epoch/'), { computed: 1, takenBefore: 0, taken: 1 }],
    ["N1: the block's commit: the epoch is run", commitOf('after', 'epoch/'), { computed: 1, takenBefore: 0, taken: 1 }],
    ['N2: compute: it is done again', effect('before', 'add'), { computed: 2, takenBefore: 0, taken: 1 }],
    ['N2: IPFS has the bytes: it is done again', effect('after', 'add'), { computed: 2, takenBefore: 0, taken: 1 }],
    ['N2: the CID is on its way to the disk: it is done again', commitOf('before', 'project/'), { computed: 2, takenBefore: 0, taken: 1 }],
    ['N2: the CID is recorded: it is not computed again', commitOf('after', 'project/'), { computed: 1, takenBefore: 0, taken: 1 }],
    ['N2: the signature: the same CID is signed again', effect('before', 'submit'), { computed: 1, takenBefore: 0, taken: 1 }],
    [
      'N6: the hand-over, before its commit: it is handed over again',
      commitOf('before', 'handed/'),
      { computed: 1, takenBefore: 1, taken: 2 },
    ],
    [
      'N6: the commit of the hand-over: it is not handed over again',
      commitOf('after', 'handed/'),
      { computed: 1, takenBefore: 1, taken: 1 },
    ],
  ])('%s', async (_title, killAt, expected) => {
    const { world, second, epochId, computed, takenBefore } = await livesOf(killAt)
    expect({ computed, takenBefore, taken: world.collector.taken.length }).toEqual(expected)
    expect(cidsOf(world.collector.taken).size).toBe(1)
    expect(world.summaries).toMatchObject([{ epochId, state: 'done', submitted: 1, missed: [] }])
    expect(second.projects(epochId)).toMatchObject([{ projectId: LONE, state: 'submitted' }])
    expect(second.epochs()).toMatchObject([{ epochId, state: 'done' }])
  })

  test("N1: the epoch's end, before its commit: only the end is written again", async () => {
    let commits = 0
    const { world, computed } = await livesOf((moment) => commitOf('before', 'epoch/')(moment) && ++commits === 2)
    expect([computed, world.collector.taken.length]).toEqual([1, 1])
  })

  test('N1: everything is done: the next life finds nothing to do', async () => {
    const world = createWorld()
    const first = await world.start(createLoneCompute(), ONE_SLOT)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    world.kill()
    const second = await world.start(createLoneCompute(), ONE_SLOT)
    world.chain.mine()
    await world.until(() => (second.stats().headBlock ?? 0) > (first.stats().headBlock ?? 0) && second.stats().simulated === 1)
    await world.clock.advance(1_000)
    expect([world.collector.taken.length, world.summaries.length, second.stats().epochsOpen]).toEqual([1, 1, 0])
  })
})

test('N2, N6: bytes are stored, then the CID is durable, then signed, then taken, then the hand-over is durable, then the epoch is done', async () => {
  const world = createWorld()
  const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
  await world.until(() => snapshotter.stats().simulated === 1)
  world.moments.length = 0
  await world.release()
  await world.until(() => world.summaries.length === 1)
  const told = world.moments
    .filter(({ keys }) => !keys.startsWith('block/') || keys.includes('epoch/'))
    .map(({ when, effect: name, keys }) => `${when} ${name} ${keys.replace(/^.*\n/s, '').split('/', 1).join('')}`.trim())
  expect(told).toEqual([
    'before commit epoch',
    'after commit epoch',
    'before add',
    'after add',
    'before commit project',
    'after commit project',
    'before sign',
    'before submit',
    'after submit',
    'before commit handed',
    'after commit handed',
    'before commit project',
    'after commit project',
    'before commit epoch',
    'after commit epoch',
  ])
})

test('N1: the cursor and the epochs of its block are one commit', async () => {
  const world = createWorld()
  await world.start(createLoneCompute(), ONE_SLOT)
  await world.release()
  await world.until(() => world.summaries.length === 1)
  const first = world.moments.find(({ keys }) => keys.includes('epoch/'))
  expect(first?.keys.split('\n').map((key) => key.split('/', 1).join(''))).toEqual(['block', 'epoch'])
})

test('N1: an epoch that was released and is over before the restart is skipped, once and on disk before it is told', async () => {
  const world = createWorld()
  const first = await world.start(createLoneCompute(), ONE_SLOT)
  await world.until(() => first.stats().simulated === 1)
  world.killAt = commitOf('after', 'epoch/')
  const epochId = await world.release()
  await world.untilKilled()
  world.chain.mine(WINDOW_BLOCKS + 1)
  const told: string[] = []
  const second = await world.start(createLoneCompute(), ONE_SLOT, {
    onEpoch: ({ state }) => told.push(`${state} after ${world.moments.at(-1)?.when} ${world.moments.at(-1)?.effect}`),
  })
  await world.until(() => told.length === 1)
  expect(told).toEqual(['skipped after after commit'])
  expect(second.epochs()).toMatchObject([{ epochId, state: 'skipped' }])
  expect(second.stats()).toMatchObject({ epochsSkipped: 1, epochsDone: 0, epochsOpen: 0 })
  await world.stop(second)
  const third = await world.start(createLoneCompute(), ONE_SLOT)
  await world.until(() => third.stats().simulated === 1)
  expect([told.length, world.summaries.length, world.collector.taken.length]).toEqual([1, 0, 0])
})

test('N7: a window that closed while the process was away ends what was begun, with its reasons', async () => {
  const world = createWorld()
  world.collector.capacity = 0
  const computes = createComputes({ base: async (source) => (source === '0xBB' ? new Promise<never>(() => undefined) : { epoch: 1n }) })
  const first = await world.start(computes)
  const epochId = await world.release()
  await world.until(() => first.projects(epochId).some(({ projectId }) => projectId === BASE_A))
  world.kill()
  world.chain.mine(WINDOW_BLOCKS + 1)
  world.collector.capacity = Number.POSITIVE_INFINITY
  await world.start(computes)
  await world.until(() => world.summaries.length === 1)
  expect(reasons(world.summaries[0])).toMatchObject({
    'base:0xaa': 'hand_over_failed',
    'base:0xbb': 'window_closed',
    'sum:0xbb': 'window_closed',
  })
  expect(world.collector.taken).toEqual([])
})

test('N2: a project that ended in an earlier life stays ended, though it could be computed now', async () => {
  const world = createWorld()
  let isBroken = true
  const computes = createComputes({
    base: (source) => {
      if (source === '0xBB') return isBroken ? new Promise<never>(() => undefined) : Promise.resolve({ epoch: 1n })
      return isBroken ? Promise.reject(new Error('pair is gone')) : Promise.resolve({ epoch: 1n })
    },
  })
  const first = await world.start(computes)
  const epochId = await world.release()
  await world.until(() => first.projects(epochId).some(({ reason }) => reason === 'compute_failed'))
  world.kill()
  isBroken = false
  const second = await world.start(computes)
  await world.until(() => world.summaries.length === 1)
  expect(reasons(world.summaries[0])).toMatchObject({ 'base:0xaa': 'compute_failed', 'sum:0xaa': 'base_missing' })
  expect(second.projects(epochId).find(({ projectId }) => projectId === BASE_A)?.detail).toContain('pair is gone')
  expect(second.stats()).toMatchObject({ snapshotsComputed: 2, projectsMissed: 3 })
})

test('N2: bytes that the own node lost are stored again under the recorded CID', async () => {
  const world = createWorld()
  world.collector.capacity = 0
  const first = await world.start(createLoneCompute(), ONE_SLOT)
  const epochId = await world.release()
  await world.until(() => first.projects(epochId).length === 1)
  const cid = first.projects(epochId)[0]?.snapshotCid
  world.kill()
  world.ipfs = createFakeIpfsNetwork({ clock: world.clock }).node('after the disk was lost')
  world.collector.capacity = Number.POSITIVE_INFINITY
  await world.start(createLoneCompute(), ONE_SLOT)
  await world.until(() => world.summaries.length === 1)
  expect(cidsOf(world.collector.taken)).toEqual(new Set([cid]))
  expect(await world.ipfs.has(cid as NonNullable<typeof cid>)).toBe(true)
})

test('N1: the blocks of a chain that was rewritten while the process was away are rolled back', async () => {
  const world = createWorld()
  const first = await world.start(createLoneCompute(), ONE_SLOT)
  await world.release()
  await world.until(() => world.summaries.length === 1)
  await world.stop(first)
  world.chain.reorg(1, { isLosingTransactions: true })
  world.chain.mine(2)
  const second = await world.start(createLoneCompute(), ONE_SLOT)
  await world.until(() => second.epochs()[0]?.state === 'undone')
  const epochId = await world.release()
  await world.until(() => world.summaries.length === 2)
  expect(epochId).toBe(1 as EpochId)
})
