import { describe, expect, test } from 'vitest'
import { credit, deliveredIn, nothingDelivered } from '#domain/counts.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import type { ProtocolCall, ProtocolEvent } from '#io/chain/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import {
  CIDS,
  EPOCH_1,
  open,
  OTHER_SEQUENCER,
  PROJECTS,
  type Settings,
  VALIDATOR,
  vote,
  type World,
} from '#roles/sequencer/sequencer.test-world.ts'
import { BATCH_BYTES_MAX, encodeBatch, parseBatch } from '#wire/batch-json.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { createCounting } from './count.ts'
import type { Day } from './day-book.ts'

/** Windows of 2, 30 and 40 blocks, two epochs a day. */
const SHORT: Settings = {
  epochsKept: 100,
  market: { snapshotWindowBlocks: 2, batchWindowBlocks: 30, attestationWindowBlocks: 40 },
  rewards: { epochsInADay: 2 },
}

/** Of slots 1 to 3, by CID, on the first project. */
async function voted(world: World, epochId: number, cids: readonly number[]): Promise<void> {
  await world.release()
  for (const [index, cid] of cids.entries()) await vote(world, index + 1, cid, 0, epochId)
}

async function ended(world: World, epochId: number): Promise<void> {
  for (let block = 0; block < 20 && world.records.at(-1)?.epochId !== epochId; block += 1) await world.mine(1)
  await world.mine(1)
}

/** What slots won on the day. */
const totals = (world: World, day = 1) =>
  [1, 2, 3, 4]
    .map((slotId) => [slotId, world.sequencer.tallies().ofSlot(slotId as SlotId, day).eligible] as const)
    .filter(([, count]) => count > 0)
const days = (world: World) =>
  world.sequencer
    .tallies()
    .days()
    .map(({ day, firstEpochId, lastEpochId }) => [day, firstEpochId, lastEpochId])

async function send(world: World, from: Address, call: ProtocolCall): Promise<void> {
  const sent = world.chain.sender({ address: from, journal: createFakeStore() }).send('once', call, new AbortController().signal)
  await world.until(() => world.chain.pendingCount() > 0)
  await world.mine(1)
  await world.clock.runUntil(sent, { limitMs: 1_000 })
}

async function attestOther(world: World): Promise<void> {
  const [batchCid] = await world.chain.batchCids(EPOCH_1)
  const rootHash = `0x${'bb'.repeat(32)}` as Hash
  await send(world, VALIDATOR, { kind: 'submitBatchAttestation', epochId: EPOCH_1, batchCid: batchCid as Cid, rootHash })
}

/** As anybody would: from chain and IPFS alone. */
/** The number of the block that released it. */
async function released(world: World, epochId: number): Promise<number> {
  return (await world.chain.release(epochId as EpochId))?.number as number
}

async function recounted(world: World, epochIds: readonly number[]): Promise<(readonly [number, number])[]> {
  const found = nothingDelivered()
  for (const epochId of epochIds as EpochId[])
    for (const batchCid of await world.chain.batchCids(epochId)) {
      const parsed = parseBatch(await world.ipfs.node('reader').get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: 1_000 }))
      if (parsed.ok) credit(found, deliveredIn(parsed.batch, epochId), 1)
    }
  return [...found.won].sort(([left], [right]) => left - right)
}

