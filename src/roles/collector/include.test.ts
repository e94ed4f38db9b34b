import { beforeEach, afterEach, describe, expect, test } from 'vitest'
import type { Batch } from '#domain/batch.ts'
import { WeftError } from '#domain/errors.ts'
import type { Header } from '#domain/anchor-view.ts'
import type { ChainStep } from '#domain/chain-step.ts'
import type { Address, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { Submission, VoteFate } from '#domain/submission.ts'
import type { AnchoredBatch, BlockRef, ProtocolCall } from '#io/chain/port.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { isBatchCid } from '#wire/batch-file.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createAnchoredWorld } from './anchored.test-world.ts'
import { createWorld, SEQUENCER } from './collector.test-world.ts'
import { createIncluding } from './include.ts'
import { type KeptVote, votesIn } from './outbox.ts'

/** Looks alone at an epoch with so many batches, of which none is final; how many files were asked for, and for how long, and what it found. */
async function lookedAt(batches: number, get: (timeoutMs: number, clock: VirtualClock) => Promise<Uint8Array>, isFinalized = false) {
  const clock = createVirtualClock()
  const stopping = new AbortController()
  const epochId = 1 as EpochId
  const vote: KeptVote = { epochId, dataMarket: '0xm', slotId: 1 as SlotId, projectId: A, snapshotCid: 'c' as Cid }
  const block = { number: 9, hash: ROOT } as unknown as Header
  let fate: VoteFate | 'none' | undefined
  let asked = 0
  const outbox = {
    unjudgedEpochs: () => [epochId],
    unjudged: () => (fate === undefined ? [vote] : []),
    judgedAfter: () => [],
    takeBack: async () => undefined,
    async judge(_epochId: EpochId, fateOf: (vote: KeptVote) => VoteFate | undefined) {
      fate = fateOf(vote) ?? 'none'
      return []
    },
  }
  const including = createIncluding({
    ...{
      clock,
      outbox,
      head: () => block,
      random: { fraction: () => 1 },
      report: () => undefined,
      counters: { countFate: () => undefined },
    },
    chain: {
      dataMarket: '0xm' as Address,
      block: async () => undefined,
      batchCids: async () => Array.from({ length: batches }, (_, index) => `batch ${index}` as Cid),
      batch: async (_epochId, batchCid) => ({ batchCid, isFinalized }) as AnchoredBatch,
    },
    ipfs: {
      async get(_cid, { timeoutMs = 0 }) {
        asked += 1
        return get(timeoutMs, clock)
      },
    },
  })
  const began = clock.nowMs()
  const running = including.run(stopping.signal)
  await clock.runUntil(() => fate !== undefined, { limitMs: 600_000 })
  const tookMs = clock.nowMs() - began
  stopping.abort()
  await clock.runUntil(running, { limitMs: 1_000 })
  return { fate, asked, tookMs }
}

describe('C18, G7: of an epoch with any number of batches', () => {
  test('those that nobody serves, and that are not final, take a minute together', async () => {
    async function silent(timeoutMs: number, clock: VirtualClock): Promise<never> {
      await clock.sleep(timeoutMs)
      throw new WeftError('IPFS_NOT_FOUND', { cid: '', waitedMs: timeoutMs })
    }
    expect(await lookedAt(500, silent)).toEqual({ fate: 'none', asked: 6, tookMs: 60_000 })
  })

  test('a thousand are looked at, and nothing is missing where there are more', async () => {
    const bytes = encodeBatch({ submissions: [], submissionsRoot: ROOT, projectIds: [A], snapshotCids: ['c' as Cid] })
    expect(await lookedAt(1_000, async () => bytes, true)).toMatchObject({ fate: 'missing', asked: 1_000 })
    expect(await lookedAt(1_001, async () => bytes, true)).toMatchObject({ fate: 'none', asked: 1_000 })
  })
})

test('C18: what goes while it is asked at the start whether it is still there is taken back all the same', async () => {
  const clock = createVirtualClock()
  const stopping = new AbortController()
  const head = { number: 9, hash: ROOT } as unknown as Header
  const epochId = 1 as EpochId
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<BlockRef>()
  const takenBack: [EpochId, number][] = []
  const including = createIncluding({
    ...{ clock, head: () => head, random: { fraction: () => 1 }, report: () => undefined, counters: { countFate: () => undefined } },
    ipfs: { get: async () => new Uint8Array() },
    chain: {
      dataMarket: '0xm' as Address,
      async block() {
        asked.resolve()
        return answer.promise
      },
      batchCids: async () => [],
      batch: async () => undefined,
    },
    outbox: {
      unjudgedEpochs: () => [],
      unjudged: () => [],
      judge: async () => [],
      judgedAfter: () => [{ epochId, asOf: head }],
      takeBack: async (...what) => void takenBack.push(what),
    },
  })
  const running = including.run(stopping.signal)
  await asked.promise
  including.note({ kind: 'rollback', to: { number: 4 } } as ChainStep)
  // What an endpoint says that has not heard of it.
  answer.resolve(head as BlockRef)
  await clock.advance(1_000)
  expect(takenBack).toEqual([[epochId, 4]])
  stopping.abort()
  await clock.runUntil(running, { limitMs: 1_000 })
})

const ACCOUNT = `0x${'0a'.repeat(20)}` as Address
/** A sequencer too. */
const STAND_IN = `0x${'0b'.repeat(20)}` as Address
const ROOT = `0x${'5'.repeat(64)}` as Hash
const [A, B, C] = ['pairs:0x0a:N', 'pairs:0x0b:N', 'pairs:0x0c:N'] as [ProjectId, ProjectId, ProjectId]

describe('C18: votes that were taken are looked for in the batches of their epoch', () => {
  let world: ReturnType<typeof createAnchoredWorld>
  let sender: ReturnType<typeof world.chain.sender>
  let addresses: readonly string[]
  const served = new Map<string, Uint8Array>()
  let asked = 0
  const ipfs = {
    async get(cid: string): Promise<Uint8Array> {
      asked += 1
      if (!isBatchCid(cid)) throw new WeftError('ID_MALFORMED', { what: 'CID', text: cid })
      const bytes = served.get(cid)
      if (bytes === undefined) throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 0 })
      return bytes
    },
  }
  let sent = 0

  beforeEach(async () => {
    served.clear()
    asked = 0
    world = createAnchoredWorld({ sequencers: [ACCOUNT, STAND_IN], validators: [ACCOUNT], attestationsMin: 1 })
    sender = world.chain.sender({ address: ACCOUNT, journal: createFakeStore() })
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    world.answer(host)
    addresses = host.addresses()
  })
  afterEach(() => world.stopping.abort())

  async function send(call: ProtocolCall): Promise<void> {
    sent += 1
    const done = sender.send(`${sent}`, call, world.stopping.signal)
    await world.clock.runUntil(() => world.chain.pendingCount() > 0, { limitMs: 5_000 })
    await world.mine()
    expect(await world.clock.runUntil(done, { limitMs: 5_000 })).toMatchObject({ kind: 'done' })
  }

  /** One batch of the epoch with these votes in it, for these projects; nobody serves its file yet. */
  async function anchored(epochId: EpochId, votes: readonly Submission[], projectIds: readonly ProjectId[]) {
    const snapshotCids = projectIds.map(() => votes[0]?.request.snapshotCid as Cid)
    const submissions = votes.map((submission, index) => ({ submissionId: `00000000-0000-4000-8000-00000000000${index}`, submission }))
    const bytes = encodeBatch({ submissions, submissionsRoot: ROOT, projectIds, snapshotCids } as unknown as Batch)
    const batchCid = await snapshotCidOf(bytes)
    await send({ kind: 'submitSubmissionBatch', epochId, batchCid, projectIds, snapshotCids, rootHash: ROOT })
    return {
      serve: () => void served.set(batchCid, bytes),
      end: () => send({ kind: 'endBatchSubmissions', epochId }),
      attest: () => send({ kind: 'submitBatchAttestation', epochId, batchCid, rootHash: ROOT }),
    }
  }

  const fates = (store: ReturnType<typeof createFakeStore>) =>
    Object.fromEntries(
      [...votesIn(store)].map(({ slotId, projectId, note: { state, fate } }) => [`${slotId} ${projectId}`, `${state} ${fate}`]),
    )

  async function taken(votes: readonly Submission[], setUp: Parameters<typeof world.collector>[1] = {}) {
    const one = await world.collector(addresses, { ipfs, ...setUp })
    await one.ready()
    for (const vote of votes) expect(await one.hand(vote)).toBe('Success')
    await world.clock.runUntil(() => one.ended() === votes.length, { limitMs: 10_000 })
    return one
  }

  test('one that a batch holds is included; one that none does is missing when its project is final, and its slot is told of', async () => {
    const epochId = await world.releaseNext()
    const [first, second, other] = [world.signed(1, A), world.signed(2, A), world.signed(1, B)]
    const one = await taken([first, second, other])
    const batch = await anchored(epochId, [first], [A])
    batch.serve()
    await batch.end()
    await world.clock.runUntil(() => one.role.stats().fates.included === 1, { limitMs: 5_000 })
    expect(fates(one.store)).toEqual({
      [`1 ${A}`]: 'acknowledged included',
      [`2 ${A}`]: 'acknowledged undefined',
      [`1 ${B}`]: 'acknowledged undefined',
    })
    await batch.attest()
    await world.clock.runUntil(() => one.role.stats().fates.missing === 1, { limitMs: 5_000 })
    // Of B nobody has a result.
    expect(fates(one.store)).toMatchObject({ [`2 ${A}`]: 'acknowledged missing', [`1 ${B}`]: 'acknowledged undefined' })
    expect(world.facts.filter(({ event }) => event === 'votes_left_out')).toEqual([
      { event: 'votes_left_out', epochId, projectId: A, slots: '2' },
    ])
    expect(one.role.stats().fates).toEqual({ included: 1, missing: 1 })
  })

  test('while a file cannot be had nothing is missing; it is asked for again when a batch is final', async () => {
    const epochId = await world.releaseNext()
    const [first, second] = [world.signed(1, A), world.signed(2, A)]
    const one = await taken([first, second])
    const away = await anchored(epochId, [second], [B])
    const batch = await anchored(epochId, [first], [A])
    batch.serve()
    await batch.end()
    await batch.attest()
    await world.clock.runUntil(() => one.role.stats().fates.included === 1, { limitMs: 5_000 })
    await world.mine(3)
    expect(one.role.stats().fates).toEqual({ included: 1, missing: 0 })
    away.serve()
    await away.attest()
    await world.clock.runUntil(() => one.role.stats().fates.included === 2, { limitMs: 5_000 })
    expect(world.events).not.toContain('votes_left_out')
  })

  test('a file is read once, however often its epoch is looked at; one that could not be had is asked for again', async () => {
    const epochId = await world.releaseNext()
    const [first, second] = [world.signed(1, A), world.signed(2, A)]
    const one = await taken([first, second])
    const batch = await anchored(epochId, [first], [A])
    const others = await anchored(epochId, [world.signed(1, B)], [B])
    const away = await anchored(epochId, [world.signed(1, C)], [C])
    batch.serve()
    others.serve()
    await batch.end()
    await world.mine(3)
    expect([asked, one.role.stats().fates]).toEqual([3, { included: 1, missing: 0 }])
    await others.attest()
    await world.mine(3)
    expect(asked).toBe(4)
    away.serve()
    await away.attest()
    await world.mine(3)
    expect(asked).toBe(5)
    // Of the project of the vote that is left, what one said that was read long before.
    await batch.attest()
    await world.mine(3)
    expect([asked, one.role.stats().fates]).toEqual([5, { included: 1, missing: 1 }])
  })

  test('one that is taken after the files were read is looked for in them', async () => {
    const epochId = await world.releaseNext()
    const [first, second, other] = [world.signed(1, A), world.signed(2, A), world.signed(1, B)]
    const one = await taken([first, other])
    const batch = await anchored(epochId, [first, second], [A])
    batch.serve()
    await batch.end()
    await world.clock.runUntil(() => one.role.stats().fates.included === 1, { limitMs: 5_000 })
    await one.hand(second)
    await world.clock.runUntil(() => one.ended() === 3, { limitMs: 10_000 })
    await batch.attest()
    await world.mine(3)
    expect([asked, one.role.stats().fates]).toEqual([2, { included: 2, missing: 0 }])
  })

  test.each<[string, () => Promise<string>]>([
    ['a name that is none', async () => 'not-a-cid'],
    [
      'a file that is no batch',
      async () => {
        const bytes = new TextEncoder().encode('{}')
        const cid = await snapshotCidOf(bytes)
        served.set(cid, bytes)
        return cid
      },
    ],
  ])('%s on chain hides nothing of what the others lack', async (_what, nameOf) => {
    const epochId = await world.releaseNext()
    const [first, second] = [world.signed(1, A), world.signed(2, A)]
    const one = await taken([first, second])
    const batch = await anchored(epochId, [first], [A])
    batch.serve()
    const batchCid = (await nameOf()) as Cid
    await send({ kind: 'submitSubmissionBatch', epochId, batchCid, projectIds: [B], snapshotCids: [batchCid], rootHash: ROOT })
    await batch.end()
    await batch.attest()
    await world.clock.runUntil(() => one.role.stats().fates.missing === 1, { limitMs: 5_000 })
    expect(fates(one.store)).toEqual({ [`1 ${A}`]: 'acknowledged included', [`2 ${A}`]: 'acknowledged missing' })
  })

  test('what came to its end while nobody was there is looked for after the start; the votes of another market are not', async () => {
    const epochId = await world.releaseNext()
    const vote = world.signed(1, A)
    const before = await taken([vote])
    await before.stop()
    // Without a chain any market is taken.
    const foreign = createWorld()
    const elsewhere = await foreign.network.createSubmissionHost({ identity: SEQUENCER })
    foreign.answer(elsewhere)
    const another = await foreign.collector(elsewhere.addresses(), { store: before.store })
    another.start()
    // One that differs from ours in nothing else, and another one.
    const FOREIGN = `0x${'0d'.repeat(20)}`
    for (const each of [vote, world.signed(2, A)]) await another.hand({ ...each, dataMarket: FOREIGN })
    await foreign.clock.runUntil(() => another.ended() === 2, { limitMs: 10_000 })
    foreign.stopping.abort()
    const batch = await anchored(epochId, [vote], [A])
    batch.serve()
    await batch.end()
    await batch.attest()
    // So far back that the chain is not followed from there any more.
    for (let later = 0; later < 2; later += 1) {
      await world.mine(40)
      await world.releaseNext()
    }
    const one = await taken([], { store: before.store })
    await world.clock.runUntil(() => one.role.stats().fates.included === 1, { limitMs: 5_000 })
    await world.mine(3)
    const judged = [...votesIn(one.store)].map(({ slotId, dataMarket, note: { fate } }) => [slotId, dataMarket === FOREIGN, fate])
    expect(judged.sort()).toEqual([
      [1, false, 'included'],
      [1, true, undefined],
      [2, true, undefined],
    ])
  })

  test('no file is asked for of an epoch in which nothing was taken, or all is known', async () => {
    const one = await taken([])
    const batch = await anchored(await world.releaseNext(), [world.signed(1, A)], [A])
    batch.serve()
    await batch.end()
    const epochId = await world.releaseNext()
    const vote = world.signed(1, A)
    await one.hand(vote)
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 10_000 })
    expect(asked).toBe(0)
    const next = await anchored(epochId, [vote], [A])
    next.serve()
    await next.end()
    await next.attest()
    await world.mine(3)
    expect([asked, one.role.stats().fates]).toEqual([1, { included: 1, missing: 0 }])
  })

  test.each<[string, boolean]>([
    ['while it is followed', false],
    ['while the collector is away', true],
  ])('what was seen in blocks that a reorganisation takes away is taken back and looked for again: %s', async (_when, isAway) => {
    const epochId = await world.releaseNext()
    const [first, second] = [world.signed(1, A), world.signed(2, A)]
    let one = await taken([first, second])
    const { number: before } = await world.chain.head()
    const batch = await anchored(epochId, [first], [A])
    batch.serve()
    await batch.end()
    await world.clock.runUntil(() => one.role.stats().fates.included === 1, { limitMs: 5_000 })
    await batch.attest()
    await world.clock.runUntil(() => one.role.stats().fates.missing === 1, { limitMs: 5_000 })
    async function reorganised(depth: number): Promise<void> {
      if (isAway) await one.stop()
      world.chain.reorg(depth, { isLosingTransactions: true, blocks: 1 })
      await world.mine(depth)
      if (!isAway) return
      one = await world.collector(addresses, { ipfs, store: one.store })
      await one.ready()
      await world.clock.advance(2_000)
    }
    // The end of its batches is still there.
    await reorganised(1)
    expect(fates(one.store)).toEqual({ [`1 ${A}`]: 'acknowledged included', [`2 ${A}`]: 'acknowledged undefined' })
    await reorganised((await world.chain.head()).number - before)
    expect(fates(one.store)).toEqual({ [`1 ${A}`]: 'acknowledged undefined', [`2 ${A}`]: 'acknowledged undefined' })
    sender = world.chain.sender({ address: STAND_IN, journal: createFakeStore() })
    const next = await anchored(epochId, [second], [A])
    next.serve()
    await next.end()
    await world.clock.advance(2_000)
    expect(fates(one.store)).toEqual({ [`1 ${A}`]: 'acknowledged undefined', [`2 ${A}`]: 'acknowledged included' })
  })

  test('nothing is written down of what a reorganisation takes away while it is read', async () => {
    const epochId = await world.releaseNext()
    const vote = world.signed(1, A)
    const read = Promise.withResolvers<void>()
    let reads = 0
    async function get(cid: string): Promise<Uint8Array> {
      reads += 1
      if (reads === 1) await read.promise
      return ipfs.get(cid)
    }
    const one = await taken([vote], { ipfs: { get } })
    const batch = await anchored(epochId, [vote], [A])
    batch.serve()
    await batch.end()
    await world.clock.runUntil(() => reads === 1, { limitMs: 5_000 })
    world.chain.reorg(3, { isLosingTransactions: true, blocks: 1 })
    await world.mine(3)
    read.resolve()
    await world.clock.advance(2_000)
    expect(fates(one.store)).toEqual({ [`1 ${A}`]: 'acknowledged undefined' })
  })

  test('one that is handed over again, naming another block, is sent and looked for again', async () => {
    const epochId = await world.releaseNext()
    const vote = world.signed(1, A)
    const one = await taken([vote])
    const batch = await anchored(epochId, [vote], [A])
    batch.serve()
    await batch.end()
    await world.clock.runUntil(() => one.role.stats().fates.included === 1, { limitMs: 5_000 })
    await one.hand({ ...vote, header: (await world.chain.head()).hash })
    await world.clock.runUntil(() => one.ended() === 2, { limitMs: 10_000 })
    expect(fates(one.store)).toEqual({ [`1 ${A}`]: 'acknowledged undefined' })
    await batch.attest()
    await world.clock.runUntil(() => one.role.stats().fates.included === 2, { limitMs: 5_000 })
  })
})
