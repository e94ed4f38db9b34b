import { describe, expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId, SlotId } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import type { EpochEntry } from './ledger.ts'
import { CIDS, createWire, EPOCH_1, open, SEQUENCER, sealed, type Settings, VALIDATOR, vote, type World } from './sequencer.test-world.ts'
import { SEALS_AT_ONCE } from './seal/sealing.ts'

const epoch = (world: World, epochId: number = EPOCH_1) => world.sequencer.epoch(epochId as EpochId)
const cursor = (world: World) => Number(new TextDecoder().decode(world.store.get('cursor')))
/** Far longer than what is read again before the cursor. */
const LONG = { snapshotWindowBlocks: 60, batchWindowBlocks: 120, attestationWindowBlocks: 180 }

async function attest(world: World, record: EpochEntry): Promise<void> {
  const sender = world.chain.sender({ address: VALIDATOR, journal: createFakeStore() })
  for (const { batchCid, rootHash } of record.batches) {
    const call = { kind: 'submitBatchAttestation', epochId: record.epochId, batchCid, rootHash } as const
    const sent = sender.send(`${record.epochId} ${batchCid}`, call, new AbortController().signal)
    await world.until(() => world.chain.pendingCount() > 0)
    await world.mine(1)
    await world.clock.runUntil(sent, { limitMs: 1_000 })
  }
}

/** The first epoch that finds no place. */
const LAST = SEALS_AT_ONCE + 1

/** Epochs with a vote in each: all but the last are closed, take all places and wait for a node that does not answer until `mend`. The last waits for a place. */
async function withBusyLanes(): Promise<{ readonly world: World; mend(): void }> {
  let isBroken = true
  const world = await open({
    epochsKept: 2 * LAST,
    market: { batchWindowBlocks: 400, attestationWindowBlocks: 500 },
    ipfsAs: (node) => ({ ...node, add: async (bytes) => (isBroken ? (CIDS[2] as Cid) : node.add(bytes)) }),
  })
  for (let id = 1; id <= LAST; id += 1) {
    await world.release()
    await vote(world, 1, 0, 0, id)
    if (id === SEALS_AT_ONCE) await world.mine(6)
  }
  await world.mine(6)
  return {
    world,
    mend() {
      isBroken = false
    },
  }
}

