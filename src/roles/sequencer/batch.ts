import { anchorGas, type BatchedSubmission, type BatchLimits, type BatchShare, splitIntoBatches } from '#domain/batch.ts'
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
  readonly file: Uint8Array
}

/** One that was just made, with what is written down of it. */
export type FreshBatch = PlannedBatch & Pick<BatchFile, 'compact'>

/** Four fifths of the smallest block that a market's chain may have (docs/CONTRACTS.md). */
const ANCHOR_GAS_MAX = 24_000_000

/**
 * The epoch's batches: projects by id, within a project submissions by slot, cut by number, bytes and gas. The tree of submission ids goes on
 * from batch to batch (DESIGN §4), unless the market wants one for each. Pure: the same counted projects give the same bytes and CIDs (G2).
 * Between two batches, and between the tree and the file of one, the rest of the process has its turn.
 */
export async function batch(
  projects: readonly CountedProject[],
  limits: Pick<BatchLimits, 'bytesMax'>,
  { batchForm, batchTree, projectsPerBatch }: Pick<MarketRules, 'batchForm' | 'batchTree' | 'projectsPerBatch'>,
  breathe: Breathe,
): Promise<readonly FreshBatch[]> {
  let tree = createTree()
  const sized: SizedProject[] = []
  for (const project of projects) {
    sized.push(...sizedProject(project, batchForm))
    await breathe(project.ballots.length)
  }
  const bytesMax = Math.min(limits.bytesMax, fileBytesMax(batchForm))
  const parts = splitIntoBatches(sized, { bytesMax, projectsMax: projectsPerBatch, gasMax: ANCHOR_GAS_MAX })
  const planned: FreshBatch[] = []
  for (const [index, part] of parts.entries()) {
    if (batchTree === 'fresh') tree = createTree()
    const submissions = part.flatMap((project) => project.submissions)
    for (const { submissionId } of submissions) tree.append(submissionId)
    await breathe(submissions.length)
    const projectIds = part.map((project) => project.projectId)
    const snapshotCids = part.map((project) => project.snapshotCid)
    const content = { submissions, submissionsRoot: tree.publishedRoot(), projectIds, snapshotCids }
    planned.push({ index, ...(await batchFile(content, batchForm)), projectIds, snapshotCids, rootHash: publishedRoot(snapshotCids) })
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
  return [{ projectId, snapshotCid, submissions: ballots, bytes, gas: anchorGas(projectId, snapshotCid) }]
}