describe('S17: what slots deliver', () => {
  test('is what won, in batches on chain, by the days of the market; anybody finds the same', async () => {
    const world = await open(SHORT)
    expect(days(world)).toEqual([[1, 0, 0]])
    await voted(world, 1, [0, 0, 1])
    await world.mine(2)
    // Planned, and on its way.
    expect(totals(world)).toEqual([])
    await ended(world, 1)
    expect(totals(world)).toEqual([
      [1, 1],
      [2, 1],
    ])
    await voted(world, 2, [0, 1, 1])
    await ended(world, 2)
    await voted(world, 3, [2, 2])
    await ended(world, 3)
    expect(totals(world)).toEqual([
      [1, 1],
      [2, 2],
      [3, 1],
    ])
    expect(totals(world, 2)).toEqual([
      [1, 1],
      [2, 1],
    ])
    expect(days(world)).toEqual([
      [1, 0, 2],
      [2, 3, 3],
    ])
    expect(await recounted(world, [1, 2])).toEqual(totals(world))
    expect(await recounted(world, [3])).toEqual(totals(world, 2))
    await world.stop()
  })

  test('goes with a batch that a reorganisation takes off the chain, and is back with it, once', async () => {
    const world = await open(SHORT)
    await voted(world, 1, [0, 0])
    await ended(world, 1)
    expect(totals(world)).toEqual([
      [1, 1],
      [2, 1],
    ])
    const { number: before } = await world.chain.head()
    world.chain.reorg(before - (await released(world, 1)), { isLosingTransactions: true })
    await world.mine(1)
    expect(totals(world)).toEqual([])
    await world.until(() => world.chain.pendingCount() > 0)
    await world.mine(2)
    expect(totals(world)).toEqual([
      [1, 1],
      [2, 1],
    ])
    await world.stop()
  })

  test('goes with the release that began its day', async () => {
    const world = await open(SHORT)
    for (const epochId of [1, 2, 3]) {
      await voted(world, epochId, [0])
      await ended(world, epochId)
    }
    expect(days(world)).toEqual([
      [1, 0, 2],
      [2, 3, 3],
    ])
    world.chain.reorg((await world.chain.head()).number - (await released(world, 3)) + 1, { isLosingTransactions: true })
    await world.mine(1)
    expect(days(world)).toEqual([[1, 0, 2]])
    expect([totals(world, 1), totals(world, 2)]).toEqual([[[1, 2]], []])
    await world.release()
    expect(days(world)).toEqual([
      [1, 0, 2],
      [2, 3, 3],
    ])
    await world.stop()
  })

  test('does not hold a batch that validators refute, but for a reorganisation that takes their votes back', async () => {
    const world = await open(SHORT)
    await voted(world, 1, [0, 0])
    await ended(world, 1)
    await attestOther(world)
    expect(totals(world)).toEqual([])
    world.chain.reorg(1, { isLosingTransactions: true })
    await world.mine(1)
    expect(totals(world)).toEqual([
      [1, 1],
      [2, 1],
    ])
    await attestOther(world)
    expect(totals(world)).toEqual([])
    await world.stop()
  })

  test('is the same after a restart, and after one that saw nothing of a reorganisation', async () => {
    const world = await open(SHORT)
    await voted(world, 1, [0, 0])
    await ended(world, 1)
    await attestOther(world)
    const again = await world.crash()
    expect([totals(again), days(again)]).toEqual([[], [[1, 0, 1]]])
    const onDisk = again.cut()
    world.chain.reorg(1, { isLosingTransactions: true })
    const third = await open({ ...SHORT, onDisk, around: world })
    expect([totals(third), days(third)]).toEqual([
      [
        [1, 1],
        [2, 1],
      ],
      [[1, 0, 1]],
    ])
    await third.stop()
  })

  test('goes with a release that a reorganisation takes while nobody looks', async () => {
    const world = await open(SHORT)
    for (const epochId of [1, 2, 3]) {
      await voted(world, epochId, [0])
      await ended(world, epochId)
    }
    const onDisk = world.cut()
    world.chain.reorg((await world.chain.head()).number - (await released(world, 3)) + 1, { isLosingTransactions: true })
    const again = await open({ ...SHORT, onDisk, around: world })
    expect([days(again), totals(again, 1), totals(again, 2)]).toEqual([[[1, 0, 2]], [[1, 2]], []])
    await again.stop()
  })

  /** Another sequencer anchors a file of these votes on the project, all for the first CID, in epoch 2 while its window is open. */
  async function anchoredByOther(world: World, slots: readonly (Partial<Submission['request']> & { readonly signedBy?: number })[]) {
    const projectId = 'pairs:0x04:TEST' as ProjectId
    const [snapshotCid] = CIDS as [Cid]
    const submissions = await Promise.all(
      slots.map(async (change, index) => ({
        submissionId: `other-${index}`,
        submission: await world.submission({ projectId, snapshotCid, epochId: 2 as EpochId, ...change }),
      })),
    )
    const rootHash = publishedRoot([snapshotCid])
    const file = encodeBatch({ submissions, submissionsRoot: rootHash, projectIds: [projectId], snapshotCids: [snapshotCid] })
    const batchCid = await world.ipfs.node('other').add(file)
    const call = { epochId: 2 as EpochId, batchCid, rootHash } as const
    await send(world, OTHER_SEQUENCER, { kind: 'submitSubmissionBatch', ...call, projectIds: [projectId], snapshotCids: [snapshotCid] })
    return { attest: () => send(world, VALIDATOR, { kind: 'submitBatchAttestation', ...call }) }
  }
  const slot = (slotId: number, signedBy = slotId) => ({ slotId: slotId as SlotId, signedBy })

  test('holds the valid votes in batches of another sequencer, once they are final and can be read', async () => {
    const world = await open(SHORT)
    await voted(world, 1, [0])
    await ended(world, 1)
    await voted(world, 2, [0])
    // Whoever signs for another, a slot that nobody has, and one vote twice: none of them changes what wins.
    const votes = [slot(4), slot(4), slot(3, 4), { ...slot(99_999, 1) }]
    const { attest } = await anchoredByOther(world, votes)
    await ended(world, 2)
    expect(totals(world)).toEqual([[1, 2]])
    await attest()
    await world.mine(2)
    expect(totals(world)).toEqual([
      [1, 2],
      [4, 1],
    ])
    expect(world.sequencer.tallies().ofSlot(99_999 as SlotId, 1)).toEqual({ total: 0, eligible: 0 })
    await world.stop()
  })

  test('holds nothing of what another sequencer anchors and no validator stands behind', async () => {
    const world = await open(SHORT)
    await voted(world, 1, [0])
    await ended(world, 1)
    await voted(world, 2, [0])
    await anchoredByOther(world, [slot(4)])
    const call = {
      kind: 'submitSubmissionBatch',
      epochId: 2 as EpochId,
      snapshotCids: CIDS.slice(0, 1) as Cid[],
      rootHash: publishedRoot(['x']),
    } as const
    // Anything may be anchored.
    const junk = await world.ipfs.node('other').add(new TextEncoder().encode('[]'))
    for (const [index, batchCid] of ['not-a-cid' as Cid, junk].entries())
      await send(world, OTHER_SEQUENCER, { ...call, batchCid, projectIds: [PROJECTS[1 + index]] as ProjectId[] })
    await ended(world, 2)
    await world.mine(60)
    expect(totals(world)).toEqual([[1, 2]])
    await world.stop()
  })
})