describe('S8, G9: after a restart', () => {
  test('the oldest unfinished epoch is found again, also behind windows far longer than what is read twice', async () => {
    const world = await open({ market: LONG })
    await world.release()
    await vote(world, 1, 0)
    await world.mine(50)
    await world.release()
    await vote(world, 2, 0, 0, 2)
    const again = await world.crash()
    expect([1, 2].map((id) => epoch(again, id)?.state)).toEqual(['released', 'released'])
    expect((await vote(again, 3, 0, 1)).code).toBe('accepted')
    expect((await vote(again, 1, 0)).code).toBe('duplicate')
    expect((await vote(again, 2, 0, 0, 2)).code).toBe('duplicate')
    for (let block = 0; block < 20 && again.records.length === 0; block += 1) await again.mine(1)
    expect(again.records).toMatchObject([{ epochId: 1, state: 'ended', accepted: 2 }])
    await again.stop()
  })

  test('projects of an epoch that has ended are still told of, however long ago it was released', async () => {
    const world = await open({ market: { attestationWindowBlocks: 200 } })
    await world.release()
    await vote(world, 1, 0)
    const record = await sealed(world)
    await world.mine(60)
    await world.release()
    const again = await world.crash()
    await attest(again, record)
    expect(epoch(again)?.projects).toMatchObject([{ state: 'finalized', reason: 'majority_attested' }])
    await again.stop()
  })

  test('what validators decided while nobody looked is told of', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0)
    const record = await sealed(world)
    const sent = world.chain
      .sender({ address: VALIDATOR, journal: createFakeStore() })
      .send(
        'a',
        { kind: 'submitBatchAttestation', epochId: EPOCH_1, ...(record.batches[0] as EpochEntry['batches'][number]) },
        new AbortController().signal,
      )
    const again = await world.crash(
      (async () => {
        await world.clock.advance(1)
        world.chain.mine()
        await world.clock.advance(100)
        await sent
      })(),
    )
    expect(epoch(again)?.projects).toMatchObject([{ state: 'finalized' }])
    await again.stop()
  })

  test('a release that was undone while nobody looked makes the epoch void', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0)
    const onDisk = world.cut()
    world.chain.reorg(1, { isLosingTransactions: true })
    world.chain.mine(9)
    const again = await open({ onDisk, around: world })
    expect(epoch(again)).toMatchObject({ state: 'void', reason: 'release_undone' })
    expect([again.events.includes('release_undone'), again.sequencer.stats().unfinishedEpochs]).toEqual([true, 0])
    expect(again.chain.transactionCount(SEQUENCER)).toBe(0)
    await again.stop()
  })

  test('a release that moved down a little while nobody looked is found', async () => {
    const world = await open()
    await world.mine(5)
    await world.release()
    const { release } = epoch(world) as EpochEntry
    const onDisk = world.cut()
    // The transaction is mined again in the first of the new blocks.
    world.chain.reorg(4)
    const again = await open({ onDisk, around: world })
    expect(epoch(again)).toMatchObject({ state: 'released' })
    expect((await again.chain.release(EPOCH_1))?.number).toBe(release.number - 3)
    expect((await vote(again, 1, 0)).code).toBe('accepted')
    await again.stop()
  })

  test('epochs that were finished and forgotten are not begun anew, though their blocks are read again', async () => {
    const world = await open({ epochsKept: 1, market: { attestationWindowBlocks: 8 } })
    for (let id = 1; id <= 2; id += 1) {
      await world.release()
      await world.mine(10)
    }
    expect([epoch(world, 1), epoch(world, 2)?.state]).toEqual([undefined, 'ended'])
    const calls = world.chain.transactionCount(SEQUENCER)
    const again = await world.crash()
    await again.mine(12)
    expect([epoch(again, 1), again.records, again.chain.transactionCount(SEQUENCER)]).toEqual([undefined, [], calls])
    expect((await vote(again, 1, 0)).code).toBe('window_closed')
    await again.stop()
  })
})

describe('S8: the block to follow from', () => {
  test('moves on while nothing is open, in strides; never past an epoch with anything left to happen', async () => {
    const world = await open({ market: { attestationWindowBlocks: 400 } })
    const start = cursor(world)
    world.chain.mine(200)
    await world.until(() => world.sequencer.stats().headBlock === 200)
    expect(cursor(world)).toBe(start)
    world.chain.mine(200)
    await world.until(() => world.sequencer.stats().headBlock === 400)
    await world.until(() => cursor(world) > 200)
    await world.release()
    const { number } = await world.chain.head()
    await vote(world, 1, 0)
    await sealed(world)
    world.chain.mine(350)
    await world.until(async () => world.sequencer.stats().headBlock === (await world.chain.head()).number)
    expect([cursor(world), epoch(world)?.projects[0]?.state]).toEqual([number, 'pending'])
    await world.stop()
  })

  test('is where it began, on first start, before anything was released', async () => {
    const first = await open()
    first.chain.mine(50)
    await first.until(() => first.sequencer.stats().headBlock === 50)
    const world = await first.crash(undefined, {})
    // The genesis block, 127 blocks on: a restart reads 127 blocks before it.
    expect(cursor(world)).toBe(127)
    await world.stop()
  })
})

