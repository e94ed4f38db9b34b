import { expect, test } from 'vitest'
import type { Address, BlockNumber, Cid, EpochId, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import type { TallyPolicy } from '#domain/tally.ts'
import type { Ballot } from '#roles/sequencer/intake/ballot.ts'
import { parseBatchFile } from '#wire/batch-file.ts'
import { decodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import { batch as batchInTurns } from './batch.ts'
import { type CountedProject, finalize as finalizeInTurns } from './finalize.ts'

const CIDS = [
  'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri',
  'bafkreiauv3xrqehvesaqo23lw3awzn2zlq52izxbxklymbc54um2g2ii44',
] as Cid[]
const RULES = { batchForm: 'json', batchTree: 'cumulative', anchoring: 'projects', projectsPerBatch: 2 } as const
const never = async () => undefined
const finalize = (ballots: readonly Ballot[], policy: TallyPolicy) => finalizeInTurns(ballots, policy, never)
/** As the market asks for it, unless a test says otherwise. */
const batch = (counted: readonly CountedProject[], { bytesMax = 1_000_000, ...rules }: Partial<MarketRules> & { bytesMax?: number } = {}) =>
  batchInTurns(counted, { bytesMax, rules: { ...RULES, ...rules }, breathe: never })
const POLICY = { minVotes: 0, minShareBp: 0 }

function ballot(project: number, slot: number, cid = 0, signer = slot): Ballot {
  const submission = {
    request: {
      slotId: slot as SlotId,
      deadlineBlock: 500 as BlockNumber,
      snapshotCid: CIDS[cid] as Cid,
      epochId: 1 as EpochId,
      projectId: `p:${project}:N` as ProjectId,
    },
    signature: 'ab'.repeat(65),
    header: `0x${'01'.repeat(32)}`,
    dataMarket: `0x${'da'.repeat(20)}`,
    nodeVersion: 'v1',
    protocolState: '',
  }
  const submissionId = `00000000-0000-4000-8000-00000000${String(project).padStart(2, '0')}${String(slot).padStart(2, '0')}` as SubmissionId
  return {
    submission,
    submissionId,
    payload: new Uint8Array(),
    protocol: 'weft',
    signer: `0x${String(signer).padStart(40, '0')}` as Address,
  }
}

test('G2: a project’s votes are counted apart from the others, in the order of their slots', async () => {
  const counted = await finalize([ballot(1, 1), ballot(1, 2, 1), ballot(1, 3, 1), ballot(2, 1)], POLICY)
  expect(counted.map(({ projectId, ballots }) => [projectId, ballots.map(({ submission }) => submission.request.slotId)])).toEqual([
    ['p:1:N', [1, 2, 3]],
    ['p:2:N', [1]],
  ])
  expect(counted.map(({ result }) => result)).toMatchObject([
    { kind: 'finalized', snapshotCid: CIDS[1], outvotedSlots: [1] },
    { kind: 'finalized', snapshotCid: CIDS[0], outvotedSlots: [] },
  ])
})

test('G2: a tie goes to the CID with more distinct signers', async () => {
  const [counted] = await finalize([ballot(1, 1, 1, 9), ballot(1, 2, 1, 9), ballot(1, 3), ballot(1, 4)], POLICY)
  expect(counted?.result).toMatchObject({ snapshotCid: CIDS[0], isTie: true })
})

test('G2: a share is one of all slots that voted in the epoch, those included whose project is in no batch', async () => {
  const ballots = [ballot(1, 1), ballot(1, 2), ballot(1, 3), ballot(2, 3), ballot(2, 4), ballot(3, 5)]
  const reasons = async (minShareBp: number) =>
    (await finalize(ballots, { minVotes: 2, minShareBp })).map(({ result }) => (result.kind === 'omitted' ? result.reason : result.kind))
  expect(await reasons(4_000)).toEqual(['finalized', 'finalized', 'below_min_votes'])
  expect(await reasons(4_001)).toEqual(['finalized', 'below_min_share', 'below_min_votes'])
  expect(await reasons(6_001)).toEqual(['below_min_share', 'below_min_share', 'below_min_votes'])
})

test('G2: batches hold the finalized projects, all of their votes, and trees that go on from batch to batch', async () => {
  const weak = { minVotes: 2, minShareBp: 0 }
  const counted = await finalize(
    [1, 2, 3, 4].flatMap((project) => [1, 2].slice(0, project === 2 ? 1 : 2).map((slot) => ballot(project, slot))),
    weak,
  )
  const planned = await batch(counted)
  expect(planned.map(({ index, projectIds }) => [index, projectIds])).toEqual([
    [0, ['p:1:N', 'p:3:N']],
    [1, ['p:4:N']],
  ])
  const tree = createTree()
  for (const { file, batchCid, projectIds, snapshotCids, rootHash } of planned) {
    expect([batchCid, rootHash]).toEqual([await snapshotCidOf(file), publishedRoot(snapshotCids)])
    const decoded = decodeBatch(file)
    tree.append(decoded?.submissions.map(({ submissionId }) => submissionId) ?? [])
    expect(decoded).toMatchObject({ projectIds, snapshotCids, submissionsRoot: tree.publishedRoot() })
    expect(decoded?.submissions.map(({ submission: { request } }) => request.projectId)).toEqual(projectIds.flatMap((id) => [id, id]))
  }
})

test('G7: no batch has more bytes than the market allows, unless one project alone has', async () => {
  const counted = await finalize(
    [1, 2, 3].flatMap((project) => [1, 2, 3].map((slot) => ballot(project, slot))),
    POLICY,
  )
  const [whole] = await batch(counted, { projectsPerBatch: 9 })
  const bytesMax = Math.ceil(((whole?.file.length ?? 0) * 2.2) / 3)
  const cut = await batch(counted, { projectsPerBatch: 9, bytesMax })
  expect(cut.map(({ projectIds }) => projectIds.length)).toEqual([2, 1])
  for (const { file } of cut) expect(file.length).toBeLessThanOrEqual(bytesMax)
  expect(await batch(counted, { projectsPerBatch: 9, bytesMax: 1 })).toHaveLength(3)
})

test('without a finalized project there is no batch', async () => {
  expect(await batch(await finalize([ballot(1, 1)], { minVotes: 2, minShareBp: 0 }))).toEqual([])
})

test('S19, G2: the compact form has the same roots and projects, under a CID of its own, and takes a seventh of the bytes', async () => {
  const counted = await finalize(
    [1, 2, 3].flatMap((project) => Array.from({ length: 20 }, (_, slot) => ballot(project, slot + 1))),
    POLICY,
  )
  const [json, compact] = [await batch(counted), await batch(counted, { batchForm: 'dag-cbor' })]
  expect(compact.map(({ rootHash, projectIds }) => [rootHash, projectIds])).toEqual(
    json.map(({ rootHash, projectIds }) => [rootHash, projectIds]),
  )
  for (const [index, { batchCid, file }] of compact.entries()) {
    expect(batchCid).toMatch(/^bafyrei/)
    expect(parseBatchFile(file, batchCid)).toEqual({ ok: true, batch: decodeBatch(json[index]?.file as Uint8Array) })
    expect(file.length * 5).toBeLessThan(json[index]?.file.length ?? 0)
  }
})

test('S19, G2: a market may ask for a tree per batch', async () => {
  const counted = await finalize(
    [1, 2, 3].flatMap((project) => [1, 2].map((slot) => ballot(project, slot))),
    POLICY,
  )
  for (const { file } of await batch(counted, { batchTree: 'fresh' })) {
    const decoded = decodeBatch(file)
    expect(decoded?.submissionsRoot).toBe(publishedRoot(decoded?.submissions.map(({ submissionId }) => submissionId) ?? []))
  }
})

test('S20: others have their turn between projects, and between batches', async () => {
  const ballots = [1, 2, 3].flatMap((project) => [1, 2].map((slot) => ballot(project, slot)))
  const votes: number[] = []
  const breathe = async (count: number) => void votes.push(count)
  const counted = await finalizeInTurns(ballots, POLICY, breathe)
  expect(votes.splice(0)).toEqual([2, 2, 2])
  await batchInTurns(counted, { bytesMax: 1_000_000, rules: RULES, breathe })
  expect(votes).toEqual([2, 2, 2, 4, 4, 4, 4, 2, 2, 2, 2])
})
