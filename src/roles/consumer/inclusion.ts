import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import type { Cid, EpochId, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import { checkInclusion, type InclusionProof, inclusionInBatch, inclusionProof } from '#wire/inclusion.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { batchesUpTo, createReadFile, type FindDeps, isOnChain, type OpenBatch } from './find-batch.ts'
import { type DataStatus, isOpenToBatches } from './reported.ts'

/** A submission in a batch that the chain names: the file is what its CID says, and both roots lead to it. */
export interface IncludedSubmission {
  readonly epochId: EpochId
  readonly batchCid: Cid
  readonly status: Exclude<DataStatus, 'absent'>
  readonly slotId: SlotId
  readonly projectId: ProjectId
  /** What it voted for. */
  readonly snapshotCid: Cid
  /** Its id, under the root that the batch file names: the file is on chain by its CID. */
  readonly submission: InclusionProof
  /** The batch has it under another id than it was asked for: several votes bear that one. */
  readonly isRenamed: boolean
  /** The CID that won, under the root that is on chain itself. */
  readonly result: InclusionProof
}

/** One slot has one vote for a project and epoch, whatever id it came with. */
export interface Voter {
  readonly slotId: SlotId
  readonly projectId: ProjectId
}

interface InclusionOptions {
  readonly submissionId: SubmissionId
  readonly epochId: EpochId
  /** Whose vote is meant. Of an id that several votes bear none has it in its batch: it is found by this alone. */
  readonly voter?: Voter | undefined
  readonly signal: AbortSignal
}

/** Why a submission is not proved, and what is known of the epoch all the same. */
export interface NotIncluded {
  readonly why: string
  /** All batches of the epoch were read, and none holds it. */
  readonly isNowhere: boolean
  /** Those that have a result for the project of the voter. */
  readonly rivals: readonly Pick<OpenBatch, 'batchCid' | 'isFinalized'>[]
}

/** As `lookFor`, for who wants no more than the sentence. */
export async function proveInclusion(options: InclusionOptions, deps: FindDeps): Promise<IncludedSubmission | string> {
  const found = await lookFor(options, deps)
  return 'why' in found ? found.why : found
}

/**
 * Finds the submission in the epoch's batches and proves it, with nothing but the chain and whoever serves the files; or says why it
 * cannot be proved. Of several batches the last counts: it took over from those that the validators refused. Throws as the chain does.
 */
export async function lookFor(options: InclusionOptions, deps: FindDeps): Promise<IncludedSubmission | NotIncluded> {
  const { epochId, submissionId, voter, signal } = options
  // Before the batches, as `reportedOf` does.
  const isOpen = await isOpenToBatches(epochId, deps.chain)
  const listed = await batchesUpTo({ projectId: '' as ProjectId, epochId }, deps.chain)
  if (typeof listed === 'string') return { why: listed, isNowhere: false, rivals: [] }
  const readFile = createReadFile(deps, signal)
  const before: string[] = []
  const rivals: OpenBatch[] = []
  let gap: string | undefined
  let found: IncludedSubmission | string | undefined
  for (const anchored of listed) {
    const batch = isOnChain(anchored) ? await readFile(anchored) : anchored.unreadable
    if (typeof batch === 'string' || !isOnChain(anchored)) {
      gap = String(batch)
      continue
    }
    const ids = batch.submissions.map((each) => each.submissionId)
    const index = batch.submissions.findIndex((each) =>
      voter === undefined ? each.submissionId.toLowerCase() === submissionId : isOf(voter, each, epochId),
    )
    if (index >= 0) found = inBatch({ batch, anchored, ids, index, before, gap }, options)
    if (index >= 0 && anchored.isRefused !== true) break
    if (voter !== undefined && batch.projectIds.includes(voter.projectId)) rivals.push(anchored)
    for (const id of ids) before.push(id)
  }
  if (found !== undefined) return typeof found === 'string' ? { why: found, isNowhere: false, rivals } : found
  const unread = gap === undefined ? '' : `, as far as they can be read: ${gap}`
  const otherwise = voter === undefined ? '; one whose id other votes bear too is found by its slot and project' : ''
  const soFar = isOpen ? ' so far, and the epoch has not ended' : ''
  const none =
    listed.length === 0
      ? `epoch ${epochId} has no batch`
      : listed.length === 1
        ? `the batch of epoch ${epochId} does not hold it`
        : `none of the ${listed.length} batches of epoch ${epochId} holds it`
  const toCome = listed.length === 0 ? await whyToCome(epochId, deps.chain) : undefined
  const why = toCome ?? `${none}${soFar}${unread}${otherwise}`
  return { why, isNowhere: gap === undefined, rivals }
}

async function whyToCome(epochId: EpochId, chain: FindDeps['chain']): Promise<string | undefined> {
  const { epochId: newest } = await chain.currentEpoch()
  return epochId > newest ? `epoch ${epochId} is not released yet, the newest is ${newest}` : undefined
}

const isOf = ({ slotId, projectId }: Voter, { submission: { request } }: BatchedSubmission, epochId: EpochId): boolean =>
  request.slotId === slotId && request.projectId === projectId && request.epochId === epochId

interface Candidate {
  readonly batch: Batch
  readonly anchored: OpenBatch
  readonly ids: readonly string[]
  readonly index: number
  /** Ids of the epoch's batches before it. */
  readonly before: readonly string[]
  /** Which of those batches cannot be read, and why. */
  readonly gap: string | undefined
}

function inBatch(
  { batch, anchored, ids, index, before, gap }: Candidate,
  { epochId, submissionId }: InclusionOptions,
): IncludedSubmission | string {
  const { batchCid, rootHash, projectsRootHash } = anchored
  const request = batch.submissions[index]?.submission.request
  if (request?.epochId !== epochId) return `batch ${batchCid} holds it for epoch ${request?.epochId}`
  const submission = inclusionInBatch({ ids, root: batch.submissionsRoot }, { index, before: gap === undefined ? before : [] })
  if (submission === undefined || !checkInclusion(submission, batch.submissionsRoot)) {
    const unless = gap === undefined ? '' : `, unless they continue the epoch's tree, which cannot be told: ${gap}`
    return `batch ${batchCid} says ${batch.submissionsRoot}, its submission ids give another root${unless}`
  }
  const result = inclusionProof(batch.snapshotCids, batch.projectIds.indexOf(request.projectId))
  if (result === undefined) return `batch ${batchCid} holds it, and no result for ${request.projectId}`
  if (!checkInclusion(result, rootHash)) return `the CIDs of batch ${batchCid} give ${result.root}, the chain has ${rootHash}`
  if (projectsRootHash !== undefined && publishedRoot(batch.projectIds) !== projectsRootHash)
    return `the projects of batch ${batchCid} give another root than ${projectsRootHash}, which the chain has`
  const status = anchored.isFinalized ? 'finalized' : anchored.isRefused === true ? 'disputed' : 'pending'
  const { slotId, projectId, snapshotCid } = request
  const isRenamed = submission.text.toLowerCase() !== submissionId
  return { epochId, batchCid, status, slotId, projectId, snapshotCid, submission, isRenamed, result }
}
