import { expect, test } from 'vitest'
import type { JsonValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { Cid, SlotId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import type { FakeChain } from '#io/chain/fake/anchor.ts'
import { createFakeSourceChain } from '#io/chain/fake/source.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createCopies } from '#life/copies.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import {
  BASE_A,
  BASE_B,
  createComputes,
  createLoneCompute,
  createWorld,
  idsOf,
  manager,
  OPTIONS,
  reasons,
  signer,
  SUM_A,
  WINDOW_BLOCKS,
} from './snapshotter.test-world.ts'

test('one epoch: every project computed once, stored, signed and handed over for each slot', async () => {
  const world = createWorld()
  const snapshotter = await world.start()
  const epochId = await world.release()
  await world.until(() => world.summaries.length === 1)

  expect(world.summaries[0]).toMatchObject({ epochId: 1, state: 'done', submitted: 5, missed: [] })
  expect(world.summaries[0]?.windowUsed).toBeGreaterThanOrEqual(0)
  expect(idsOf(world.collector.taken)).toHaveLength(5)
  expect(world.collector.taken).toHaveLength(10)
  expect(snapshotter.stats()).toMatchObject({ epochsDone: 1, snapshotsComputed: 5, submissionsHandedOver: 10, epochsOpen: 0 })
  expect(snapshotter.projects(epochId).map((project) => project.state)).toEqual([
    'submitted',
    'submitted',
    'submitted',
    'submitted',
    'submitted',
  ])

  const bytes = canonicalJson({ source: '0xAA', epoch: 1n, price: BigInt(1_700_000_000 + 3 * 12) })
  const submission = world.collector.taken.find(({ request }) => request.projectId === BASE_A && request.slotId === 2) as Submission
  const head = await world.chain.head()
  expect(submission).toMatchObject({ header: head.hash, dataMarket: world.chain.dataMarket, protocolState: world.chain.protocolState })
  expect(submission.request).toMatchObject({ epochId: 1, deadlineBlock: head.number + 500, snapshotCid: await snapshotCidOf(bytes) })
  expect(await world.ipfs.get(submission.request.snapshotCid, { bytesMax: 1_000, timeoutMs: 1 })).toEqual(bytes)
  const digest = createSubmissionHasher(world.chain).digest(submission.request)
  expect(recoverer.recover(digest, parseSignature(submission.signature) as Uint8Array)).toBe(signer.address)
})

test('N15, G11: a place for copies that hangs, and one that fails, cost neither a submission nor a moment', async () => {
  const world = createWorld()
  const copied: string[] = []
  const hangs = {
    name: 'hangs',
    pin: (cid: Cid, _epochId: unknown, until: AbortSignal) =>
      new Promise<never>((_, reject) => {
        copied.push(cid)
        until.addEventListener('abort', () => reject(until.reason))
      }),
    letGo: async () => 0,
  }
  const fails = {
    ...hangs,
    name: 'fails',
    pin: () => Promise.reject(new WeftError('PLACE_FAILED', { place: 'fails', detail: 'HTTP 500' })),
  }
  const copies = createCopies(
    { copiesMin: 1 },
    { node: world.ipfs, places: [hangs, fails], clock: world.clock, random: { fraction: () => 1 }, report: () => undefined },
  )
  await world.start(createComputes(), OPTIONS, { ipfs: copies.ipfs })
  await world.release()
  await world.until(() => world.summaries.length === 1)
  expect(world.summaries[0]).toMatchObject({ epochId: 1, state: 'done', submitted: 5, missed: [] })
  const taken = world.collector.taken.map(({ request }) => request.snapshotCid as string)
  expect(copied.filter((cid) => taken.includes(cid)).length).toBeGreaterThan(0)
  await copies.stop()
})

test('each slot sends a simulation of each base type after start', async () => {
  const world = createWorld()
  const snapshotter = await world.start()
  await world.until(() => snapshotter.stats().simulated === 2)
  expect(world.collector.simulated.map(({ request }) => [request.epochId, request.slotId, request.projectId])).toEqual([
    [0, 1, BASE_A],
    [0, 2, BASE_A],
  ])
})

test('N4: a failing preload fails those that need it, with its reason', async () => {
  const world = createWorld()
  const logged: unknown[] = []
  const snapshotter = await world.start(createComputes({ preload: () => Promise.reject(new Error('no price today')) }), undefined, {
    report: (event, { missed }) => void (event === 'epoch_done' && logged.push(missed)),
  })
  const epochId = await world.release()
  await world.until(() => world.summaries.length === 1)
  expect(logged, 'each reason once').toEqual([
    expect.stringMatching(/^base:0xaa:\w+, base:0xbb:\w+: preload_failed price: no price today; /),
  ])
  expect(reasons(world.summaries[0])).toMatchObject({
    'base:0xaa': 'preload_failed',
    'base:0xbb': 'preload_failed',
    'sum:0xaa': 'base_missing',
    'sum:0xbb': 'base_missing',
  })
  expect(snapshotter.projects(epochId).find((project) => project.projectId === BASE_A)).toMatchObject({
    state: 'missed',
    reason: 'preload_failed',
    detail: 'price: no price today',
  })
  expect(world.collector.taken).toEqual([])
})

test('N4: a failing compute concerns its project and those built on it, and nobody else', async () => {
  const world = createWorld()
  const base = async (dataSource: string | undefined) => {
    if (dataSource === '0xBB') throw new Error('pair is gone')
    return { epoch: 1n }
  }
  const snapshotter = await world.start(createComputes({ base }))
  const epochId = await world.release()
  await world.until(() => world.summaries.length === 1)
  expect(idsOf(world.collector.taken)).toEqual([BASE_A, SUM_A])
  const missed = Object.values(reasons(world.summaries[0]))
  expect(missed.sort()).toEqual(['base_missing', 'base_missing', 'compute_failed'])
  expect(snapshotter.projects(epochId).find((project) => project.projectId === BASE_B)?.detail).toContain('pair is gone')
})

test('a compute that never ends is given up after its time, one that is no JSON at once', async () => {
  const world = createWorld()
  const base = (dataSource: string | undefined) =>
    dataSource === '0xAA' ? new Promise<JsonValue>(() => undefined) : Promise.resolve(undefined as unknown as JsonValue)
  await world.start(createComputes({ base }))
  await world.release()
  await world.until(() => world.summaries.length === 1)
  expect(reasons(world.summaries[0])).toMatchObject({ 'base:0xaa': 'compute_timed_out', 'base:0xbb': 'compute_failed' })
})

test('N2: a crash in the middle of an epoch: the same CIDs are handed over after the restart, and only what was not', async () => {
  const world = createWorld()
  let life = 1
  const computes = createComputes({
    base: async (dataSource, epochId) => ({ dataSource: dataSource ?? '', epoch: BigInt(epochId), life: BigInt(life) }),
  })
  const first = await world.start(computes)
  world.collector.capacity = 3
  const epochId = await world.release()
  await world.until(() => first.projects(epochId).length === 5 && first.stats().submissionsHandedOver === 3)
  const cids = first.projects(epochId).map((project) => project.snapshotCid)
  world.store = world.store.crash()
  await world.clock.runUntil(first.stop(), { limitMs: 60_000 })

  life = 2
  world.collector.capacity = Number.POSITIVE_INFINITY
  const second = await world.start(computes)
  await world.until(() => world.summaries.length === 1)
  expect(world.summaries[0]).toMatchObject({ epochId, state: 'done', submitted: 5 })
  expect(second.projects(epochId).map((project) => project.snapshotCid)).toEqual(cids)
  const signedFor = new Map<string, Set<Cid>>()
  for (const { request } of world.collector.taken) {
    const key = `${request.projectId} ${request.slotId}`
    signedFor.set(key, (signedFor.get(key) ?? new Set()).add(request.snapshotCid))
  }
  expect(signedFor.size).toBe(10)
  expect([...signedFor.values()].every((each) => each.size === 1)).toBe(true)
  expect(second.stats()).toMatchObject({ submissionsHandedOver: 7, snapshotsComputed: 0 })
})

test('N6, N7: a crash after everything was handed over, and the window over since: it stays handed over', async () => {
  const world = createWorld()
  const stuck = createComputes({
    base: (dataSource) => (dataSource === '0xBB' ? new Promise(() => undefined) : Promise.resolve({ epoch: 1n })),
  })
  const first = await world.start(stuck)
  const epochId = await world.release()
  await world.until(() => first.projects(epochId).filter(({ state }) => state === 'submitted').length === 2)
  world.store = world.store.crash()
  await world.clock.runUntil(first.stop(), { limitMs: 60_000 })
  world.chain.mine(WINDOW_BLOCKS + 1)
  await world.start()
  await world.until(() => world.summaries.length === 1)
  expect(world.summaries[0]).toMatchObject({ epochId, state: 'done', submitted: 2 })
  expect(Object.values(reasons(world.summaries[0]))).toEqual(['window_closed', 'window_closed', 'window_closed'])
})

test('N2: what was signed before and cannot be computed again the same is not signed again', async () => {
  const world = createWorld()
  let life = 1
  const computes = createComputes({
    base: async (dataSource) => ({ dataSource: dataSource ?? '', epoch: 1n, life: dataSource === '0xAA' ? BigInt(life) : 0n }),
  })
  const first = await world.start(computes)
  world.collector.capacity = 0
  const epochId = await world.release()
  await world.until(() => first.projects(epochId).length === 5)
  const cids = new Map(first.projects(epochId).map((project) => [project.projectId, project.snapshotCid]))
  await world.clock.runUntil(first.stop(), { limitMs: 60_000 })

  life = 2
  world.ipfs = createFakeIpfsNetwork({ clock: world.clock }).node('after the disk was lost')
  world.collector.capacity = Number.POSITIVE_INFINITY
  await world.start(computes)
  await world.until(() => world.summaries.length === 1)
  expect(reasons(world.summaries[0])).toMatchObject({ 'base:0xaa': 'compute_failed', 'sum:0xaa': 'base_missing' })
  expect(idsOf(world.collector.taken)).toEqual([BASE_B, 'sum:0xbb:TEST'])
  expect(world.collector.taken.every(({ request }) => request.snapshotCid === cids.get(request.projectId))).toBe(true)
})

test('N7: a collector that is away is tried until the window closes; then the projects end with the slots that are open', async () => {
  const world = createWorld()
  const snapshotter = await world.start()
  world.collector.capacity = 0
  const epochId = await world.release()
  await world.until(() => snapshotter.stats().handOverRetries > 30)
  world.chain.mine(WINDOW_BLOCKS + 1)
  await world.until(() => world.summaries.length === 1)
  expect(world.summaries[0]).toMatchObject({ epochId, state: 'done', submitted: 0 })
  expect(snapshotter.projects(epochId).find((project) => project.projectId === BASE_A)).toMatchObject({
    state: 'missed',
    reason: 'hand_over_failed',
    detail: 'not taken for slot 1-2',
  })
})

test('N4: a slot that the collector refuses holds up no vote of another, whatever many projects there are', async () => {
  const world = createWorld()
  const { snapshots, ...others } = createLoneCompute()
  const dataSources = Array.from({ length: 100 }, (_, index) => `0x${index.toString(16).padStart(40, '0')}`)
  await world.start({ ...others, snapshots: snapshots.map((each) => ({ ...each, dataSources })) })
  const { answer } = world.collector
  world.collector.answer = async (submission) => (submission.request.slotId === 1 ? 'signer_mismatch' : answer(submission))
  await world.release()
  await world.until(() => world.collector.taken.length === 100)
  expect(new Set(world.collector.taken.map(({ request }) => request.slotId))).toEqual(new Set([2]))
})

test('N7: a release that is undone ends the epoch; when it comes again it is handed over again with the same CIDs', async () => {
  const world = createWorld()
  const snapshotter = await world.start()
  const epochId = await world.release()
  await world.until(() => world.summaries.length === 1)
  const cids = snapshotter.projects(epochId).map((project) => project.snapshotCid)
  world.chain.reorg(1)
  await world.until(() => world.summaries.length === 2)
  expect(world.collector.taken).toHaveLength(20)
  expect(snapshotter.projects(epochId).map((project) => project.snapshotCid)).toEqual(cids)
  expect(world.collector.taken.at(-1)?.header).toBe((await world.chain.head()).hash)
  expect(new Set(world.collector.taken.map(({ request }) => `${request.projectId} ${request.snapshotCid}`)).size).toBe(5)
})

test('N2: an undone epoch that comes again for other source blocks is not signed a second time', async () => {
  const world = createWorld()
  const snapshotter = await world.start()
  await world.release(2)
  await world.until(() => world.summaries.length === 1)
  world.chain.reorg(1, { isLosingTransactions: true })
  await world.until(() => snapshotter.epochs()[0]?.state === 'undone')
  const epochId = await world.release(100)
  await world.until(() => world.summaries.length === 2)
  expect(epochId).toBe(1)
  expect(world.collector.taken).toHaveLength(10)
  expect(reasons(world.summaries[1])).toMatchObject({
    'base:0xaa': 'release_undone',
    'base:0xbb': 'release_undone',
    'sum:0xaa': 'release_undone',
  })
})

test('N1: an epoch is skipped only when its window closed while we were away, and that is recorded', async () => {
  const world = createWorld()
  const before = await world.start()
  await world.until(() => before.stats().simulated > 0)
  await world.clock.runUntil(before.stop(), { limitMs: 10_000 })
  await world.release()
  world.chain.mine(WINDOW_BLOCKS + 1)
  await world.release()
  const after = await world.start()
  await world.until(() => world.summaries.length === 2)
  expect(world.summaries).toMatchObject([
    { epochId: 1, state: 'skipped' },
    { epochId: 2, state: 'done', missed: [] },
  ])
  expect(after.epochs()).toMatchObject([
    { epochId: 1, state: 'skipped' },
    { epochId: 2, state: 'done' },
  ])
  expect(idsOf(world.collector.taken)).toHaveLength(5)
  expect(world.collector.taken.every(({ request }) => request.epochId === 2)).toBe(true)
})

test('a first start takes up the epochs whose windows are open', async () => {
  const world = createWorld()
  await world.release()
  await world.release()
  await world.start()
  await world.until(
    () => idsOf(world.collector.taken).includes(BASE_A) && new Set(world.collector.taken.map(({ request }) => request.epochId)).size === 2,
  )
})

test('N3: a source endpoint that lags is waited for', async () => {
  const world = createWorld()
  world.source = createFakeSourceChain({ blocks: 3 })
  await world.start()
  await world.release()
  await world.clock.advance(3_000)
  expect(world.collector.taken).toEqual([])
  world.source.mine(1)
  await world.clock.advance(3_000)
  expect(world.collector.taken).toEqual([])
  world.source.mine(1)
  await world.until(() => world.summaries.length === 1)
  expect(world.summaries[0]).toMatchObject({ submitted: 5 })
})

test('N3, G2: a source endpoint that answers for its newest block with the state of the next one makes no other snapshot', async () => {
  const world = createWorld()
  const lone = createLoneCompute()
  const [module] = lone.snapshots as [(typeof lone.snapshots)[number]]
  const ask = { address: `0x${'aa'.repeat(20)}`, function: 'function f() view returns (uint256)', args: [] }
  const compute: typeof module.compute = async ({ epoch, source }) => (await source.read({ ...ask, blockNumber: epoch.end }))[0] as bigint
  let newest = 3
  world.source = createFakeSourceChain({
    blocks: newest + 1,
    read: ({ blockNumber }) => [BigInt(blockNumber === newest ? blockNumber + 1 : blockNumber)],
  })
  await world.start({ ...lone, snapshots: [{ ...module, compute }] }, { ...OPTIONS, slotIds: [1 as SlotId] })
  await world.release()
  await world.clock.advance(3_000)
  newest += 1
  world.source.mine(1)
  await world.until(() => world.collector.taken.length === 1)
  expect(world.collector.taken[0]?.request.snapshotCid).toBe(await snapshotCidOf(canonicalJson(3n)))
})

test('N8: slots of another key are refused at start, all of them named', async () => {
  const world = createWorld()
  const failure = await world
    .start(createComputes(), { ...OPTIONS, slotIds: [1, 3, 9] as SlotId[] })
    .catch((each: WeftError<'SETTINGS_INVALID'>) => each)
  expect(failure).toMatchObject({
    code: 'SETTINGS_INVALID',
    facts: { problems: [`slot 3 is assigned to ${manager}, this node signs as ${signer.address}`, 'slot 9 does not exist'] },
  })
})

test.each([
  ['given to another key', (chain: FakeChain) => chain.assignSigner(2 as SlotId, manager)],
  ['burned', (chain: FakeChain) => chain.burnSlot(2 as SlotId)],
])('N8: a slot that is %s is not signed for any more', async (_how, lose) => {
  const world = createWorld()
  const snapshotter = await world.start()
  lose(world.chain)
  world.chain.mine()
  await world.until(() => snapshotter.stats().headBlock === 1)
  expect(snapshotter.stats().ownSlots).toHaveLength(1)
  await world.release()
  await world.until(() => world.summaries.length === 1)
  expect(new Set(world.collector.taken.map(({ request }) => request.slotId))).toEqual(new Set([1]))
})