describe('S10: what a reorganisation takes off the chain goes out again', () => {
  /** An epoch sealed, its calls in blocks that a reorganisation of `depth` takes away. */
  async function takenBack(settings: Settings, depth = 3): Promise<{ world: World; batchCid: Cid | undefined }> {
    const world = await open(settings)
    await world.release()
    if (settings.minVotes !== 9) await vote(world, 1, 0)
    const record = await sealed(world)
    world.chain.reorg(depth, { isLosingTransactions: true })
    return { world, batchCid: record.batches[0]?.batchCid }
  }

  test('also the end of an epoch that had no batches', async () => {
    const { world } = await takenBack({ minVotes: 9 })
    expect(await world.chain.isEpochEnded(EPOCH_1)).toBe(false)
    await world.mine(5)
    expect(await world.chain.isEpochEnded(EPOCH_1)).toBe(true)
    expect(epoch(world)).toMatchObject({ state: 'ended', reason: 'no_submissions' })
    expect(world.chain.transactionCount(SEQUENCER)).toBe(1)
    await world.stop()
  })

  test('at once, each time it happens', async () => {
    const { world, batchCid } = await takenBack({ market: { batchWindowBlocks: 60 } })
    for (const time of [1, 2]) {
      await world.mine(4)
      expect(world.events.filter((event) => event === 'anchored_again')).toHaveLength(time)
      expect(await world.chain.batch(EPOCH_1, batchCid as Cid)).toBeDefined()
      if (time === 1) world.chain.reorg(6, { isLosingTransactions: true })
    }
    expect(epoch(world)).toMatchObject({ state: 'ended', reason: 'all_batches_anchored', batches: [{ isAnchored: true }] })
    await world.stop()
  })

  test('also of an epoch that was released long before the reorganised blocks, and is finished', async () => {
    const world = await open({ market: LONG, epochsKept: 9 })
    await world.release()
    await vote(world, 1, 0)
    for (let block = 0; block < 70 && world.records.length === 0; block += 1) await world.mine(1)
    const record = world.records[0] as EpochEntry
    await attest(world, record)
    expect(epoch(world)?.projects).toMatchObject([{ state: 'finalized' }])
    await world.release()
    await vote(world, 1, 0, 0, 2)
    const onDisk = world.cut()
    // The second epoch is where a restart begins; what is lost belongs to the first.
    world.chain.reorg(7, { isLosingTransactions: true })
    world.chain.mine(1)
    expect(await world.chain.batch(EPOCH_1, record.batches[0]?.batchCid as Cid)).toBeUndefined()
    const again = await open({ onDisk, around: world, market: LONG, epochsKept: 9 })
    await again.mine(4)
    expect(await again.chain.batch(EPOCH_1, record.batches[0]?.batchCid as Cid)).toBeDefined()
    expect(await again.chain.isEpochEnded(EPOCH_1)).toBe(true)
    await again.stop()
  })

  test('not of an epoch whose votes are still open, and not of one that was missed', async () => {
    const world = await open()
    await world.release()
    world.chain.reorg(1)
    await world.mine(1)
    expect([epoch(world)?.state, world.chain.transactionCount(SEQUENCER)]).toEqual(['released', 0])
    await vote(world, 1, 0)
    world.chain.changeMarket({ sequencers: [] })
    expect((await sealed(world)).state).toBe('missed')
    world.chain.reorg(2)
    await world.mine(3)
    expect([epoch(world)?.state, world.events.includes('anchored_again')]).toEqual(['missed', false])
    await world.stop()
  })
})

