import { afterEach, describe, expect, test } from 'vitest'
import type { ComputeSet } from '#domain/compute.ts'
import type { BlockNumber, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import type { SubmissionRequest } from '#domain/submission.ts'
import type { FakeChain } from '#io/chain/fake/anchor.ts'
import type { AnchoredBatch, BlockRef, ProtocolCall } from '#io/chain/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { type RuleBook, sameRules } from '#life/rules.ts'
import { PROOF_STEPS } from '#roles/consumer/verify.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { EPOCH_SIZE, RULES, WINDOW_BLOCKS } from './journey/cast.ts'
import { createNetwork, type Network, type NetworkOptions } from './journey/network.ts'
import { firstTokenInUsd, SOURCE_BLOCKS_AT_START } from './journey/prices.ts'

/**
 * The story of Weft: what happens between the release of an epoch and an answer that anybody can verify, with every role at work.
 * `journey/network.ts` is the cast and the stage, `journey/prices.ts` the data market; `docs/FLOW.md` names the files behind each step.
 */

const running: Network[] = []
afterEach(async () => {
  for (const network of running.splice(0)) await network.stop()
})

async function start(options: Partial<NetworkOptions> = {}): Promise<Network> {
  const network = await createNetwork({ seed: 1, honestSlots: 3, lyingSlots: 1, ...options })
  running.push(network)
  return network
}

/** The last source block of the first epoch. */
const LAST_BLOCK = SOURCE_BLOCKS_AT_START + EPOCH_SIZE - 1
const [FIRST, SECOND] = [1, 2] as [EpochId, EpochId]
const allSlots = ({ honestSlots, lyingSlots }: Network): readonly SlotId[] => [...honestSlots, ...lyingSlots]
const projectOf = ({ projects }: Network, type: string): ProjectId =>
  projects.find((projectId) => projectId.startsWith(`${type}:`)) as ProjectId
const acceptedIds = ({ receipts }: Network) => receipts.filter(({ code }) => code === 'accepted').map(({ submissionId }) => submissionId)

/** The ids of all submissions in the epoch's batches. */
async function anchoredIds(network: Network, epochId: EpochId): Promise<string[]> {
  const files = await Promise.all((await network.batches(epochId)).map(({ batchCid }) => network.file(batchCid)))
  return files.flatMap(({ submissions }) => submissions.map(({ submissionId }) => submissionId))
}

/** Per batch of the epoch: whether the contract holds it final, and how many validators attested its root. */
async function finality(network: Network, epochId: EpochId): Promise<[boolean, number][]> {
  return (await network.batches(epochId)).map(({ isFinalized, attestationCount }) => [isFinalized, attestationCount])
}
const FINALIZED_BY_ALL = [true, 3]

/** The first step of the proof that fails; `undefined` when the data point is proved. */
async function unproved(network: Network, projectId: ProjectId, epochId: EpochId): Promise<string | undefined> {
  const steps = await network.prove(projectId, epochId)
  const failed = steps.find(({ ok }) => !ok)
  if (failed === undefined) expect(steps.map(({ step }) => step)).toEqual(PROOF_STEPS)
  return failed?.step
}

test('two epochs, from their release to a verified answer', async () => {
  const network = await start()
  const { chain, projects, honestSlots, lyingSlots, collectors, relay, validators } = network
  const votesPerEpoch = projects.length * allSlots(network).length

  // The source chain grows by one epoch, and the anchor chain releases it.
  expect(await network.releaseEpoch()).toBe(FIRST)
  expect(await chain.currentEpoch()).toMatchObject({ begin: SOURCE_BLOCKS_AT_START, end: LAST_BLOCK })

  // Each slot votes on each project, and has a receipt for each vote; the liar's went through the relay.
  const isReceipted = (slotId: SlotId) => network.sequencer().statsOfSlot(slotId).accepted === projects.length
  await network.until(() => allSlots(network).every(isReceipted) && acceptedIds(network).length === votesPerEpoch)
  expect(collectors.map((collector) => collector.stats().open)).toEqual([0, 0])
  expect(relay.stats()).toMatchObject({ reservations: 1, circuits: 1 })

  // The window closes. The next epoch is released before anything of this one is final: its aggregates take what each has computed.
  await network.until(() => network.sequencer().epoch(FIRST)?.state !== 'released')
  expect(await network.releaseEpoch()).toBe(SECOND)
  expect(await finality(network, FIRST)).not.toContainEqual(FINALIZED_BY_ALL)

  for (const epochId of [FIRST, SECOND]) {
    // Two batches on chain, three attestations of each, and every project is FINALIZED.
    const batches = await network.attested(epochId, validators.length)
    expect(await finality(network, epochId)).toEqual([FINALIZED_BY_ALL, FINALIZED_BY_ALL])
    expect(batches.flatMap(({ projectIds }) => projectIds)).toEqual(projects.toSorted())
    expect(await anchoredIds(network, epochId)).toHaveLength(votesPerEpoch)

    // The liar was outvoted on each of them, and the sequencer's books say so.
    const book = () => network.sequencer().epoch(epochId)
    await network.until(() => book()?.state === 'ended' && book()?.projects.every(({ state }) => state === 'finalized') === true)
    expect(book()).toMatchObject({ state: 'ended', reason: 'all_batches_anchored', accepted: votesPerEpoch, outvotedSlots: lyingSlots })
    for (const project of book()?.projects ?? [])
      expect(project).toMatchObject({ votes: honestSlots.length, total: allSlots(network).length })

    // A consumer who trusts nothing but the anchor chain proves each data point.
    for (const projectId of projects) expect(await unproved(network, projectId, epochId)).toBeUndefined()
  }

  // The mean of the second epoch was made from the finalized price of the first, which is the honest one.
  const usdOf = async (type: string, epochId: EpochId) => {
    const snapshot = await network.snapshot(projectOf(network, type), epochId)
    return (snapshot as { usd: number }).usd
  }
  const [before, now] = [await usdOf('price', FIRST), await usdOf('price', SECOND)]
  expect(before).toBe(firstTokenInUsd(LAST_BLOCK))
  expect(await network.snapshot(projectOf(network, 'mean'), SECOND)).toEqual({ usd: (before + now) / 2, epochs: 2n })
})

test('S34: on a chain whose contracts see another chain’s number, windows are counted in that by everybody', async () => {
  /** Three blocks to a number, and a jump while the window of the first epoch is open. */
  const contractNumberOf = (number: number): number => 20_000_000 + Math.floor(number / 3) + (number < 9 ? 0 : 2)
  const network = await start({ contractNumberOf })
  const { chain, projects, honestSlots, validators } = network
  expect(await network.releaseEpoch()).toBe(FIRST)
  const release = (await chain.release(FIRST)) as BlockRef
  const book = () => network.sequencer().epoch(FIRST)
  await network.until(() => book()?.closedBlock !== undefined)
  const closed = (await chain.block(book()?.closedBlock as BlockNumber)) as BlockRef
  expect(closed.contractNumber).toBe(release.contractNumber + WINDOW_BLOCKS + 1)
  expect(closed.number).toBeGreaterThan(release.number + 2 * WINDOW_BLOCKS)
  await network.attested(FIRST, validators.length)
  expect(await finality(network, FIRST)).toEqual([FINALIZED_BY_ALL, FINALIZED_BY_ALL])
  await network.until(() => book()?.projects.every(({ state }) => state === 'finalized') === true)
  for (const { votes, total } of book()?.projects ?? []) expect([votes, total]).toEqual([honestSlots.length, allSlots(network).length])
  for (const projectId of projects) expect(await unproved(network, projectId, FIRST)).toBeUndefined()
})

test('a market changes its rules at an epoch: until then everybody follows the old ones, from then on the new ones', async () => {
  // Whoever has a manifest follows it; what the chain names for an epoch is asked of the chain.
  const manifests: Readonly<Record<string, MarketRules>> = {
    first: RULES,
    second: { ...RULES, projectsPerBatch: 2, tally: { minVotes: 3, minShareBp: 5_000 }, batchForm: 'dag-cbor', batchTree: 'fresh' },
    third: { ...RULES, tally: { minVotes: 4, minShareBp: 0 } },
  }
  const rules = (chain: FakeChain): RuleBook => ({
    present: RULES,
    rulesAt: async (epochId) => manifests[(await chain.manifestAt(epochId))?.cid ?? 'first'] as MarketRules,
  })
  const network = await start({ rules })
  const { chain, projects, validators } = network
  const announce = async (cid: string, fromEpochId: number) => {
    chain.setManifest({ cid, fromEpochId: fromEpochId as EpochId })
    await network.passBlocks(1)
  }
  await announce('first', 0)
  expect(await network.releaseEpoch()).toBe(FIRST)
  await announce('second', 2)
  await network.attested(FIRST, validators.length)
  expect(await network.releaseEpoch()).toBe(SECOND)
  await announce('third', 3)
  expect(await finality(network, FIRST)).toEqual([FINALIZED_BY_ALL, FINALIZED_BY_ALL])

  // The same votes, in smaller batches, of the compact form; the honest three are as many as it takes.
  await network.attested(SECOND, validators.length)
  expect((await finality(network, SECOND)).length).toBe(Math.ceil(projects.length / 2))
  const forms = async (epochId: EpochId) => new Set((await chain.batchCids(epochId)).map((batchCid) => batchCid.slice(0, 7)))
  expect([await forms(FIRST), await forms(SECOND)]).toEqual([new Set(['bafkrei']), new Set(['bafyrei'])])
  for (const projectId of projects) expect(await unproved(network, projectId, SECOND)).toBeUndefined()

  // Now it takes four of them.
  const THIRD = await network.releaseEpoch()
  await network.until(() => network.sequencer().epoch(THIRD)?.state === 'ended')
  expect(network.sequencer().epoch(THIRD)).toMatchObject({ reason: 'nothing_finalized' })
  expect(await network.batches(THIRD)).toEqual([])
})

test('where a market asks that bytes can be had, what is final is there though everybody who computed it is gone', async () => {
  const network = await start({ rules: () => sameRules({ ...RULES, availability: 'required' }) })
  const { ipfs, projects, validators } = network
  expect(await network.releaseEpoch()).toBe(FIRST)
  await network.attested(FIRST, validators.length)
  expect(network.sequencer().epoch(FIRST)?.kept?.bytes).toBeGreaterThan(0)
  for (const name of ['honest', 'honest too', 'liar']) ipfs.node(name).setConnected(false)
  for (const projectId of projects) expect(await unproved(network, projectId, FIRST)).toBeUndefined()
})

test('N25: a snapshotter that was away for epochs which are not decided yet gives, in the first one that it is back for, the aggregates of all', async () => {
  const network = await start()
  const { ipfs, projects, honestSlots, snapshotters, validators } = network
  const [there, away] = snapshotters as [(typeof snapshotters)[number], (typeof snapshotters)[number]]
  // Without the files no validator attests anything: finality is slow.
  for (let index = 1; index <= validators.length; index += 1) ipfs.node(`validator ${index}`).setConnected(false)
  expect(await network.releaseEpoch()).toBe(FIRST)
  await network.until(() => acceptedIds(network).length === projects.length * allSlots(network).length)
  away.cutPower()
  for (const epochId of [2, 3] as EpochId[]) {
    expect(await network.releaseEpoch()).toBe(epochId)
    await network.until(() => network.sequencer().epoch(epochId)?.state === 'ended')
  }

  await away.restart()
  const BACK = await network.releaseEpoch()
  for (const epochId of [2, 3] as EpochId[]) expect(await finality(network, epochId)).not.toContainEqual(FINALIZED_BY_ALL)
  await network.until(() => network.sequencer().epoch(BACK)?.state === 'ended')
  expect(
    away
      .current()
      .epochs()
      .map(({ state }) => state),
  ).toEqual(['done', 'skipped', 'skipped', 'done'])
  expect(
    away
      .current()
      .projects(BACK)
      .map(({ state, detail }) => [state, detail]),
  ).toEqual(projects.map(() => ['submitted', '']))

  const files = await Promise.all((await network.batches(BACK)).map(({ batchCid }) => network.file(batchCid)))
  const votes = files.flatMap(({ submissions }) => submissions.map(({ submission }) => submission.request))
  for (const projectId of projects) {
    const given = honestSlots.map((slotId) => votes.find((vote) => vote.projectId === projectId && vote.slotId === slotId)?.snapshotCid)
    expect(new Set(given)).toEqual(new Set([there.current().project(BACK, projectId)?.snapshotCid]))
  }
  // For the epochs that it was away for it has signed nothing, then or later.
  for (const epochId of [2, 3] as EpochId[]) expect(away.current().projects(epochId)).toEqual([])
})

test('epochs that come faster than they become final have their aggregates all the same, and what each was built on is what became final', async () => {
  const network = await start()
  const LAST = 4 as EpochId
  for (let epochId = FIRST; epochId <= LAST; epochId = (epochId + 1) as EpochId) {
    expect(await network.releaseEpoch()).toBe(epochId)
    await network.passBlocks(2)
  }
  expect((await network.chain.batchCids(FIRST)).length).toBe(0)
  await network.attested(LAST, 3)
  const usdOf = async (type: string, epochId: EpochId): Promise<number> =>
    ((await network.snapshot(projectOf(network, type), epochId)) as { usd: number }).usd
  for (let epochId = SECOND; epochId <= LAST; epochId = (epochId + 1) as EpochId) {
    const prices = [await usdOf('price', (epochId - 1) as EpochId), await usdOf('price', epochId)] as const
    expect(await usdOf('mean', epochId)).toBe((prices[0] + prices[1]) / 2)
  }
})

test('the same submissions give the same bytes: two runs of one seed anchor the same CIDs and roots', async () => {
  async function anchored(seed: number) {
    const network = await start({ seed })
    const batches = await network.attested(await network.releaseEpoch(), 3)
    return { batchCids: batches.map(({ batchCid }) => batchCid), roots: batches.map(({ rootHash }) => rootHash) }
  }
  const [once, again, other] = [await anchored(7), await anchored(7), await anchored(8)]
  expect(again).toEqual(once)
  // Another seed draws other submission ids, so other files; what was finalized is the same.
  expect(other.roots).toEqual(once.roots)
  expect(other.batchCids).not.toEqual(once.batchCids)
})

test('a sequencer that loses power in the middle of a window loses nothing that has a receipt', async () => {
  const network = await start()
  const votes = network.projects.length * allSlots(network).length
  await network.releaseEpoch()
  await network.cutPowerAtReceipt(votes / 2)
  const receipted = acceptedIds(network)
  expect(receipted.length).toBeGreaterThan(0)
  await network.passBlocks(2)
  expect(acceptedIds(network)).toEqual(receipted)

  await network.restartSequencer()
  await network.attested(FIRST, 3)
  const anchored = await anchoredIds(network, FIRST)
  expect(anchored).toEqual(expect.arrayContaining(receipted))
  // What had no receipt was sent again, and whatever of it was on the disk already counts once.
  expect([anchored.length, new Set(anchored).size]).toEqual([votes, votes])
  for (const projectId of network.projects) expect(await unproved(network, projectId, FIRST)).toBeUndefined()
})

describe('nobody has to be trusted', () => {
  test('a sequencer that swaps two results on chain gets no attestation of them, and what corrects them does', async () => {
    const swapped: ProjectId[] = []
    const anchoring = (call: ProtocolCall): ProtocolCall => {
      if (call.kind !== 'submitSubmissionBatch' || swapped.length > 0) return call
      const [first, second, ...others] = call.snapshotCids
      swapped.push(...call.projectIds.slice(0, 2))
      const snapshotCids = [second, first, ...others] as typeof call.snapshotCids
      return { ...call, snapshotCids, rootHash: publishedRoot(snapshotCids) }
    }
    const network = await start({ anchoring })
    await network.releaseEpoch()
    await network.until(() => network.validators.every((validator) => validator.batches(FIRST).length === 2))
    expect((await finality(network, FIRST)).slice(0, 2)).toEqual([[false, 0], FINALIZED_BY_ALL])

    // Each validator says on chain what it should have been.
    const { batchCid } = (await network.batches(FIRST))[0] as AnchoredBatch
    const root = publishedRoot((await network.file(batchCid)).snapshotCids)
    for (const validator of network.validators) {
      expect(validator.batches(FIRST)).toContainEqual(expect.objectContaining({ batchCid, state: 'attested', isDivergent: true, root }))
    }
    // The votes are counted again, and what they give takes the place of the lie: until then nothing of it was proved, now all of it is.
    await network.until(() => network.validators.every((validator) => validator.batches(FIRST).length === 3))
    expect(await finality(network, FIRST)).toEqual([[false, 0], FINALIZED_BY_ALL, FINALIZED_BY_ALL])
    for (const projectId of swapped) expect(await unproved(network, projectId, FIRST)).toBeUndefined()
  })

  test('a sequencer that throws votes away, and sends receipts for them, is refuted by those who heard them too, and what takes its place holds them', async () => {
    let lied = '' as ProjectId
    const dropping = ({ projectId, slotId, epochId }: SubmissionRequest): boolean => {
      const isHonest = epochId === FIRST && network.honestSlots.includes(slotId)
      if (isHonest && lied === '') lied = projectId
      return isHonest && projectId === lied
    }
    const network = await start({ dropping, rules: () => sameRules({ ...RULES, completeness: 'required' }) })
    await network.releaseEpoch()
    await network.until(async () => (await network.chain.snapshotStatus(lied, FIRST)).status === 'finalized')
    const files = await Promise.all((await network.batches(FIRST)).map(({ batchCid }) => network.file(batchCid)))
    const holding = files.filter(({ projectIds }) => projectIds.includes(lied))
    const slots = holding.map(({ submissions }) =>
      submissions.flatMap(({ submission: { request } }) => (request.projectId === lied ? [request.slotId] : [])),
    )
    expect(slots).toEqual([network.lyingSlots, allSlots(network)])
    for (const projectId of network.projects) expect(await unproved(network, projectId, FIRST)).toBeUndefined()
  })

  test('a validator that is given other bytes withholds its attestation; the others are a majority', async () => {
    const network = await start({ feeding: (bytes) => bytes.map((byte, index) => (index === bytes.length >> 1 ? byte ^ 1 : byte)) })
    const deceived = network.validators.at(-1)
    await network.releaseEpoch()
    const batches = await network.attested(FIRST, 2)
    await network.until(() => deceived?.batches(FIRST).length === batches.length)

    const finalizedByTwo = [true, 2]
    expect(await finality(network, FIRST)).toEqual([finalizedByTwo, finalizedByTwo])
    for (const { batchCid } of batches) expect(deceived?.evidence(FIRST, batchCid)?.failures).toMatchObject([{ check: 'cid' }])
    for (const projectId of network.projects) expect(await unproved(network, projectId, FIRST)).toBeUndefined()
  })
})

test('a compute that is not deterministic sets honest slots against each other, and the books name those that lost', async () => {
  const random = createSeededRandom(1)
  const computing = (computes: ComputeSet): ComputeSet => ({
    ...computes,
    snapshots: computes.snapshots.map((one) => ({ ...one, compute: async () => ({ usd: random.fraction() }) })),
  })
  const network = await start({ computing })
  const [, second] = network.honestSlots
  await network.releaseEpoch()
  await network.attested(FIRST, 3)
  // The first and the third slot are one process, which agrees with itself; alone, it would have won without anybody to doubt it.
  expect(network.sequencer().epoch(FIRST)?.outvotedSlots).toEqual([second, ...network.lyingSlots])
  const prices = network
    .sequencer()
    .epoch(FIRST)
    ?.projects.filter(({ projectId }) => projectId.startsWith('price:'))
  expect(prices?.map(({ votes, total }) => [votes, total])).toEqual(Array(3).fill([2, 4]))
})

test('links that break for half a window, with and without the delivery under way, lose nothing and count nothing twice', async () => {
  const network = await start()
  const votes = network.projects.length * allSlots(network).length
  network.links.setFaults({ breakRate: 0.3, dialFailureRate: 0.3, delayMsMax: 500 })
  await network.releaseEpoch()
  await network.passBlocks(4)
  network.links.breakLinks()
  network.links.setFaults({})
  await network.attested(FIRST, 3)

  expect(new Set(await anchoredIds(network, FIRST)).size).toBe(votes)
  expect(network.sequencer().epoch(FIRST)).toMatchObject({ accepted: votes, outvotedSlots: network.lyingSlots })
  // Some had arrived although their link broke before the receipt: sent again, they were recognised.
  expect(network.receipts.map(({ code }) => code)).toContain('duplicate')
  expect(network.collectors.map((collector) => collector.stats().endings.acknowledged)).toEqual([24, 8])
})
