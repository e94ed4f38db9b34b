import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import type { Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { tally, type Vote } from '#domain/tally.ts'
import { votableOf } from '#domain/votable.ts'
import type { SubmissionWindow } from '#domain/window.ts'
import type { AnchoredBatch } from '#io/chain/port.ts'
import type { Recoverer } from '#io/keys/port.ts'
import { batchCidOf, isBatchCid, parseBatchFile } from '#wire/batch-file.ts'
import { parseSignature, type SubmissionHasher } from '#wire/eip712.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { type BatchTraces, type Predecessors, tracesOf } from './predecessors.ts'

/**
 * What is checked (spec/07 §3). Checks of level `integrity` ask whether the file is well formed and says what the chain was told; those of
 * level `tally`, whether its results follow from its submissions. Of these, each `submission_…` check concerns one submission, whose vote
 * does not count when it fails; the check `tally` compares the result of a project.
 */
export const CHECKS = {
  cid: 'integrity',
  form: 'integrity',
  submission_ids_unique: 'integrity',
  projects_unique: 'integrity',
  projects_on_chain: 'integrity',
  cids_on_chain: 'integrity',
  submissions_root: 'integrity',
  cids_root: 'integrity',
  submission_project: 'tally',
  submission_epoch: 'tally',
  submission_namespace: 'tally',
  submission_listed: 'tally',
  submission_header: 'tally',
  submission_deadline: 'tally',
  submission_slot: 'tally',
  submission_signature: 'tally',
  submission_once: 'tally',
  tally: 'tally',
} as const
export type Check = keyof typeof CHECKS
export type Level = 'integrity' | 'tally'

export interface Failure {
  readonly check: Check
  readonly projectId: string
  /** 0 when no slot is concerned. */
  readonly slotId: number
  readonly expected: string
  readonly got: string
}

/** Failures kept per batch: the first is proof enough, the others help people to see what went wrong. */
const FAILURES_MAX = 1_000
/** Submissions checked before other work of the process gets its turn: a signature takes about 80 µs, so this is about 20 ms. */
const SIGNATURES_PER_TURN = 256

export interface Findings {
  readonly level: Level
  readonly failures: readonly Failure[]
  /** The CID that this validator finds for each project, in the batch's order; `''` where it finds none. `undefined` when the file cannot be read. */
  readonly ownCids: readonly string[] | undefined
  /** The root over `ownCids`. */
  readonly ownRoot: Hash | undefined
  readonly traces: BatchTraces | undefined
}

export interface RecheckDeps {
  readonly level: Level
  readonly view: AnchorView
  readonly hasher: SubmissionHasher
  readonly recoverer: Recoverer
  /** Resolves after other work of the process had its turn. */
  breathe(): Promise<void>
}

export interface ToRecheck {
  readonly bytes: Uint8Array
  readonly anchored: AnchoredBatch
  readonly epoch: ReleasedEpoch
  /** Of the epoch. */
  readonly rules: MarketRules
  /** Of submissions. */
  readonly window: SubmissionWindow
  /** Place of the batch among those of the epoch, in the order of the chain, from 0. */
  readonly index: number
  /** The epoch's earlier batches. */
  readonly predecessors: Predecessors
}

/** Works out again, from the submissions in the file and from the chain, all that the batch claims. Nothing that the sequencer wrote is believed (V1). */
export async function recheck(batch: ToRecheck, deps: RecheckDeps): Promise<Findings> {
  const failures: Failure[] = []
  const fail: Fail = (check, expected, got, about = {}) => {
    if (failures.length < FAILURES_MAX) failures.push({ check, projectId: about.projectId ?? '', slotId: about.slotId ?? 0, expected, got })
  }
  const unreadable: Findings = { level: deps.level, failures, ownCids: undefined, ownRoot: undefined, traces: undefined }
  const cid = await batchCidOf(batch.bytes, batch.anchored.batchCid)
  if (cid !== batch.anchored.batchCid && isBatchCid(batch.anchored.batchCid)) {
    fail('cid', batch.anchored.batchCid, cid)
    return unreadable
  }
  const parsed = parseBatchFile(batch.bytes, batch.anchored.batchCid)
  if (!parsed.ok) {
    fail('form', 'a batch file', parsed.defect)
    return unreadable
  }
  const file = parsed.batch
  checkStructure(file, batch, fail)
  checkRoots(file, batch, fail)
  const own = deps.level === 'tally' ? await ownTally(file, batch, deps, fail) : { cids: file.snapshotCids, voters: new Set<SlotId>() }
  const traces = tracesOf(file, own.voters)
  return { level: deps.level, failures, ownCids: own.cids, ownRoot: publishedRoot(own.cids), traces }
}

type Fail = (check: Check, expected: string, got: string, about?: { readonly projectId?: string; readonly slotId?: number }) => void

function checkStructure(file: Batch, { anchored, index, predecessors }: ToRecheck, fail: Fail): void {
  const ids = new Set<string>()
  for (const { submissionId } of file.submissions) {
    if (ids.has(submissionId)) fail('submission_ids_unique', 'once', submissionId)
    ids.add(submissionId)
  }
  const projects = new Set<ProjectId>()
  for (const projectId of file.projectIds) {
    if (projects.has(projectId) || predecessors.hasProject(index, projectId))
      fail('projects_unique', 'once in the epoch', 'twice', { projectId })
    projects.add(projectId)
  }
  compareLists('projects_on_chain', anchored.projectIds, file.projectIds, fail)
  compareLists('cids_on_chain', anchored.snapshotCids, file.snapshotCids, fail)
}

function compareLists(check: Check, onChain: readonly string[], inFile: readonly string[], fail: Fail): void {
  const longer = onChain.length > inFile.length ? onChain : inFile
  const position = longer.findIndex((_, index) => onChain[index] !== inFile[index])
  if (position >= 0) fail(check, onChain[position] ?? 'nothing', inFile[position] ?? 'nothing')
}

/** Two roots: over the submission ids, in the order of the file and with the tree that the market asks for, and over the CIDs. */
function checkRoots(file: Batch, { anchored, index, predecessors, rules: { batchTree } }: ToRecheck, fail: Fail): void {
  const ids = file.submissions.map(({ submissionId }) => submissionId)
  const claimed = file.submissionsRoot.toLowerCase()
  const continued = batchTree === 'fresh' ? undefined : predecessors.continuedRoot(index, ids)
  const fresh = batchTree === 'cumulative' ? undefined : publishedRoot(ids)
  if (claimed !== continued && claimed !== fresh)
    fail('submissions_root', continued ?? (batchTree === 'fresh' ? `${fresh}` : 'unknown: an earlier batch is missing'), claimed)
  const cidsRoot = publishedRoot(file.snapshotCids)
  if (cidsRoot !== anchored.rootHash.toLowerCase()) fail('cids_root', cidsRoot, anchored.rootHash)
}

/** The valid votes of a file, by project: each slot's first. */
type VotesOfProjects = ReadonlyMap<ProjectId, ReadonlyMap<SlotId, Vote>>

/** By what the submissions of a file are judged. */
export type JudgedBy = Pick<ToRecheck, 'epoch' | 'rules' | 'window'>

async function validVotes(file: Batch, judgedBy: JudgedBy, deps: RecheckDeps, fail: Fail): Promise<VotesOfProjects> {
  const votes = new Map<ProjectId, Map<SlotId, Vote>>(file.projectIds.map((projectId) => [projectId, new Map()]))
  for (const [position, submission] of file.submissions.entries()) {
    if (position % SIGNATURES_PER_TURN === SIGNATURES_PER_TURN - 1) await deps.breathe()
    const { request } = submission.submission
    const about = { projectId: request.projectId, slotId: request.slotId }
    const ofProject = votes.get(request.projectId)
    if (ofProject === undefined) {
      fail('submission_project', 'a project of the batch', request.projectId, about)
      continue
    }
    const vote = validVote(submission, judgedBy, deps, (check, expected, got) => fail(check, expected, got, about))
    if (vote === undefined) continue
    if (ofProject.has(request.slotId)) fail('submission_once', 'one vote per slot', submission.submissionId, about)
    else ofProject.set(request.slotId, vote)
  }
  return votes
}

const votersIn = (votes: VotesOfProjects): ReadonlySet<SlotId> => new Set([...votes.values()].flatMap((ofProject) => [...ofProject.keys()]))

/**
 * Slots of which the file holds a valid vote, for the share that later batches of the epoch are judged by. Of a batch that is not judged any
 * more they are worked out again, so that a restart changes nothing about those after it; where no share is asked for, nobody needs them.
 */
export async function votersOf(file: Batch, judgedBy: JudgedBy, deps: RecheckDeps): Promise<ReadonlySet<SlotId>> {
  if (deps.level !== 'tally' || judgedBy.rules.tally.minShareBp === 0) return new Set()
  return votersIn(await validVotes(file, judgedBy, deps, () => undefined))
}

/**
 * Counts every project's votes again, those only that this validator finds valid (V1). The slots that voted in the epoch are those of its
 * batches up to this one: all of them were counted by an honest sequencer too, and perhaps more, so that none of its results fails here.
 */
async function ownTally(
  file: Batch,
  batch: ToRecheck,
  deps: RecheckDeps,
  fail: Fail,
): Promise<{ readonly cids: readonly string[]; readonly voters: ReadonlySet<SlotId> }> {
  const votes = await validVotes(file, batch, deps, fail)
  const voters = votersIn(votes)
  const slotsInEpoch = batch.predecessors.votersWith(batch.index, voters)
  const cids = file.projectIds.map((projectId, position) => {
    const ofProject = [...(votes.get(projectId)?.values() ?? [])].sort((left, right) => left.slotId - right.slotId)
    const result = tally(ofProject, batch.rules.tally, slotsInEpoch)
    const own = result.kind === 'finalized' ? result.snapshotCid : ''
    const claimed = file.snapshotCids[position] ?? ''
    if (own !== claimed) fail('tally', own === '' ? 'no result' : own, claimed, { projectId })
    return own
  })
  return { cids, voters }
}

/** The vote of one submission; `undefined` when it does not count (V1). */
function validVote(
  { submission }: BatchedSubmission,
  { epoch, rules, window }: JudgedBy,
  deps: RecheckDeps,
  fail: (check: Check, expected: string, got: string) => void,
): Vote | undefined {
  const { request } = submission
  const votable = votableOf(submission, { ...rules, epochId: epoch.epochId, window, view: deps.view })
  if (!votable.ok) return void fail(votable.check, votable.expected, votable.got)
  const signature = parseSignature(submission.signature)
  const signer = signature && deps.recoverer.recover(deps.hasher.digest(request), signature)
  if (signer !== votable.signer) return void fail('submission_signature', votable.signer, signer ?? 'no signer')
  return { slotId: request.slotId, signer, snapshotCid: request.snapshotCid }
}

/**
 * The root to attest: this validator's own where it differs from the sequencer's; otherwise the sequencer's if no integrity check failed.
 * A file that fails one and whose results are right gets no attestation: there is no root that would say so. `undefined` then, and when
 * the file could not be read.
 */
export function rootToAttest({ failures, ownRoot }: Findings, anchored: AnchoredBatch): Hash | undefined {
  if (ownRoot === undefined) return undefined
  if (ownRoot !== anchored.rootHash) return ownRoot
  return failures.some(({ check }) => CHECKS[check] === 'integrity') ? undefined : anchored.rootHash
}