describe('S10, G9: a reorganisation', () => {
  test('while its epoch is anchored has nothing sent again when that ends as missed', async () => {
    let isBroken = true
    const world = await open({ ipfsAs: (node) => ({ ...node, add: async (bytes) => (isBroken ? (CIDS[2] as Cid) : node.add(bytes)) }) })
    await world.release()
    await vote(world, 1, 0)
    await world.mine(7)
    expect(epoch(world)?.state).toBe('planned')
    world.chain.reorg(1)
    world.chain.changeMarket({ sequencers: [] })
    await world.mine(2)
    isBroken = false
    await world.clock.advance(10_000)
    expect(await sealed(world)).toMatchObject({ state: 'missed', reason: 'call_refused' })
    await world.mine(2)
    expect([epoch(world)?.state, world.events.includes('anchored_again')]).toEqual(['missed', false])
    await world.stop()
  })

  test('that moves the release gives the epoch its new window: closed by that, not by the old one', async () => {
    const wire = createWire()
    const world = await open({ wire })
    await world.release()
    await world.mine(4)
    world.chain.reorg(5)
    await world.mine(1)
    const { release } = epoch(world) as EpochEntry
    expect((await vote(world, 1, 0)).code).toBe('accepted')
    expect(await sealed(world)).toMatchObject({ state: 'ended', accepted: 1, release })
    await world.stop()
  })

  test('while its epoch waits to be sealed: the old close is forgotten, the new window stays open, and closes', async () => {
    const { world, mend } = await withBusyLanes()
    expect(epoch(world, LAST)?.state).toBe('released')
    world.chain.reorg(7, { isLosingTransactions: true })
    await world.mine(1)
    expect(epoch(world, LAST)?.state).toBe('void')
    await world.release()
    expect(epoch(world, LAST)?.state).toBe('released')
    mend()
    await world.clock.advance(30_000)
    await world.mine(2)
    await world.clock.advance(1_000)
    expect(epoch(world, LAST)?.state).toBe('released')
    expect((await vote(world, 2, 1, 0, LAST)).code).toBe('accepted')
    for (let block = 0; block < 12 && world.records.length < LAST; block += 1) await world.mine(1)
    expect(world.records.find(({ epochId }) => epochId === LAST)).toMatchObject({
      state: 'ended',
      accepted: 1,
      projects: [{ snapshotCid: CIDS[1] }],
    })
    await world.stop()
  })

  test('that takes away a release whose epoch waits to be sealed ends nothing but that epoch', async () => {
    const { world, mend } = await withBusyLanes()
    world.chain.reorg(7, { isLosingTransactions: true })
    await world.mine(1)
    mend()
    await world.clock.advance(30_000)
    for (let block = 0; block < 8; block += 1) await world.mine(1)
    expect(
      world.records.map(({ epochId, state }) => [epochId, state]).sort(([left = 0], [right = 0]) => Number(left) - Number(right)),
    ).toEqual(Array.from({ length: SEALS_AT_ONCE }, (_, index) => [index + 1, 'ended']))
    expect(epoch(world, LAST)).toMatchObject({ state: 'void', reason: 'release_undone' })
    await world.stop()
  })

  test('once the votes are fixed changes nothing about them: the contract decides', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0)
    await world.mine(6)
    await world.until(() => epoch(world)?.state === 'planned')
    world.chain.reorg(7)
    await world.mine(1)
    expect(epoch(world)?.state).not.toBe('void')
    expect(await sealed(world)).toMatchObject({ state: 'ended', accepted: 1, reason: 'all_batches_anchored' })
    await world.stop()
  })
})

