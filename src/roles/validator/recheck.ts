import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import type { Address, Cid, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { type Votable, votableOf, type VoteRules } from '#domain/votable.ts'
import type { SubmissionWindow } from '#domain/window.ts'
import type { AnchoredBatch } from '#io/chain/port.ts'
import type { ManyRecoverer } from '#io/keys/port.ts'
import { batchCidOf, isBatchCid, readBatchFile } from '#wire/batch-file.ts'
import { readSignature, type SubmissionHasher } from '#wire/eip712.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import { createPairs, digestIn, signatureIn } from '#wire/signed-pairs.ts'
import { type Completed, completed, type CountedVote, type Hearsay, heardVotes, votersIn, type VotesOfProjects } from './complete.ts'
import { type BatchTraces, type Predecessors, rootWith, tracesOf } from './predecessors.ts'

/**
 * What is checked (spec/07 §3). Checks of level `integrity` ask whether the file is well formed and says what the chain was told; those of
 * level `tally`, whether its results follow from its submissions. Of these, each `submission_…` check concerns one submission, whose vote
 * does not count when it fails; `omitted_slot` names a vote that this validator heard itself and the batch does not hold (V16); the check `tally` compares the result of a project. That of level `recompute` compares it with the data itself
 * (`recompute.ts`).
 */
export const CHECKS = {
  cid: 'integrity',
  form: 'integrity',
  submission_ids_unique: 'integrity',
  projects_unique: 'integrity',
  projects_on_chain: 'integrity',
  cids_on_chain: 'integrity',
  projects_root: 'integrity',
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
  omitted_slot: 'tally',
  tally: 'tally',
  recompute: 'recompute',
} as const
export type Check = keyof typeof CHECKS
/** Each does what those before it do. */
export const LEVELS = ['integrity', 'tally', 'recompute'] as const
export type Level = (typeof LEVELS)[number]

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
/** Submissions looked at before other work of the process gets its turn: about 15 µs each. */
const SUBMISSIONS_PER_TURN = 256

export interface Findings {
  readonly level: Level
  readonly failures: readonly Failure[]
  /** The CID that this validator finds for each project, in the batch's order; `''` where it finds none. `undefined` when the file cannot be read. */
  readonly ownCids: readonly string[] | undefined
  /** The root over `ownCids`. */
  readonly ownRoot: Hash | undefined
  /** Heard here and not in the batch, signed as they are, so that everybody can check them: those of the failures `omitted_slot`. */
  readonly omitted?: readonly BatchedSubmission[]
  readonly traces: BatchTraces | undefined
}

export interface RecheckDeps {
  readonly level: Level
  readonly view: AnchorView
  readonly hasher: SubmissionHasher
  readonly recoverer: ManyRecoverer
  readonly heard: Hearsay
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
  const unreadable = () => withoutFile({ ...batch, forGood: true }, deps, failures)
  const cid = await batchCidOf(batch.bytes, batch.anchored.batchCid)
  if (cid !== batch.anchored.batchCid && isBatchCid(batch.anchored.batchCid)) {
    fail('cid', batch.anchored.batchCid, cid)
    return unreadable()
  }
  const parsed = await readBatchFile(batch.bytes, batch.anchored.batchCid, deps.breathe)
  if (!parsed.ok) {
    fail('form', 'a batch file', parsed.defect)
    return unreadable()
  }
  const file = parsed.batch
  checkStructure(file, batch, deps.view, fail)
  await checkRoots(file, batch, deps, fail)
  const own =
    deps.level !== 'integrity'
      ? await ownTally(file, batch, deps, fail)
      : { cids: file.snapshotCids, voters: new Set<SlotId>(), omitted: [] }
  const traces = tracesOf(file, own.voters)
  return {
    level: deps.level,
    failures,
    ownCids: own.cids,
    ownRoot: publishedRoot(own.cids),
    ...(own.omitted.length > 0 && { omitted: own.omitted }),
    traces,
  }
}

type Fail = (check: Check, expected: string, got: string, about?: { readonly projectId?: string; readonly slotId?: number }) => void

function checkStructure(file: Batch, { anchored, epoch, index, predecessors }: ToRecheck, view: AnchorView, fail: Fail): void {
  const rounds = view.rounds(epoch.epochId)
  const isRefuted = (place: number): boolean => rounds?.isRefuted(place) === true
  const ids = new Set<string>()
  for (const { submissionId } of file.submissions) {
    if (ids.has(submissionId)) fail('submission_ids_unique', 'once', submissionId)
    ids.add(submissionId)
  }
  const projects = new Set<ProjectId>()
  for (const projectId of file.projectIds) {
    if (projects.has(projectId) || predecessors.hasProject(index, projectId, isRefuted))
      fail('projects_unique', 'once in the epoch', 'twice', { projectId })
    projects.add(projectId)
  }
  // Of a batch that is anchored by its roots the chain lists nothing: both roots say the same of the file.
  if (anchored.projectIds === undefined) return
  compareLists('projects_on_chain', anchored.projectIds, file.projectIds, fail)
  compareLists('cids_on_chain', anchored.snapshotCids, file.snapshotCids, fail)
}

function compareLists(check: Check, onChain: readonly string[], inFile: readonly string[], fail: Fail): void {
  const longer = onChain.length > inFile.length ? onChain : inFile
  const position = longer.findIndex((_, index) => onChain[index] !== inFile[index])
  if (position >= 0) fail(check, onChain[position] ?? 'nothing', inFile[position] ?? 'nothing')
}

/**
 * Two roots: over the submission ids, in the order of the file and with the tree that the market asks for, and over the CIDs; of a batch that is
 * anchored by its roots also that over the projects. Where a market does not say which tree, either is right (spec/06 §7), and so it is in a round:
 * what is sent again must have another CID. Behind a batch that could not be read nobody can tell what a tree goes on from: that is no failure of
 * those behind it, which are judged by all else (V19).
 */
async function checkRoots(
  file: Batch,
  { anchored, epoch, index, predecessors, rules }: ToRecheck,
  { view, breathe }: RecheckDeps,
  fail: Fail,
): Promise<void> {
  const batchTree = (view.rounds(epoch.epochId)?.roundOf(index) ?? 0) > 0 ? 'either' : rules.batchTree
  const ids = file.submissions.map(({ submissionId }) => submissionId)
  const claimed = file.submissionsRoot.toLowerCase()
  const continued = batchTree === 'fresh' ? undefined : await predecessors.continuedRoot(index, ids, breathe)
  const fresh = batchTree === 'cumulative' ? undefined : await rootWith(createTree(), ids, breathe)
  const isUntold = batchTree !== 'fresh' && continued === undefined
  if (claimed !== continued && claimed !== fresh && !isUntold) fail('submissions_root', `${continued ?? fresh}`, claimed)
  const cidsRoot = publishedRoot(file.snapshotCids)
  if (cidsRoot !== anchored.rootHash.toLowerCase()) fail('cids_root', cidsRoot, anchored.rootHash)
  if (anchored.projectsRootHash === undefined) return
  // A vote names the root over the CIDs alone: of which projects they are, this one says.
  const projectsRoot = publishedRoot(file.projectIds)
  if (projectsRoot !== anchored.projectsRootHash) fail('projects_root', projectsRoot, anchored.projectsRootHash)
}

/** By what the submissions of a file are judged. */
export type JudgedBy = Pick<ToRecheck, 'epoch' | 'rules' | 'window'>

/** What a submission is before its signature is looked at: who must have signed it, or why it does not count anyhow. */
type Judged = Address | Extract<Votable, { readonly ok: false }>

async function validVotes(file: Batch, judgedBy: JudgedBy, deps: RecheckDeps, fail: Fail): Promise<VotesOfProjects> {
  const votes = new Map<ProjectId, Map<SlotId, CountedVote>>(file.projectIds.map((projectId) => [projectId, new Map()]))
  const judged: Judged[] = []
  const signed = createPairs(file.submissions.length)
  const voteRules = voteRulesOf(judgedBy, deps)
  for (const [index, { submission }] of file.submissions.entries()) {
    if (index % SUBMISSIONS_PER_TURN === SUBMISSIONS_PER_TURN - 1) await deps.breathe()
    const votable = votableOf(submission, voteRules)
    judged.push(votable.ok ? votable.signer : votable)
    if (votable.ok && readSignature(submission.signature, signatureIn(signed, index)))
      digestIn(signed, index).set(deps.hasher.digest(submission.request))
  }
  const signers = await deps.recoverer.recoverMany(signed)
  for (const [index, batched] of file.submissions.entries()) {
    const { projectId, slotId, snapshotCid } = batched.submission.request
    const about = { projectId, slotId }
    const ofProject = votes.get(projectId)
    const expected = judged[index] as Judged
    if (ofProject === undefined) fail('submission_project', 'a project of the batch', projectId, about)
    else if (typeof expected !== 'string') fail(expected.check, expected.expected, expected.got, about)
    else if (signers[index] !== expected) fail('submission_signature', expected, signers[index] ?? 'no signer', about)
    else if (ofProject.has(slotId)) fail('submission_once', 'one vote per slot', batched.submissionId, about)
    else ofProject.set(slotId, { slotId, signer: expected, snapshotCid, batched })
  }
  return votes
}

const voteRulesOf = ({ epoch, rules, window }: JudgedBy, { view }: Pick<RecheckDeps, 'view'>): VoteRules => ({
  ...rules,
  epochId: epoch.epochId,
  window,
  view,
})

/**
 * Slots of which the file holds a valid vote, for the share that later batches of the epoch are judged by. Of a batch that is not judged any
 * more they are worked out again, so that a restart changes nothing about those after it; where no share is asked for, nobody needs them.
 */
export async function votersOf(file: Batch, judgedBy: JudgedBy, deps: RecheckDeps): Promise<ReadonlySet<SlotId>> {
  if (deps.level === 'integrity' || judgedBy.rules.tally.minShareBp === 0) return new Set()
  return votersIn(await validVotes(file, judgedBy, deps, () => undefined))
}

/** What the valid submissions of a file give for one of its projects. */
export interface OwnResult {
  readonly projectId: ProjectId
  readonly snapshotCid: Cid
  /** Each slot's first valid one, by slot. */
  readonly submissions: readonly BatchedSubmission[]
}

/** The results of these projects as this validator finds them, with what it heard where the market asks for that; of one in which none wins, nothing. */
export async function ownResults(
  file: Batch,
  projectIds: readonly ProjectId[],
  judgedBy: JudgedBy,
  deps: RecheckDeps,
): Promise<readonly OwnResult[]> {
  const inBatch = await validVotes(file, judgedBy, deps, () => undefined)
  const heard = heardVotes(deps.heard, voteRulesOf(judgedBy, deps))
  return projectIds.flatMap((projectId) => {
    const { result, votes } = completed(projectId, { inBatch, heard, voters: votersIn(inBatch) }, judgedBy.rules)
    const submissions = votes.map(({ batched }) => batched)
    return result.kind === 'finalized' ? [{ projectId, snapshotCid: result.snapshotCid, submissions }] : []
  })
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
): Promise<{ readonly cids: readonly string[]; readonly voters: ReadonlySet<SlotId>; readonly omitted: readonly BatchedSubmission[] }> {
  const inBatch = await validVotes(file, batch, deps, fail)
  const voters = votersIn(inBatch)
  const heard = heardVotes(deps.heard, voteRulesOf(batch, deps))
  const projects = file.projectIds.map((projectId) => {
    const all = { inBatch, heard, voters: batch.predecessors.votersWith(batch.index, voters) }
    return { projectId, ...completed(projectId, all, batch.rules) }
  })
  const cids = projects.map(({ projectId, result, lacking }, position) => {
    for (const { slotId, snapshotCid } of lacking) fail('omitted_slot', snapshotCid, 'no valid vote', { projectId, slotId })
    const own = cidOf(result)
    const claimed = file.snapshotCids[position] ?? ''
    if (own !== claimed) fail('tally', own === '' ? 'no result' : own, claimed, { projectId })
    return own
  })
  const omitted = projects.flatMap(({ lacking }) => lacking.map(({ batched }) => batched)).slice(0, FAILURES_MAX)
  return { cids, voters, omitted }
}

const cidOf = (result: Completed['result']): string => (result.kind === 'finalized' ? result.snapshotCid : '')

/**
 * What is to be said of a batch whose file cannot be read, where the market asks for completeness and enough was heard of its projects for one
 * to have a winner; else nothing (V17). `forGood`: it never can be, so it gives none of them a result, whatever each validator heard. A file
 * that only does not come may yet be right: what was heard decides whether it is.
 */
export function withoutFile(
  { anchored, forGood, ...judgedBy }: JudgedBy & Pick<ToRecheck, 'anchored'> & { readonly forGood: boolean },
  deps: RecheckDeps,
  failures: readonly Failure[],
): Findings {
  const silent: Findings = { level: deps.level, failures, ownCids: undefined, ownRoot: undefined, traces: undefined }
  const { projectIds } = anchored
  if (deps.level === 'integrity' || projectIds === undefined) return silent
  const heard = heardVotes(deps.heard, voteRulesOf(judgedBy, deps))
  const votes = { inBatch: new Map(), heard, voters: votersIn(heard) }
  const winners = projectIds.map((projectId) => cidOf(completed(projectId, votes, judgedBy.rules).result))
  if (winners.every((cid) => cid === '')) return silent
  const ownCids = forGood ? winners.map(() => '') : winners
  return { ...silent, ownCids, ownRoot: publishedRoot(ownCids) }
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
