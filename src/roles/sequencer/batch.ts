import { type BatchedSubmission, type BatchLimits, splitIntoBatches } from '#domain/batch.ts'
import type { Cid, Hash, ProjectId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { encodeBatch, submissionBytes } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import type { CountedProject } from './finalize.ts'

/** A batch of the epoch as it will be on IPFS and on chain. */
export interface PlannedBatch {
  /** From 0, in the order in which the epoch's batches continue one another. */
  readonly index: number
  readonly batchCid: Cid
  readonly projectIds: readonly ProjectId[]
  readonly snapshotCids: readonly Cid[]
  /** Published root over `snapshotCids`: `finalizedCidsRootHash` on chain. */
  readonly rootHash: Hash
  /** Published root over `projectIds`, where that is all the chain is told of them. */
  readonly projectsRootHash?: Hash
  readonly file: Uint8Array
}

/**
 * The epoch's batches: projects by id, within a project submissions by slot, cut by number and bytes. The tree of submission ids goes on
 * from batch to batch (DESIGN §4). Pure: the same counted projects give the same bytes and CIDs (G2).
 */
export async function batch(
  projects: readonly CountedProject[],
  { anchoring, ...limits }: BatchLimits & Pick<MarketRules, 'anchoring'>,
): Promise<readonly PlannedBatch[]> {
  const submissionTree = createTree()
  const parts = splitIntoBatches(projects.flatMap(sized), limits)
  const planned: PlannedBatch[] = []
  for (const [index, part] of parts.entries()) {
    const submissions = part.flatMap((project) => project.submissions)
    for (const { submissionId } of submissions) submissionTree.append(submissionId)
    const projectIds = part.map((project) => project.projectId)
    const snapshotCids = part.map((project) => project.snapshotCid)
    const file = encodeBatch({ submissions, submissionsRoot: submissionTree.publishedRoot(), projectIds, snapshotCids })
    const roots = { rootHash: publishedRoot(snapshotCids), ...(anchoring === 'roots' && { projectsRootHash: publishedRoot(projectIds) }) }
    planned.push({ index, batchCid: await snapshotCidOf(file), projectIds, snapshotCids, ...roots, file })
  }
  return planned
}

interface SizedProject {
  readonly projectId: ProjectId
  readonly snapshotCid: Cid
  readonly submissions: readonly BatchedSubmission[]
  readonly bytes: number
}

/** Projects that were not finalized are in no batch. */
function sized({ projectId, result, ballots }: CountedProject): SizedProject[] {
  if (result.kind !== 'finalized') return []
  const submissions = ballots.map(({ submissionId, submission }) => ({ submissionId, submission }))
  const bytes = submissions.reduce((sum, submission) => sum + submissionBytes(submission), projectId.length + result.snapshotCid.length)
  return [{ projectId, snapshotCid: result.snapshotCid, submissions, bytes }]
}
