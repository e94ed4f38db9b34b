import { describe, expect, test } from 'vitest'
import type { Batch } from '#domain/batch.ts'
import type { Address, BlockNumber, Cid, Hash, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
import type { AnchoredBatch, ProtocolCall } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { createLedger, type EpochEntry, type ProjectEntry } from '#roles/sequencer/ledger.ts'
import {
  CIDS,
  EPOCH_1,
  open,
  OTHER_SEQUENCER,
  PROJECTS,
  sealed,
  type Settings,
  VALIDATOR,
  vote,
  type World,
} from '#roles/sequencer/sequencer.test-world.ts'
import { SEALS_AT_ONCE } from './sealing.ts'
import { decodeBatch, encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { type CorrectDeps, correct } from './correct.ts'
import type { CountedProject } from './finalize.ts'

const [TRUE_CID, FALSE_CID] = CIDS as [Cid, Cid]
const OTHER_ROOT = publishedRoot(['another result'])
const entry = (world: World): EpochEntry => world.sequencer.epoch(EPOCH_1) as EpochEntry
const lastBatch = (world: World): Cid => entry(world).batches.at(-1)?.batchCid as Cid

/** Tells the chain a CID that nobody voted for, in the first `times` anchorings. */
function lying(times: number): NonNullable<Settings['lie']> {
  let left = times
  return (call: ProtocolCall) => {
    if (call.kind !== 'submitSubmissionBatch' || left === 0) return call
    left -= 1
    return { ...call, snapshotCids: [FALSE_CID], rootHash: publishedRoot([FALSE_CID]) }
  }
}

async function send(world: World, address: Address, call: ProtocolCall): Promise<void> {
  const sender = world.chain.sender({ address, journal: createFakeStore() })
  const about = 'batchCid' in call ? call.batchCid : address
  const sent = sender.send(`${call.kind} ${about}`, call, new AbortController().signal)
  await world.until(() => world.chain.pendingCount() > 0)
  world.chain.mine()
  await world.clock.runUntil(sent, { limitMs: 5_000 })
}

/** What the market's only validator says of a batch. */
async function attest(world: World, batchCid: Cid, rootHash: Hash): Promise<void> {
  await attested(world, batchCid, rootHash)
  await world.mine(1)
}

async function attested(world: World, batchCid: Cid, rootHash: Hash): Promise<void> {
  await send(world, VALIDATOR, { kind: 'submitBatchAttestation', epochId: EPOCH_1, batchCid, rootHash })
}

/** A batch of the second project by another sequencer, with a submission of this id; it is on chain, and nobody serves it yet. */
async function ofOthers(world: World, submissionId: string): Promise<Uint8Array> {
  const projectIds = [PROJECTS[1] as ProjectId]
  const request = {
    slotId: 1 as SlotId,
    deadlineBlock: 500 as BlockNumber,
    snapshotCid: FALSE_CID,
    epochId: EPOCH_1,
    projectId: projectIds[0] as ProjectId,
  }
  const about = { header: `0x${'01'.repeat(32)}`, dataMarket: world.chain.dataMarket, nodeVersion: 'v1', protocolState: '' }
  const submissions = [{ submissionId, submission: { request, signature: 'ab'.repeat(65), ...about } }]
  const batch: Batch = { submissions, submissionsRoot: publishedRoot([submissionId]), projectIds, snapshotCids: [FALSE_CID] }
  const file = encodeBatch(batch)
  const [batchCid, rootHash] = [await snapshotCidOf(file), publishedRoot([FALSE_CID])]
  await send(world, OTHER_SEQUENCER, {
    kind: 'submitSubmissionBatch',
    epochId: EPOCH_1,
    batchCid,
    projectIds,
    snapshotCids: [FALSE_CID],
    rootHash,
  })
  return file
}

/** An epoch with one vote, told to the chain as `settings` say. */
async function anchored(settings: Settings): Promise<World> {
  const world = await open(settings)
  await world.release()
  await vote(world, 1, 0)
  await sealed(world)
  return world
}

const batchOnChain = (world: World, batchCid: Cid): Promise<AnchoredBatch | undefined> => world.chain.batch(EPOCH_1, batchCid)
const corrections = (world: World) => entry(world).batches.filter(({ round }) => round !== undefined)

describe('S23: a batch that a majority refuted', () => {
  test('is worked out again from the votes, and sent under another CID in the round that it opened', async () => {
    const world = await anchored({ lie: lying(1) })
    const refuted = lastBatch(world)
    expect((await batchOnChain(world, refuted))?.snapshotCids).toEqual([FALSE_CID])
    await attest(world, refuted, publishedRoot([TRUE_CID]))
    expect(world.events).toContain('batch_refuted')
    await world.mine(3)
    const corrected = lastBatch(world)
    expect(corrections(world)).toMatchObject([{ isAnchored: true, round: 1 }])
    expect(corrected).not.toBe(refuted)
    expect(await batchOnChain(world, corrected)).toMatchObject({ snapshotCids: [TRUE_CID], rootHash: publishedRoot([TRUE_CID]) })
    expect(entry(world)).toMatchObject({ state: 'ended', projects: [{ state: 'pending', batchCid: corrected, snapshotCid: TRUE_CID }] })
    // Whoever checks it finds the tree that goes on from the epoch's batches, the refuted one among them.
    const file = decodeBatch(await world.ipfs.node('sequencer').get(corrected, { bytesMax: 10_000, timeoutMs: 1_000 }))
    const ids = file?.submissions.map(({ submissionId }) => submissionId) ?? []
    expect(file?.submissionsRoot).toBe(publishedRoot([...ids, ...ids]))
    await attest(world, corrected, publishedRoot([TRUE_CID]))
    expect(entry(world).projects).toMatchObject([{ state: 'finalized', reason: 'majority_attested' }])
    await world.stop()
  })

  test('is not sent again when the votes give just that: the entry says so, and the project is missed when the round is over', async () => {
    const world = await anchored({})
    await attest(world, lastBatch(world), OTHER_ROOT)
    await world.mine(3)
    expect(corrections(world)).toEqual([])
    expect(entry(world)).toMatchObject({ uncorrected: 'result_stands', projects: [{ state: 'disputed' }] })
    expect(world.events).toContain('batch_not_corrected')
    await world.mine(31)
    expect(entry(world).projects).toMatchObject([{ state: 'missed', reason: 'not_corrected' }])
    await world.stop()
  })

  test('is corrected once in each round of the contract, and no more', async () => {
    const world = await anchored({ lie: lying(9) })
    for (let round = 0; round < 5; round += 1) {
      const before = lastBatch(world)
      await attest(world, before, publishedRoot([TRUE_CID]))
      await world.mine(3)
      if (lastBatch(world) === before) break
    }
    expect(corrections(world).map(({ round }) => round)).toEqual([1, 2, 3])
    expect(new Set(await world.chain.batchCids(EPOCH_1)).size).toBe(4)
    expect(entry(world)).toMatchObject({ uncorrected: 'rounds_over', projects: [{ state: 'disputed' }] })
    await world.stop()
  })

  test('while others of its epoch stand: only what was refuted is sent again', async () => {
    const isFirst = (call: ProtocolCall) => call.kind === 'submitSubmissionBatch' && call.projectIds[0] === PROJECTS[0]
    const lie = lying(1)
    const world = await open({ batchLimits: { projectsMax: 1, bytesMax: 1_000_000 }, lie: (call) => (isFirst(call) ? lie(call) : call) })
    await world.release()
    await vote(world, 1, 0, 0)
    await vote(world, 1, 2, 1)
    const [first, second] = (await sealed(world)).batches.map(({ batchCid }) => batchCid) as [Cid, Cid]
    await attest(world, second, publishedRoot([CIDS[2] as Cid]))
    await attest(world, first, publishedRoot([TRUE_CID]))
    await world.mine(3)
    expect(corrections(world)).toHaveLength(1)
    expect((await batchOnChain(world, lastBatch(world)))?.projectIds).toEqual([PROJECTS[0]])
    expect(entry(world).projects.map(({ state }) => state)).toEqual(['pending', 'finalized'])
    await world.stop()
  })

  test('is answered after a restart too, once, with what was planned', async () => {
    let isBroken = false
    const ipfsAs: Settings['ipfsAs'] = (node) => ({ ...node, add: (bytes) => (isBroken ? Promise.resolve(FALSE_CID) : node.add(bytes)) })
    const world = await anchored({ lie: lying(1), ipfsAs })
    isBroken = true
    await attest(world, lastBatch(world), publishedRoot([TRUE_CID]))
    await world.mine(2)
    expect(corrections(world)).toMatchObject([{ isAnchored: false }])
    isBroken = false
    const again = await world.crash(undefined, { lie: (call) => call })
    await again.mine(4)
    expect(corrections(again)).toMatchObject([{ isAnchored: true }])
    expect(await world.ipfs.node('sequencer').has(lastBatch(again))).toBe(true)
    expect(entry(again).projects).toMatchObject([{ state: 'pending', batchCid: lastBatch(again) }])
    const third = await again.crash()
    await third.mine(4)
    expect(corrections(third)).toHaveLength(1)
    expect(await third.chain.batchCids(EPOCH_1)).toHaveLength(2)
    await third.stop()
  })

  test('continues the tree of all batches on chain, in the order of the chain, those of others among them', async () => {
    const { world, others } = await besideOthers()
    await world.ipfs.node('another sequencer').add(others)
    await attest(world, lastBatch(world), publishedRoot([TRUE_CID]))
    await world.mine(4)
    const file = decodeBatch(await world.ipfs.node('sequencer').get(lastBatch(world), { bytesMax: 10_000, timeoutMs: 1_000 }))
    const ids = file?.submissions.map(({ submissionId }) => submissionId) ?? []
    expect(corrections(world)).toMatchObject([{ isAnchored: true, round: 1 }])
    expect(file?.submissionsRoot).toBe(publishedRoot([OTHERS_ID, ...ids, ...ids]))
    await world.stop()
  })

  test('is not answered by a tree with a gap: where nobody serves a batch that it continues nothing is sent, and the entry says so', async () => {
    const { world } = await besideOthers()
    await attest(world, lastBatch(world), publishedRoot([TRUE_CID]))
    await world.clock.advance(6_000)
    await world.mine(4)
    expect([corrections(world), (await world.chain.batchCids(EPOCH_1)).length]).toEqual([[], 2])
    expect(entry(world)).toMatchObject({ uncorrected: 'earlier_unreadable' })
    await world.stop()
  })
})

describe('S10: a corrected batch that a reorganisation takes off the chain', () => {
  /** A lie that was refuted so many blocks later, and corrected. */
  async function corrected(world: World, blocksLater: number): Promise<void> {
    const refuted = lastBatch(world)
    await world.mine(blocksLater)
    await attested(world, refuted, publishedRoot([TRUE_CID]))
    const { length } = await world.chain.batchCids(EPOCH_1)
    for (let mined = 0; mined < 6 && (await world.chain.batchCids(EPOCH_1)).length === length; mined += 1) await world.mine(1)
    await world.mine(1)
    expect(corrections(world).at(-1)).toMatchObject({ isAnchored: true })
  }

  test.each([0, 14])('goes out again, though its epoch was refuted %i blocks after its end', async (later) => {
    const world = await anchored({ lie: lying(1) })
    await corrected(world, later)
    world.chain.reorg(2, { isLosingTransactions: true })
    await world.mine(6)
    expect(await batchOnChain(world, lastBatch(world))).toMatchObject({ snapshotCids: [TRUE_CID] })
    await world.stop()
  })

  test('goes out again when that happened while nobody looked, in whichever round, though its epoch was finished', async () => {
    const world = await anchored({ lie: lying(2) })
    await corrected(world, 20)
    await corrected(world, 26)
    await attest(world, lastBatch(world), publishedRoot([TRUE_CID]))
    expect(entry(world).projects).toMatchObject([{ state: 'finalized' }])
    await world.release()
    const batchCid = lastBatch(world)
    world.cut()
    const { number } = await world.chain.head()
    const { block } = world.chain.transactions().findLast(({ call }) => call.kind === 'submitSubmissionBatch')?.receipt ?? {}
    world.chain.reorg(number - (block?.number ?? 0) + 1, { isLosingTransactions: true })
    expect(await batchOnChain(world, batchCid)).toBeUndefined()
    const again = await world.crash(undefined, { lie: (call) => call })
    await again.mine(6)
    expect(await batchOnChain(again, batchCid)).toMatchObject({ snapshotCids: [TRUE_CID] })
    await again.stop()
  })

  test('S5: is not sent unread, when it could not be pinned in its round', async () => {
    let isBroken = false
    const ipfsAs: Settings['ipfsAs'] = (node) => ({ ...node, add: (bytes) => (isBroken ? Promise.resolve(FALSE_CID) : node.add(bytes)) })
    const world = await anchored({ lie: lying(1), ipfsAs })
    isBroken = true
    await attest(world, lastBatch(world), publishedRoot([TRUE_CID]))
    await world.mine(22)
    await world.clock.advance(30_000)
    expect(corrections(world)).toMatchObject([{ isAnchored: false, isLost: true }])
    world.chain.reorg(1)
    await world.mine(2)
    expect(world.events).toContain('anchored_again')
    const sent = world.chain.transactions().map(({ call }) => 'batchCid' in call && call.batchCid)
    expect(sent).not.toContain(lastBatch(world))
    await world.stop()
  })
})

test('S21: what was refuted is answered, and what a reorganisation took goes out again, while epochs that wait for their pins take all places', async () => {
  const gate = Promise.withResolvers<void>()
  const ipfsAs: Settings['ipfsAs'] = (node) => ({
    ...node,
    async add(...content) {
      if (content[1] !== EPOCH_1) await gate.promise
      return node.add(...content)
    },
  })
  const world = await anchored({ lie: lying(1), ipfsAs, epochsKept: 100, market: { batchWindowBlocks: 60, attestationWindowBlocks: 90 } })
  for (let epochId = 2; epochId <= SEALS_AT_ONCE + 1; epochId += 1) {
    await world.release()
    await vote(world, 1, 0, 0, epochId)
  }
  await world.mine(7)
  await attest(world, lastBatch(world), publishedRoot([TRUE_CID]))
  await world.mine(3)
  expect(corrections(world)).toMatchObject([{ isAnchored: true }])
  world.chain.reorg(4, { isLosingTransactions: true })
  await world.mine(4)
  expect(await batchOnChain(world, lastBatch(world))).toMatchObject({ snapshotCids: [TRUE_CID] })
  gate.resolve()
  await world.stop()
})

describe('S23: while an answer is worked out', () => {
  const release = { number: 1 as BlockNumber, contractNumber: 1 as ContractNumber, hash: '0x01' as Hash, timestamp: 1 }
  const refuted = 'refuted' as Cid
  const row: ProjectEntry = {
    ...{ projectId: PROJECTS[0] as ProjectId, state: 'disputed', reason: undefined, snapshotCid: FALSE_CID, batchCid: refuted },
    ...{ votes: 1, total: 1, isTie: false },
  }
  const TOLD = { projectIds: [row.projectId], snapshotCids: [FALSE_CID], rootHash: publishedRoot([FALSE_CID]) }
  const counted: CountedProject = {
    projectId: row.projectId,
    ballots: [],
    result: { kind: 'finalized', snapshotCid: TRUE_CID, votesPerCid: new Map([[TRUE_CID, 1]]), total: 1, isTie: false, outvotedSlots: [] },
  }

  /** An ended epoch with a disputed project; the chain says `told` of its batch, and `meanwhile` happens while its votes are counted. */
  async function disputed({ told, change = {} }: { readonly told: unknown; readonly change?: Partial<EpochEntry> }) {
    const ledger = createLedger({ epochsKept: 10 }, { store: createFakeStore() })
    const head = { ...release, number: 12 as BlockNumber, contractNumber: 12 as ContractNumber }
    await ledger.release(EPOCH_1, release)
    for (const state of ['closed', 'planned', 'anchored'] as const) await ledger.change(EPOCH_1, { state })
    const batches = [{ batchCid: refuted, rootHash: TOLD.rootHash, isAnchored: true }]
    await ledger.change(EPOCH_1, { state: 'ended', reason: 'all_batches_anchored', projects: [row], batches, ...change })
    const answer = (meanwhile: () => unknown = () => undefined) =>
      correct(
        EPOCH_1,
        {
          ledger,
          ...{ clock: createVirtualClock(), random: { fraction: () => 1 }, report: () => undefined, breathe: async () => undefined },
          contract: { batchWindowBlocks: 20, attestationWindowBlocks: 30 },
          options: { batchBytesMax: 1_000_000 },
          gasMax: async () => 24_000_000,
          view: { epoch: () => ({ epochId: EPOCH_1, release }), rounds: () => ({ count: 1, start: 10 }), head },
          rulesOf: () => rulesWith({}),
          chain: { batch: async () => told, batchCids: async () => [refuted] },
          count: async () => {
            await meanwhile()
            return [counted]
          },
        } as unknown as CorrectDeps,
        new AbortController().signal,
      )
    return { ledger, head, answer }
  }

  test('what became final stays final, and is not sent again', async () => {
    const { ledger, answer } = await disputed({ told: TOLD })
    const final = { ...row, state: 'finalized', reason: 'majority_attested' } as const
    expect(await answer(() => ledger.change(EPOCH_1, { projects: [final] }))).toEqual([])
    expect(ledger.get(EPOCH_1)?.projects).toEqual([final])
  })

  test('the round may be over: nothing is planned then', async () => {
    const { ledger, head, answer } = await disputed({ told: TOLD })
    expect(await answer(() => Object.assign(head, { number: 31, contractNumber: 31 }))).toEqual([])
    expect(ledger.get(EPOCH_1)).toMatchObject({ uncorrected: 'round_over', projects: [{ state: 'disputed' }] })
  })

  test('a reorganisation may take the batch: it is not said then that the result stands', async () => {
    const { ledger, answer } = await disputed({ told: undefined })
    expect(await answer()).toEqual([])
    expect(ledger.get(EPOCH_1)?.uncorrected).toBeUndefined()
  })

  test('a correction that was lost is made once more, in the round that has begun since', async () => {
    const lost = { batchCid: 'lost' as Cid, rootHash: TOLD.rootHash, isAnchored: false, isLost: true, round: 1 } as const
    const { ledger, answer } = await disputed({
      told: undefined,
      change: { batches: [lost], projects: [{ ...row, batchCid: lost.batchCid }] },
    })
    expect(await answer()).toMatchObject([{ snapshotCids: [TRUE_CID] }])
    expect(ledger.get(EPOCH_1)?.projects).toMatchObject([{ state: 'batched', snapshotCid: TRUE_CID }])
  })
})
const OTHERS_ID = '00000000-0000-4000-8000-0000000000ff'

/** A batch of another sequencer, then ours, which tells the chain what nobody voted for. */
async function besideOthers() {
  const world = await open({ lie: lying(1) })
  await world.release()
  await vote(world, 1, 0)
  const others = await ofOthers(world, OTHERS_ID)
  await sealed(world)
  return { world, others }
}
