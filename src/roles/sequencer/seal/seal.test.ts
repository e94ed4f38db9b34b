import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import type { StoreWrite } from '#io/store/port.ts'
import {
  CIDS,
  createDisk,
  EPOCH_1,
  OTHER_SEQUENCER,
  open,
  PROJECTS,
  SEQUENCER,
  sealed,
  vote,
  type Settings,
  type World,
} from '#roles/sequencer/sequencer.test-world.ts'
import { SEALS_AT_ONCE } from './sealing.ts'

/** One project a batch: three batches of epoch 1. */
const batchLimits = { projectsMax: 1, bytesMax: 1_000_000 }

async function voted(settings: Settings = {}): Promise<World> {
  const world = await open({ batchLimits, ...settings })
  await world.release()
  for (const project of [0, 1, 2]) await vote(world, 1, project, project)
  return world
}

const read = (world: World, cid: Cid) =>
  world.clock.runUntil(world.ipfs.node('anybody').get(cid, { bytesMax: 1_000_000, timeoutMs: 1_000 }), { limitMs: 5_000 })
const stateOf = (world: World, epochId: number = EPOCH_1) => world.sequencer.epoch(epochId as EpochId)?.state
const isPlan = ({ key }: StoreWrite) => key.startsWith('plan')
const planned = (key: string, value: string) => key.startsWith('epoch/') && value.includes('"state":"planned"')

/** What stands between the sequencer and its node can be made to fail, and be mended. */
function brokenIpfs(how: Partial<Pick<Ipfs, 'add' | 'get'>>) {
  const state = { isBroken: true, added: 0 }
  return {
    state,
    ipfsAs: (node: Ipfs): Ipfs => ({
      ...node,
      async add(bytes) {
        state.added += 1
        return state.isBroken && how.add !== undefined ? how.add(bytes) : node.add(bytes)
      },
      get: async (cid, limits) => (state.isBroken && how.get !== undefined ? how.get(cid, limits) : node.get(cid, limits)),
    }),
  }
}

const NOT_FOUND = async (): Promise<never> => {
  throw new WeftError('IPFS_NOT_FOUND', { cid: 'x', waitedMs: 1 })
}

describe('S5, G3: nothing is anchored', () => {
  test.each([
    ['that the node took for something else', { add: async () => CIDS[0] as Cid }],
    ['that is read back with another byte', { get: async () => new Uint8Array(10) }],
    ['that cannot be read back', { get: NOT_FOUND }],
  ])('%s; once it is right it is anchored all the same', async (_how, how) => {
    const { state, ipfsAs } = brokenIpfs(how)
    const world = await voted({ ipfsAs })
    await world.mine(9)
    expect([stateOf(world), world.chain.transactionCount(SEQUENCER), world.chain.pendingCount()]).toEqual(['planned', 0, 0])
    expect(world.events).toContain('will_try_again')
    state.isBroken = false
    await world.clock.advance(20_000)
    expect(await sealed(world)).toMatchObject({ state: 'ended', reason: 'all_batches_anchored' })
    await world.stop()
  })

  test('S21: behind a batch that cannot be fetched; what stands before it is, and is not sent again', async () => {
    const { state, ipfsAs } = brokenIpfs({ add: NOT_FOUND })
    let adds = 0
    const secondIsSlow = (node: Ipfs): Ipfs => ({
      ...node,
      add: (bytes, epochId) => (++adds === 1 || adds === 3 ? node.add(bytes, epochId) : ipfsAs(node).add(bytes, epochId)),
    })
    const world = await voted({ ipfsAs: secondIsSlow })
    await world.mine(9)
    expect([stateOf(world), world.chain.transactionCount(SEQUENCER), world.chain.pendingCount()]).toEqual(['planned', 1, 0])
    expect(await world.chain.batchCids(EPOCH_1)).toEqual([world.sequencer.epoch(EPOCH_1)?.batches[0]?.batchCid])
    state.isBroken = false
    await world.clock.advance(20_000)
    await sealed(world)
    await world.stop()
  })
})