describe('S10, G1: a reorganisation below the release of an epoch', () => {
  const isOnChain = async (world: World) => (await world.chain.batchCids(EPOCH_1)).length

  /** Sealed, then without its release; the calls go out meanwhile, and are refused. */
  async function withoutRelease(settings: Settings = {}, depth = 20): Promise<World> {
    const world = await open({ market: { batchWindowBlocks: 40, attestationWindowBlocks: 60 }, ...settings })
    await world.mine(depth)
    await world.release()
    await vote(world, 1, 0)
    await sealed(world)
    const { number } = await world.chain.head()
    world.chain.reorg(number - (epoch(world) as EpochEntry).release.number + 1, { isLosingTransactions: true })
    await world.mine(3)
    return world
  }

  test('voids it though it had ended; released again it takes votes, and is anchored by new calls', async () => {
    const world = await withoutRelease()
    expect(epoch(world)).toMatchObject({ state: 'void', reason: 'release_undone' })
    expect(world.events).toContain('release_undone')
    world.records.length = 0
    await world.release()
    expect(epoch(world)?.state).toBe('released')
    expect((await vote(world, 1, 0)).code).toBe('accepted')
    expect((await vote(world, 2, 0)).code).toBe('accepted')
    expect(await sealed(world)).toMatchObject({
      state: 'ended',
      reason: 'all_batches_anchored',
      accepted: 2,
      batches: [{ isAnchored: true }],
    })
    expect([await isOnChain(world), await world.chain.isEpochEnded(EPOCH_1)]).toEqual([1, true])
    await world.stop()
  })

  test('says so when its votes name blocks that are gone, and nobody votes again', async () => {
    const world = await open({ market: { snapshotWindowBlocks: 12, batchWindowBlocks: 40, attestationWindowBlocks: 60 } })
    await world.mine(4)
    await world.release()
    await vote(world, 1, 0)
    await sealed(world)
    const { number } = await world.chain.head()
    const { release } = epoch(world) as EpochEntry
    world.chain.reorg(number - release.number + 1, { isLosingTransactions: true })
    world.records.length = 0
    await world.mine(2)
    await world.release()
    expect(await sealed(world)).toMatchObject({ state: 'ended', reason: 'votes_undone', accepted: 0 })
    expect(await world.chain.isEpochEnded(EPOCH_1)).toBe(true)
    await world.stop()
  })

  test('of an epoch that is planned, its calls refused: it is not missed, but waits for its release', async () => {
    let isBroken = true
    const world = await open({
      market: { batchWindowBlocks: 40, attestationWindowBlocks: 60 },
      ipfsAs: (node) => ({ ...node, add: async (bytes) => (isBroken ? (CIDS[2] as Cid) : node.add(bytes)) }),
    })
    await world.mine(20)
    await world.release()
    await vote(world, 1, 0)
    await world.mine(7)
    expect(epoch(world)?.state).toBe('planned')
    world.chain.reorg(8, { isLosingTransactions: true })
    await world.mine(1)
    isBroken = false
    await world.clock.advance(10_000)
    await world.mine(1)
    expect([epoch(world)?.state, world.records]).toEqual(['void', []])
    await world.release()
    expect((await vote(world, 1, 0)).code).toBe('accepted')
    expect(await sealed(world)).toMatchObject({ state: 'ended', reason: 'all_batches_anchored', accepted: 1 })
    await world.stop()
  })

  test('that nobody saw: it is found at the start, and the epoch begins again', async () => {
    const world = await withoutReleaseUnseen()
    expect(epoch(world)?.state).toBe('void')
    await world.release()
    expect((await vote(world, 1, 0)).code).toBe('accepted')
    expect(await sealed(world)).toMatchObject({ state: 'ended', reason: 'all_batches_anchored' })
    await world.stop()
  })

  async function withoutReleaseUnseen(): Promise<World> {
    const market = { batchWindowBlocks: 40, attestationWindowBlocks: 60 }
    const world = await open({ market })
    await world.mine(20)
    await world.release()
    await vote(world, 1, 0)
    await sealed(world)
    const { release } = epoch(world) as EpochEntry
    const onDisk = world.cut()
    world.chain.reorg((await world.chain.head()).number - release.number + 1, { isLosingTransactions: true })
    const again = await open({ onDisk, around: world, market })
    await again.mine(3)
    return again
  }

  test('whose release and batches are all mined again stays as it is', async () => {
    const world = await open({ market: { batchWindowBlocks: 40, attestationWindowBlocks: 60 } })
    await world.mine(20)
    await world.release()
    await vote(world, 1, 0)
    const { batches } = await sealed(world)
    const { release } = epoch(world) as EpochEntry
    world.chain.reorg((await world.chain.head()).number - release.number + 4)
    await world.mine(2)
    expect(epoch(world)).toMatchObject({ state: 'ended', reason: 'all_batches_anchored', batches, release: { number: release.number - 3 } })
    expect(world.chain.transactionCount(SEQUENCER)).toBe(2)
    await world.stop()
  })
})

describe('S2: an epoch whose release was undone', () => {
  test('leaves nothing in memory: released again, its votes are read back from disk, and refusals are counted anew', async () => {
    const store = createFakeStore()
    let reads = 0
    const counted: typeof store = {
      ...store,
      scan(prefix, how) {
        if (prefix.startsWith('vote/')) reads += 1
        return store.scan(prefix, how)
      },
    }
    const world = await open({ onDisk: counted })
    await world.release()
    await vote(world, 1, 0)
    await vote(world, 1, 1)
    await world.deliver(await world.submission({ slotId: 2 as SlotId, signedBy: 3 }))
    expect([reads, epoch(world)?.rejected]).toEqual([1, { vote_conflict: 1, signer_mismatch: 1 }])
    world.chain.reorg(1, { isLosingTransactions: true })
    await world.mine(1)
    expect(epoch(world)?.state).toBe('void')
    await world.release()
    expect([epoch(world)?.accepted, epoch(world)?.rejected, reads]).toEqual([1, {}, 2])
    expect((await vote(world, 1, 1)).code).toBe('accepted')
    await world.stop()
  })
})

