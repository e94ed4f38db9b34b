import { anchorGas, type BatchedSubmission, type BatchLimits, type BatchShare, splitIntoBatches } from '#domain/batch.ts'
import type { Cid, Hash, ProjectId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { type BatchFile, batchFile, fileBytesMax, parseBatchFile, submissionsBytes } from '#wire/batch-file.ts'
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

/** Batches by their roots in one call: 1.2 million gas and 3 kB, so that any node takes it, and one that is slow to pin holds up few others. */
export const BATCHES_PER_CALL_MAX = 10
/** Four fifths of the smallest block that a market's chain may have (docs/CONTRACTS.md). */
const ANCHOR_GAS_MAX = 24_000_000

type BatchRules = Pick<MarketRules, 'batchForm' | 'batchTree' | 'anchoring' | 'projectsPerBatch'>

/** How batches are made: what the market asks for, how large a file may be, and when others have their turn. */
export interface Batching extends Pick<BatchLimits, 'bytesMax'> {
  readonly rules: BatchRules
  readonly breathe: Breathe
}

/**
 * The epoch's batches: projects by id, within a project submissions by slot, cut by number, bytes and gas. The tree of submission ids goes on
 * from batch to batch (DESIGN §4), unless the market wants one for each. Pure: the same counted projects give the same bytes and CIDs (G2).
 * Between two batches, and between the tree of one and each form of its file, the rest of the process has its turn.
 */
export async function batch(projects: readonly CountedProject[], batching: Batching): Promise<readonly FreshBatch[]> {
  const { rules, breathe } = batching
  let tree = createTree()
  const planned: FreshBatch[] = []
  for (const [index, part] of (await cut(projects, batching)).entries()) {
    if (rules.batchTree === 'fresh') tree = createTree()
    const ids = idsIn(part)
    tree.append(ids)
    await breathe(ids.length)
    planned.push(await plan(index, part, tree.publishedRoot(), batching))
    await breathe(ids.length)
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
 * They begin a call of their own.
 */
export async function batchAgain(
  projects: readonly CountedProject[],
  batching: Batching,
  { earlier, taken }: SentBefore,
): Promise<readonly FreshBatch[]> {
  const { breathe } = batching
  const first = Math.ceil(((earlier.at(-1)?.index ?? -1) + 1) / BATCHES_PER_CALL_MAX) * BATCHES_PER_CALL_MAX
  const planned: FreshBatch[] = []
  for (const part of await cut(projects, batching)) {
    const index = first + planned.length
    const ids = idsIn(part)
    const alone = await plan(index, part, publishedRoot(ids), batching)
    await breathe(ids.length)
    if (!taken.has(alone.batchCid)) planned.push(alone)
    else {
      const before = [...earlier.filter(({ batchCid }) => taken.has(batchCid)), ...planned].flatMap(idsOf)
      planned.push(await plan(index, part, publishedRoot([...before, ...ids]), batching))
    }
  }
  return planned
}

function idsOf({ file, batchCid }: PlannedBatch): readonly string[] {
  const parsed = parseBatchFile(file, batchCid)
  return parsed.ok ? parsed.batch.submissions.map(({ submissionId }) => submissionId) : []
}

const idsIn = (part: readonly SizedProject[]): readonly string[] =>
  part.flatMap(({ submissions }) => submissions.map(({ submissionId }) => submissionId))

async function cut(projects: readonly CountedProject[], { bytesMax, rules, breathe }: Batching): Promise<SizedProject[][]> {
  const { batchForm, anchoring, projectsPerBatch } = rules
  const sized: SizedProject[] = []
  for (const project of projects) {
    sized.push(...sizedProject(project, batchForm))
    await breathe(project.ballots.length)
  }
  return splitIntoBatches(sized, {
    bytesMax: Math.min(bytesMax, fileBytesMax(batchForm)),
    projectsMax: projectsPerBatch,
    gasMax: anchoring === 'roots' ? Number.POSITIVE_INFINITY : ANCHOR_GAS_MAX,
  })
}

async function plan(
  index: number,
  part: readonly SizedProject[],
  submissionsRoot: Hash,
  { rules: { batchForm, anchoring }, breathe }: Batching,
): Promise<FreshBatch> {
  const submissions = part.flatMap((project) => project.submissions)
  const projectIds = part.map((project) => project.projectId)
  const snapshotCids = part.map((project) => project.snapshotCid)
  const roots = { rootHash: publishedRoot(snapshotCids), ...(anchoring === 'roots' && { projectsRootHash: publishedRoot(projectIds) }) }
  return {
    index,
    ...(await batchFile({ submissions, submissionsRoot, projectIds, snapshotCids }, batchForm, () => breathe(submissions.length))),
    projectIds,
    snapshotCids,
    ...roots,
  }
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