describe('S15, G3: a batch that too few places hold', () => {
  const tooFew = (cid: Cid) => new WeftError('COPIES_TOO_FEW', { cid, held: 1, needed: 2 })

  test('S15: is not anchored, and is as soon as enough do; the places are asked about all batches at once', async () => {
    let isEnough = false
    const asked: Cid[] = []
    const held = async (cid: Cid) => {
      asked.push(cid)
      if (!isEnough) throw tooFew(cid)
    }
    const world = await voted({ copies: { held } })
    await world.mine(9)
    expect([stateOf(world), world.chain.transactionCount(SEQUENCER), world.chain.pendingCount()]).toEqual(['planned', 0, 0])
    expect(new Set(asked.slice(0, 3))).toEqual(new Set(world.sequencer.epoch(EPOCH_1)?.batches.map(({ batchCid }) => batchCid)))
    isEnough = true
    await world.clock.advance(20_000)
    expect(await sealed(world)).toMatchObject({ state: 'ended', reason: 'all_batches_anchored' })
    await world.stop()
  })

  test('S15, G9: while its window is open ends its epoch as missed, without a call, and the epochs behind it go on', async () => {
    let isBroken = true
    const world = await voted({ copies: { held: async (cid) => (isBroken ? Promise.reject(tooFew(cid)) : undefined) } })
    await world.mine(21)
    await world.clock.advance(20_000)
    expect(world.records).toMatchObject([
      { state: 'missed', reason: 'batch_window_over', projects: Array(3).fill({ reason: 'batch_not_anchored' }) },
    ])
    expect([world.chain.transactionCount(SEQUENCER), world.chain.pendingCount()]).toEqual([0, 0])
    isBroken = false
    // Its place in the queue is the one of the first.
    for (let epoch = 2; epoch <= 5; epoch += 1) await world.release()
    await vote(world, 1, 0, 0, 5)
    for (let block = 0; block < 20 && world.records.length < 5; block += 1) await world.mine(1)
    expect(world.records.find(({ epochId }) => epochId === 5)).toMatchObject({ state: 'ended', reason: 'all_batches_anchored' })
    await world.stop()
  })

  test('S15, G9: or that not even the own node takes, ends likewise', async () => {
    const world = await voted({ ipfsAs: brokenIpfs({ get: NOT_FOUND }).ipfsAs })
    await world.mine(21)
    await world.clock.advance(20_000)
    expect(world.records).toMatchObject([{ state: 'missed', reason: 'batch_window_over' }])
    expect([world.chain.transactionCount(SEQUENCER), world.chain.pendingCount()]).toEqual([0, 0])
    await world.stop()
  })

  test('S15, G11: because they hang costs its epoch its window and no more', async () => {
    const hanging = (_cid: Cid, _epochId: EpochId, until: AbortSignal) =>
      new Promise<never>((_, reject) => until.addEventListener('abort', () => reject(until.reason)))
    const world = await voted({ copies: { held: hanging } })
    await world.mine(20)
    expect(stateOf(world)).toBe('planned')
    await world.mine(1)
    await world.clock.advance(500)
    expect(world.records).toMatchObject([{ state: 'missed', reason: 'batch_window_over' }])
    await world.stop()
  })

  test('S15, S6: is on chain all the same where it was put there before a crash: that is not taken for lost', async () => {
    const disk = createDisk()
    const world = await open({ disk })
    disk.fail((key, value) => key.startsWith('epoch/') && value.includes('"state":"anchored"'))
    await world.release()
    await vote(world, 1, 0)
    await expect(sealed(world)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect((await world.chain.batchCids(EPOCH_1)).length).toBe(1)
    for (let block = 0; block < 25; block += 1) world.chain.mine()
    const again = await world.crash(undefined, { disk: createDisk(), copies: { held: (cid) => Promise.reject(tooFew(cid)) } })
    expect(await sealed(again)).toMatchObject({ batches: [{ isAnchored: true }] })
    await again.stop()
  })
})

describe('S4: the plan', () => {
  test('is one commit, with every file and what became of each project, before anything leaves the house', async () => {
    const disk = createDisk()
    const world = await voted({ disk })
    const letGo = disk.hold(planned)
    await world.mine(8)
    // The disk has not said that it is there: nobody may hear of it.
    expect([
      world.chain.transactionCount(SEQUENCER),
      await world.ipfs.node('sequencer').has(world.sequencer.epoch(EPOCH_1)?.batches[0]?.batchCid as Cid),
    ]).toEqual([0, false])
    letGo()
    await sealed(world)
    const withPlans = disk.commits.filter((writes) => writes.some(isPlan))
    expect(withPlans).toHaveLength(1)
    const kinds = Map.groupBy(withPlans[0] ?? [], ({ key }) => key.split('/')[0])
    expect([kinds.get('plan')?.length, kinds.get('plan-file')?.length]).toEqual([3, 3])
    const [epoch] = kinds.get('epoch') ?? []
    expect(JSON.parse(new TextDecoder().decode(epoch?.value))).toMatchObject({
      state: 'planned',
      accepted: 3,
      projects: Array(3).fill({ state: 'batched' }),
      batches: Array(3).fill({ isAnchored: false }),
    })
    await world.stop()
  })

  test('once written is the one that is anchored after a power cut', async () => {
    const { ipfsAs } = brokenIpfs({ add: NOT_FOUND })
    const world = await open({ ipfsAs })
    await world.release()
    await vote(world, 1, 0)
    await world.mine(1)
    await vote(world, 2, 1)
    await vote(world, 3, 1)
    await world.mine(5)
    const record = world.sequencer.epoch(EPOCH_1)
    expect([record?.state, record?.accepted]).toEqual(['planned', 3])
    const again = await world.crash(undefined, { ipfsAs: (node) => node })
    expect((await sealed(again)).batches.map(({ batchCid }) => batchCid)).toEqual(record?.batches.map(({ batchCid }) => batchCid))
    expect(await again.chain.batchCids(EPOCH_1)).toEqual(record?.batches.map(({ batchCid }) => batchCid))
    await again.stop()
  })

  test('written before a power cut is pinned and anchored after it, though its votes no longer count', async () => {
    const { ipfsAs } = brokenIpfs({ add: NOT_FOUND })
    const world = await open({ ipfsAs })
    await world.release()
    await world.mine(1)
    await vote(world, 1, 0)
    await world.mine(5)
    const batches = world.sequencer.epoch(EPOCH_1)?.batches
    const onDisk = world.cut()
    // The header of the only vote is replaced while nobody looks.
    world.chain.reorg(6)
    const again = await open({ onDisk, around: world })
    const record = await sealed(again)
    expect(record).toMatchObject({ state: 'ended', accepted: 1, batches: [{ batchCid: batches?.[0]?.batchCid, isAnchored: true }] })
    expect((await read(again, batches?.[0]?.batchCid as Cid)).length).toBeGreaterThan(0)
    await again.stop()
  })
})

/** A disk that no longer answers after so many records of the epoch's sealing, a power cut, and the next process. */
async function cutAfter(count: number): Promise<World> {
  const disk = createDisk()
  const world = await voted({ disk })
  let seen = 0
  disk.hold((key, value) => {
    if (!/^(epoch|intent)/.test(key)) return false
    seen += 1
    return seen > count && value !== ''
  })
  for (let block = 0; block < 12; block += 1) {
    world.chain.mine()
    await world.clock.advance(100)
  }
  return world.crash(undefined, { disk: createDisk() })
}

describe('S1, S4, S6: a disk that stops after any of the commits, then a power cut', () => {
  test.each([0, 1, 2, 3, 4, 5, 6])('%i records into sealing: the epoch ends the same, each call made once', async (count) => {
    const world = await cutAfter(count)
    const record = await sealed(world)
    expect(record).toMatchObject({ state: 'ended', reason: 'all_batches_anchored', accepted: 3 })
    expect(await world.chain.batchCids(EPOCH_1)).toEqual(record.batches.map(({ batchCid }) => batchCid))
    expect(record.batches.every(({ isAnchored }) => isAnchored)).toBe(true)
    expect(world.chain.transactionCount(SEQUENCER)).toBe(4)
    await world.stop()
  })
})

describe('S7: an epoch', () => {
  test('is ended after its batches, which are on chain in the order of the plan', async () => {
    const world = await voted()
    const record = await sealed(world)
    const kinds = world.chain
      .transactions()
      .filter(({ from }) => from === SEQUENCER)
      .map(({ call }) => ('batchCid' in call ? call.batchCid : call.kind))
    expect(kinds).toEqual([...record.batches.map(({ batchCid }) => batchCid), 'endBatchSubmissions'])
    expect(record.batches).toHaveLength(3)
    await world.stop()
  })

  test('is not ended while one of its batches waits', async () => {
    const world = await voted()
    await world.mine(5)
    world.chain.mine()
    await world.clock.advance(2_000)
    expect(world.chain.transactions().filter(({ call, from }) => from === SEQUENCER && call.kind === 'endBatchSubmissions')).toEqual([])
    expect(stateOf(world)).toBe('planned')
    await sealed(world)
    await world.stop()
  })

  test('one of whose batches never gets on chain is missed, with the reason, and never ended; what is on chain stays', async () => {
    const world = await voted()
    const other = world.chain.sender({ address: OTHER_SEQUENCER, journal: createFakeStore() }).send(
      'x',
      {
        kind: 'submitSubmissionBatch',
        epochId: EPOCH_1,
        batchCid: CIDS[2] as Cid,
        projectIds: [PROJECTS[1] as ProjectId],
        snapshotCids: [CIDS[0] as Cid],
        rootHash: `0x${'aa'.repeat(32)}` as never,
      },
      new AbortController().signal,
    )
    await world.until(() => world.chain.pendingCount() > 0)
    await world.mine(1)
    await world.clock.runUntil(other, { limitMs: 1_000 })
    const record = await sealed(world)
    expect(record).toMatchObject({ state: 'missed', reason: 'pair_taken' })
    expect(record.batches.map(({ isAnchored }) => isAnchored)).toEqual([true, false, true])
    expect(record.projects.map(({ state, reason }) => [state, reason])).toEqual([
      ['pending', undefined],
      ['missed', 'batch_not_anchored'],
      ['pending', undefined],
    ])
    await world.mine(10)
    expect(await world.chain.isEpochEnded(EPOCH_1)).toBe(false)
    expect(world.chain.transactionCount(SEQUENCER)).toBe(2)
    await world.stop()
  })

  test('that another sequencer has ended is missed when it held votes, and ended when it held none', async () => {
    for (const isVoted of [true, false]) {
      const world = await open()
      await world.release()
      if (isVoted) await vote(world, 1, 0)
      const other = world.chain
        .sender({ address: OTHER_SEQUENCER, journal: createFakeStore() })
        .send('x', { kind: 'endBatchSubmissions', epochId: EPOCH_1 }, new AbortController().signal)
      await world.until(() => world.chain.pendingCount() > 0)
      await world.mine(1)
      await world.clock.runUntil(other, { limitMs: 1_000 })
      const { state, reason } = await sealed(world)
      expect([state, reason]).toEqual([isVoted ? 'missed' : 'ended', 'ended_elsewhere'])
      await world.stop()
    }
  })

  test('whose calls the contract refuses is missed, with its reason', async () => {
    for (const isVoted of [true, false]) {
      const world = await open()
      await world.release()
      if (isVoted) await vote(world, 1, 0)
      world.chain.changeMarket({ sequencers: [OTHER_SEQUENCER] })
      expect(await sealed(world)).toMatchObject({ state: 'missed', reason: 'call_refused' })
      expect([world.events.includes('epoch_missed'), world.events.includes('epoch_sealed')]).toEqual([true, false])
      await world.stop()
    }
  })

  test('that finalizes nothing though there were votes says so, and is ended', async () => {
    const world = await open({ minVotes: 3 })
    await world.release()
    await vote(world, 1, 0)
    expect(await sealed(world)).toMatchObject({ state: 'ended', reason: 'nothing_finalized', accepted: 1, batches: [] })
    expect(await world.chain.isEpochEnded(EPOCH_1)).toBe(true)
    await world.stop()
  })
})

describe('S4: the role ends with the reason', () => {
  test('when a state cannot be written; no call follows from it', async () => {
    for (const [state, calls] of [
      ['closed', 0],
      ['planned', 0],
      ['anchored', 3],
    ] as const) {
      const disk = createDisk()
      const world = await voted({ disk })
      disk.fail((key, value) => key.startsWith('epoch/') && value.includes(`"state":"${state}"`))
      await expect(sealed(world)).rejects.toMatchObject({ code: 'STORE_FAILED' })
      await expect(world.ended).rejects.toMatchObject({ code: 'STORE_FAILED' })
      world.chain.mine(3)
      expect(world.chain.transactionCount(SEQUENCER)).toBe(calls)
    }
  })

  test('when a release cannot be written', async () => {
    const disk = createDisk()
    const world = await open({ disk })
    disk.fail((key) => key.startsWith('epoch/'))
    await expect(world.release()).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(world.ended).rejects.toMatchObject({ code: 'STORE_FAILED' })
  })

  test('when its node fails in a way that does not pass', async () => {
    const { ipfsAs } = brokenIpfs({ add: async () => Promise.reject(new WeftError('STORE_FAILED', { path: 'ipfs', doing: 'adding' })) })
    const world = await voted({ ipfsAs })
    await expect(sealed(world)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(world.ended).rejects.toMatchObject({ code: 'STORE_FAILED' })
  })

  test('and says so instead of running twice', async () => {
    const world = await open()
    await expect(world.sequencer.run(AbortSignal.abort())).rejects.toMatchObject({ code: 'STOPPED' })
    await world.stop()
    expect(world.sequencer.stats().isReady).toBe(false)
  })
})

describe('S4: a stop', () => {
  test('waits for the epoch that is being sealed: nothing of it is written afterwards, and the next process goes on', async () => {
    const disk = createDisk()
    const world = await voted({ disk })
    const letGo = disk.hold((key, value) => key.startsWith('epoch/') && value.includes('"state":"closed"'))
    await world.mine(8)
    const order: string[] = []
    const ended = world.ended.then(() => order.push('ended'))
    const stopped = world.stop()
    await world.clock.advance(1_000)
    order.push('closed')
    letGo()
    await Promise.all([ended, stopped])
    expect(order).toEqual(['closed', 'ended'])
    const written = disk.commits.length
    await world.clock.advance(10_000)
    expect(disk.commits).toHaveLength(written)
    const again = await world.crash()
    expect(await sealed(again)).toMatchObject({ state: 'ended', accepted: 3 })
    await again.stop()
  })
})

describe('G1: votes', () => {
  test('count only when they are durable: what is fixed rests on nothing that a power cut could take back', async () => {
    const disk = createDisk()
    const world = await open({ disk })
    await world.release()
    const letGo = disk.hold((key) => key.startsWith('vote/'))
    world.push([await world.submission()])
    await world.mine(9)
    expect([stateOf(world), world.chain.transactionCount(SEQUENCER)]).toEqual(['closed', 0])
    letGo()
    expect(await sealed(world)).toMatchObject({ state: 'ended', accepted: 1, batches: [{}] })
    await world.stop()
  })

  test('stay countable while their epoch waits to be counted, however far the chain goes on', async () => {
    const disk = createDisk()
    const world = await open({ disk, market: { batchWindowBlocks: 200, attestationWindowBlocks: 300 } })
    await world.release()
    await vote(world, 1, 0)
    const letGo = disk.hold((key, value) => key.startsWith('epoch/') && value.includes('"state":"closed"'))
    await world.mine(60)
    letGo()
    expect(await sealed(world)).toMatchObject({ state: 'ended', accepted: 1 })
    await world.stop()
  })

  test('of an epoch whose turn has not come wait with it, and none is added: some are sealed at once, and the next when one of them is done', async () => {
    const LAST = SEALS_AT_ONCE + 1
    const { state, ipfsAs } = brokenIpfs({ add: NOT_FOUND })
    const world = await open({ ipfsAs, epochsKept: 99, market: { batchWindowBlocks: 400, attestationWindowBlocks: 500 } })
    for (let epoch = 1; epoch <= LAST; epoch += 1) {
      await world.release()
      await vote(world, 1, 0, 0, epoch)
    }
    const late = await world.submission({ epochId: LAST as EpochId, slotId: 2 as SlotId })
    await world.mine(40)
    expect(Array.from({ length: LAST }, (_, index) => stateOf(world, index + 1))).toEqual([
      ...Array(SEALS_AT_ONCE).fill('planned'),
      'released',
    ])
    // Its window is over all the same (S8).
    expect((await world.deliver(late)).code).toBe('window_closed')
    state.isBroken = false
    await world.clock.advance(30_000)
    for (let block = 0; block < 12 && world.records.length < LAST; block += 1) await world.mine(1)
    expect(world.records.map(({ state: each, accepted }) => [each, accepted])).toEqual(Array(LAST).fill(['ended', 1]))
    await world.stop()
  })
})

describe('G2: the outcome', () => {
  test('is the same bytes whatever the order of arrival', async () => {
    const votes = [
      [1, 0, 0],
      [2, 0, 0],
      [3, 1, 0],
      [1, 1, 2],
      [2, 2, 1],
      [3, 2, 1],
    ] as const
    const outcomes = []
    for (const order of [votes, votes.toReversed()]) {
      const world = await open()
      await world.release()
      for (const [slot, cid, project] of order) {
        const submission = await world.submission({
          slotId: slot as SlotId,
          snapshotCid: CIDS[cid] as Cid,
          projectId: PROJECTS[project] as ProjectId,
        })
        const submissionId = `00000000-0000-4000-8000-0000000000${slot}${project}`
        await world.deliver(submission, { submissionId })
      }
      const { batches, projects, outvotedSlots } = await sealed(world)
      outcomes.push({ batches, projects, outvotedSlots })
      await world.stop()
    }
    expect(outcomes[0]).toEqual(outcomes[1])
    expect(outcomes[0]?.projects.map(({ votes: each, total, isTie }) => [each, total, isTie])).toEqual([
      [2, 3, false],
      [2, 2, false],
      [1, 1, false],
    ])
  })
})