describe('G9: a project', () => {
  test('is waited for through the last block of its attestation window, and not longer', async () => {
    const world = await open()
    await world.release()
    const { number } = await world.chain.head()
    await vote(world, 1, 0)
    await sealed(world)
    world.chain.mine(number + 30 - (await world.chain.head()).number)
    await world.until(() => world.sequencer.stats().headBlock === number + 30)
    await world.clock.advance(100)
    expect(epoch(world)?.projects).toMatchObject([{ state: 'pending' }])
    await world.mine(1)
    expect(epoch(world)?.projects).toMatchObject([{ state: 'missed', reason: 'attestations_missing' }])
    expect(world.sequencer.stats().unfinishedEpochs).toBe(0)
    await world.stop()
  })

  test('whose batch could not be pinned before the window for batches was over ends for what becomes of its batch', async () => {
    let isBroken = true
    const world = await open({ ipfsAs: (node) => ({ ...node, add: async (bytes) => (isBroken ? (CIDS[2] as Cid) : node.add(bytes)) }) })
    await world.release()
    await vote(world, 1, 0)
    await world.mine(19)
    expect(epoch(world)).toMatchObject({ state: 'planned', projects: [{ state: 'batched', reason: undefined }] })
    await world.mine(16)
    await world.clock.advance(10_000)
    expect(world.chain.transactionCount(SEQUENCER) + world.chain.pendingCount()).toBe(0)
    isBroken = false
    expect(await sealed(world)).toMatchObject({
      state: 'missed',
      reason: 'batch_window_over',
      projects: [{ reason: 'batch_not_anchored' }],
    })
    expect(await world.chain.isEpochEnded(EPOCH_1)).toBe(false)
    await world.stop()
  })

  test('whose batch a majority contradicts is disputed', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0)
    const record = await sealed(world)
    const { batchCid } = record.batches[0] as EpochEntry['batches'][number]
    await attest(world, { ...record, batches: [{ batchCid, rootHash: `0x${'bb'.repeat(32)}` as never, isAnchored: true }] })
    expect(epoch(world)?.projects).toMatchObject([{ state: 'disputed', reason: undefined }])
    await world.mine(31)
    expect(epoch(world)?.projects).toMatchObject([{ state: 'missed', reason: 'not_corrected' }])
    await world.stop()
  })

  test('that is finalized before its anchoring was seen to the end is finalized', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0)
    await world.mine(5)
    world.chain.mine()
    await world.until(() => world.chain.pendingCount() > 0)
    const record = epoch(world) as EpochEntry
    const onDisk = world.cut()
    // Batch and attestation are there before the next process looks: it meets both while the record still says `planned`.
    world.chain.mine()
    const call = { kind: 'submitBatchAttestation', epochId: EPOCH_1, ...(record.batches[0] as EpochEntry['batches'][number]) } as const
    const sent = world.chain.sender({ address: VALIDATOR, journal: createFakeStore() }).send('a', call, new AbortController().signal)
    await world.clock.runUntil(() => world.chain.pendingCount() > 0, { limitMs: 1_000 })
    world.chain.mine()
    await world.clock.runUntil(sent, { limitMs: 1_000 })
    const again = await open({ onDisk, around: world })
    expect([record.state, (await sealed(again)).state]).toEqual(['planned', 'ended'])
    expect(epoch(again)?.projects).toMatchObject([{ state: 'finalized', reason: 'majority_attested' }])
    await again.stop()
  })
})

test('the first start begins with the newest epoch, and takes its votes', async () => {
  const old = await open()
  for (let id = 1; id <= 2; id += 1) {
    await old.release()
    await old.mine(2)
  }
  old.cut()
  const world = await open({ around: old })
  expect([epoch(world, 1), epoch(world, 2)?.state]).toEqual([undefined, 'released'])
  expect((await vote(world, 1, 0, 0, 2)).code).toBe('accepted')
  expect(cursor(world)).toBe(epoch(world, 2)?.release.number as BlockNumber)
  await world.stop()
})
