import { anchorGas, type BatchedSubmission, type BatchLimits, type BatchShare, FINAL_PROJECT_GAS, splitIntoBatches } from '#domain/batch.ts'
import type { Cid, Hash, ProjectId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { type BatchFile, batchFile, fileBytesMax, submissionsBytes } from '#wire/batch-file.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import type { CountedProject } from './finalize.ts'
import type { Breathe } from './turns.ts'

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

/** One that was just made, with what is written down of it. */
export type FreshBatch = PlannedBatch & Pick<BatchFile, 'compact'>

/** Of what a transaction may have: what a project takes is known for sure only when it is mined. */
const GAS_SHARE = 0.8

/**
 * The epoch's batches: projects by id, within a project submissions by slot, cut by number, bytes and gas. The tree of submission ids goes on
 * from batch to batch (DESIGN §4), unless the market wants one for each. Pure: the same counted projects give the same bytes and CIDs (G2).
 * Between two batches, and between the tree and the file of one, the rest of the process has its turn.
 */
export async function batch(
  projects: readonly CountedProject[],
  limits: Pick<BatchLimits, 'bytesMax' | 'gasMax'>,
  { batchForm, batchTree, anchoring, projectsPerBatch }: Pick<MarketRules, 'batchForm' | 'batchTree' | 'anchoring' | 'projectsPerBatch'>,
  breathe: Breathe,
): Promise<readonly FreshBatch[]> {
  let tree = createTree()
  const sized: SizedProject[] = []
  for (const project of projects) {
    sized.push(...sizedProject(project, batchForm))
    await breathe(project.ballots.length)
  }
  const bytesMax = Math.min(limits.bytesMax, fileBytesMax(batchForm))
  const parts = splitIntoBatches(sized, {
    bytesMax,
    projectsMax: projectsPerBatch,
    gasMax: anchoring === 'roots' ? Number.POSITIVE_INFINITY : limits.gasMax * GAS_SHARE,
  })
  const planned: FreshBatch[] = []
  for (const [index, part] of parts.entries()) {
    if (batchTree === 'fresh') tree = createTree()
    const submissions = part.flatMap((project) => project.submissions)
    for (const { submissionId } of submissions) tree.append(submissionId)
    await breathe(submissions.length)
    const projectIds = part.map((project) => project.projectId)
    const snapshotCids = part.map((project) => project.snapshotCid)
    const content = { submissions, submissionsRoot: tree.publishedRoot(), projectIds, snapshotCids }
    const roots = { rootHash: publishedRoot(snapshotCids), ...(anchoring === 'roots' && { projectsRootHash: publishedRoot(projectIds) }) }
    planned.push({ index, ...(await batchFile(content, batchForm)), projectIds, snapshotCids, ...roots })
    await breathe(submissions.length)
  }
  return planned
}

interface SizedProject extends BatchShare {
  readonly projectId: ProjectId
  readonly snapshotCid: Cid
  readonly submissions: readonly BatchedSubmission[]
}

/** Projects that were not finalized are in no batch. */
function sizedProject({ projectId, result, ballots }: CountedProject, form: MarketRules['batchForm']): SizedProject[] {
  if (result.kind !== 'finalized') return []
  const { snapshotCid } = result
  const bytes = projectId.length + snapshotCid.length + submissionsBytes(ballots, form)
  // The vote that makes the batch final must fit into a transaction as well as the call that anchors it.
  const gas = Math.max(anchorGas(projectId, snapshotCid), FINAL_PROJECT_GAS)
  return [{ projectId, snapshotCid, submissions: ballots, bytes, gas }]
}
