import { type BatchedSubmission, type BatchLimits, splitIntoBatches } from '#domain/batch.ts'
import type { Cid, Hash, ProjectId } from '#domain/ids.ts'
import { decodeBatch, encodeBatch, submissionBytes } from '#wire/batch-json.ts'
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
  readonly file: Uint8Array
}

/**
 * The epoch's batches: projects by id, within a project submissions by slot, cut by number and bytes. The tree of submission ids goes on
 * from batch to batch (DESIGN §4). Pure: the same counted projects give the same bytes and CIDs (G2).
 */
export async function batch(projects: readonly CountedProject[], limits: BatchLimits): Promise<readonly PlannedBatch[]> {
  const submissionTree = createTree()
  const planned: PlannedBatch[] = []
  for (const [index, part] of splitIntoBatches(projects.flatMap(sized), limits).entries()) {
    for (const id of idsIn(part)) submissionTree.append(id)
    planned.push(await plan(index, part, submissionTree.publishedRoot()))
  }
  return planned
}

/** What the epoch's batches are so far: those planned here, and the CIDs that the chain has. */
export interface SentBefore {
  readonly earlier: readonly PlannedBatch[]
  readonly taken: ReadonlySet<Cid>
}

/**
 * Results sent once more, after what the chain has was refuted. A tree of its own, for what was anchored meanwhile may be readable by nobody;
 * where that gives a CID that the chain has already, of which no validator says a second thing, the tree that continues the batches it has.
 */
export async function batchAgain(
  projects: readonly CountedProject[],
  limits: BatchLimits,
  { earlier, taken }: SentBefore,
): Promise<readonly PlannedBatch[]> {
  const planned: PlannedBatch[] = []
  for (const part of splitIntoBatches(projects.flatMap(sized), limits)) {
    const index = earlier.length + planned.length
    const ids = idsIn(part)
    const alone = await plan(index, part, publishedRoot(ids))
    if (!taken.has(alone.batchCid)) planned.push(alone)
    else {
      const before = [...earlier.filter(({ batchCid }) => taken.has(batchCid)), ...planned].flatMap(idsOf)
      planned.push(await plan(index, part, publishedRoot([...before, ...ids])))
    }
  }
  return planned
}

const idsOf = ({ file }: PlannedBatch): readonly string[] => (decodeBatch(file)?.submissions ?? []).map(({ submissionId }) => submissionId)
const idsIn = (part: readonly SizedProject[]): readonly string[] =>
  part.flatMap(({ submissions }) => submissions.map(({ submissionId }) => submissionId))

async function plan(index: number, part: readonly SizedProject[], submissionsRoot: Hash): Promise<PlannedBatch> {
  const submissions = part.flatMap((project) => project.submissions)
  const projectIds = part.map((project) => project.projectId)
  const snapshotCids = part.map((project) => project.snapshotCid)
  const file = encodeBatch({ submissions, submissionsRoot, projectIds, snapshotCids })
  return { index, batchCid: await snapshotCidOf(file), projectIds, snapshotCids, rootHash: publishedRoot(snapshotCids), file }
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