describe('S13: counts', () => {
  test('of days before the last `daysKept` are let go', async () => {
    const world = await open({ ...SHORT, counts: { daysKept: 2 } })
    for (let epochId = 1; epochId <= 9; epochId += 1) {
      await voted(world, epochId, [0])
      await ended(world, epochId)
    }
    expect(days(world)).toEqual([
      [3, 5, 6],
      [4, 7, 8],
      [5, 9, 9],
    ])
    const keys = ['day/', 'totals/', 'told/'].flatMap((prefix) => world.store.scan(prefix).map(({ key }) => key))
    expect(keys.map((key) => Number(key.split('/')[1])).every((day) => day >= 3)).toBe(true)
    await world.stop()
  })
})

describe('S18: a day is decided', () => {
  const BUFFER = 4 as EpochId
  const [cid] = CIDS as [Cid]
  type Told = Record<string, unknown>

  /** Followed by itself, from the first epoch on: windows of 6 and 8 blocks; epochs 1 and 2 lie on day 1, a batch in the second of them. */
  async function following() {
    const store = createFakeStore()
    const contract = { batchWindowBlocks: 6, attestationWindowBlocks: 8 }
    const counting = createCounting({ store, keep: (writes) => void store.commit(writes), contract, daysKept: 9 })
    const rules = { day: 1, dailySnapshotQuota: 1, areRewardsEnabled: true }
    await counting.begin(0 as BlockNumber, async () => ({ rules, epochId: 0 as EpochId }))
    const block = (number: number, ...events: Told[]) => {
      const ref = {
        number: number as BlockNumber,
        contractNumber: number as ContractNumber,
        hash: `0x${number}` as Hash,
        parentHash: `0x${number - 1}` as Hash,
        timestamp: number,
      }
      const placed = events.map((event, logIndex) => ({ transactionHash: `0x${number}`, ...event, block: ref, logIndex }))
      counting.apply({ kind: 'block', block: ref, events: placed as unknown as ProtocolEvent[] })
      return counting.isDecided(counting.days()[0] as Day, BUFFER)
    }
    block(1, released(1))
    block(2, released(2), { kind: 'SnapshotBatchSubmitted', epochId: 2, batchCid: cid })
    counting.learn(2 as EpochId, cid, won(1, 1))
    // In whichever order one call's events are.
    block(3, { kind: 'DayStartedEvent', day: 2 }, released(3))
    return { counting, block }
  }
  const released = (epochId: number) => ({ kind: 'EpochReleased', epochId, begin: 0, end: 0 })
  const won = (slotId: number, count: number) => ({ all: new Map(), won: new Map([[slotId as SlotId, count]]) })
  const done = (epochId: number) => ({ kind: 'BatchSubmissionsCompleted', epochId })

  test('when an epoch at or after the buffer epoch is done, and the windows of the day are over', async () => {
    const { counting, block } = await following()
    expect(counting.days().map(({ day, firstEpochId, lastEpochId }) => [day, firstEpochId, lastEpochId])).toEqual([
      [1, 0, 2],
      [2, 3, 3],
    ])
    expect(block(10, done(3))).toBe(false)
    expect(block(11)).toBe(false)
    // The owner of the market has skipped the buffer epoch.
    expect(block(12, released(5))).toBe(false)
    expect(block(13, done(5))).toBe(true)
  })

  test('or as soon as all batches of the day are final and its epochs ended', async () => {
    const { block } = await following()
    expect(block(4, released(4), done(4))).toBe(false)
    expect(block(5, done(1), done(2))).toBe(false)
    expect(block(6, { kind: 'SnapshotBatchFinalized', epochId: 2, batchCid: cid })).toBe(true)
  })

  test('not while a batch that is refuted may still be corrected; the corrected one counts', async () => {
    const { counting, block } = await following()
    const corrected = CIDS[1] as Cid
    expect([...counting.totals(1).won]).toEqual([[1, 1]])
    block(4, released(4), { kind: 'TriggerBatchResubmission', epochId: 2, batchCid: cid }, done(4))
    expect([...counting.totals(1).won]).toEqual([])
    block(5, { kind: 'SnapshotBatchSubmitted', epochId: 2, batchCid: corrected })
    counting.learn(2 as EpochId, corrected, won(3, 2))
    expect([...counting.totals(1).won]).toEqual([[3, 2]])
    expect(block(2 + 4 * 8)).toBe(false)
    expect(block(2 + 4 * 8 + 1)).toBe(true)
  })

  test('S17: a corrected batch of somebody else is read in whichever round it comes', async () => {
    const { counting, block } = await following()
    const corrected = CIDS[1] as Cid
    block(4, { kind: 'TriggerBatchResubmission', epochId: 2, batchCid: cid })
    block(2 + 3 * 8, { kind: 'SnapshotBatchSubmitted', epochId: 2, batchCid: corrected })
    expect(counting.unread()).toEqual([])
    block(2 + 3 * 8 + 1, { kind: 'SnapshotBatchFinalized', epochId: 2, batchCid: corrected })
    expect(counting.unread()).toEqual([{ epochId: 2, batchCid: corrected }])
    block(2 + 4 * 8 + 1)
    expect(counting.unread()).toEqual([])
  })

  test('not while what a batch earned may still become known', async () => {
    const { counting, block } = await following()
    const other = CIDS[1] as Cid
    block(4, released(4), { kind: 'SnapshotBatchSubmitted', epochId: 2, batchCid: other }, done(4))
    const final = (batchCid: Cid) => ({ kind: 'SnapshotBatchFinalized', epochId: 2, batchCid })
    expect(block(5, done(1), done(2), final(cid), final(other))).toBe(false)
    expect(counting.unread()).toEqual([{ epochId: 2, batchCid: other }])
    counting.learn(2 as EpochId, other, won(1, 1))
    expect(block(6)).toBe(true)
    expect([...counting.totals(1).won]).toEqual([[1, 2]])
  })
})
