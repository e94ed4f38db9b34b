import type { Batch } from '#domain/batch.ts'
import { isWeftError } from '#domain/errors.ts'
import type { Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { AnchorChain, AnchoredByRoots, AnchoredWithProjects } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { isUnreadable } from '#life/keep.ts'
import { batchCidOf, isBatchCid, parseBatchFile } from '#wire/batch-file.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'

/** How long one file may take. */
export const FETCH_TIMEOUT_MS = 10_000
/** How long the batches before the one that proves something may take, all together: whoever serves them slowly holds up nobody for longer. */
export const EARLIER_TIMEOUT_MS = 60_000
/** Batches looked at per epoch: enough for 680,000 projects (docs/CONTRACTS.md, "A batch is code"). */
const BATCHES_MAX = 1_000

/** The data point that is asked about. */
export interface DataPoint {
  readonly projectId: ProjectId
  readonly epochId: EpochId
}

export interface FindDeps {
  readonly chain: AnchorChain
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly clock: Pick<Clock, 'nowMs'>
}

export interface FoundBatch {
  readonly batch: Batch
  readonly anchored: OpenBatch
  readonly continued: Continued
  /** A batch of the epoch before it was refused: it may be of either tree, whatever the market asks for, since it needed another CID. */
  readonly isSentAgain: boolean
}

/** Root of the tree that continues, with a batch's submissions, those of the epoch's batches before it; or which of them cannot be read, and why. */
export type Continued = { readonly root: Hash } | { readonly gap: string }

/**
 * Finds the batch that pairs the project with the CID; says why when there is none. Of several the last counts: it took over the project
 * from those whose root the validators refused. One that cannot be read ends nothing but what only it could prove: its sequencer must not
 * be able to keep the others' batches from being proven (G8).
 */
export async function findBatch(
  snapshotCid: Cid,
  listed: readonly ListedBatch[],
  options: DataPoint & { readonly signal: AbortSignal },
  { ipfs, clock }: FindDeps,
): Promise<FoundBatch | string> {
  const { projectId, signal } = options
  const until = clock.nowMs() + EARLIER_TIMEOUT_MS
  // Grows with the batches, of which nothing else is kept: an epoch may have any number of them.
  const tree = createTree()
  let gap: string | undefined
  let isSentAgain = false
  let found: FoundBatch | string = `none of the epoch's batches holds the project`
  for (const anchored of listed) {
    if (!isOnChain(anchored)) {
      gap = anchored.unreadable
      continue
    }
    const isNamed = anchored.projectIds.includes(projectId)
    // Behind a gap no tree can be continued, so that what has another project is of no use any more.
    if (gap !== undefined && !isNamed) continue
    const timeoutMs = isNamed ? FETCH_TIMEOUT_MS : Math.min(FETCH_TIMEOUT_MS, until - clock.nowMs())
    const batch = await readBatch(anchored.batchCid, { timeoutMs, signal }, ipfs)
    if (typeof batch === 'string') {
      if (isNamed) found = batch
      gap = batch
      continue
    }
    if (gap === undefined) tree.append(batch.submissions.map(({ submissionId }) => submissionId))
    const continued = gap === undefined ? { root: tree.publishedRoot() } : { gap }
    found = pairIn({ batch, anchored, continued, isSentAgain }, snapshotCid, options) ?? found
    isSentAgain ||= anchored.isRefused === true
  }
  return found
}

/** The batch file; text that says why there is none. */
async function readBatch(
  batchCid: Cid,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ipfs: Pick<Ipfs, 'get'>,
): Promise<Batch | string> {
  if (timeoutMs <= 0) return `batch ${batchCid}: the epoch's batches took longer than ${EARLIER_TIMEOUT_MS} ms to read`
  let bytes: Uint8Array
  try {
    bytes = await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs, signal })
  } catch (failure) {
    if (!isUnreadable(failure)) throw failure
    return `batch ${batchCid}: ${failure.message}`
  }
  // As for the snapshot: this file alone proves it (P2). Other forms of CID are left to the reader.
  const got = await batchCidOf(bytes, batchCid)
  if (got !== batchCid && isBatchCid(batchCid)) return `batch ${batchCid}: the bytes served hash to ${got}`
  const parsed = parseBatchFile(bytes, batchCid)
  return parsed.ok ? parsed.batch : `batch ${batchCid} does not have the form of a batch file`
}

/** What the file says of the project: itself when that is the CID, else what is wrong; `undefined` when it does not have the project. */
function pairIn(candidate: FoundBatch, snapshotCid: Cid, { projectId, epochId }: DataPoint): FoundBatch | string | undefined {
  const { batch, anchored } = candidate
  const index = batch.projectIds.indexOf(projectId)
  if (index < 0) return undefined
  if (batch.snapshotCids[index] !== snapshotCid) return `batch ${anchored.batchCid} has ${batch.snapshotCids[index]} for the project`
  const isSubmitted = batch.submissions.some(
    ({ submission: { request } }) => request.projectId === projectId && request.snapshotCid === snapshotCid && request.epochId === epochId,
  )
  return isSubmitted ? candidate : `batch ${anchored.batchCid} holds no submission for that CID`
}

/** Reads a batch file; text that says why there is none. */
export type ReadFile = (batchCid: Cid) => Promise<Batch | string>

/** Reads the files of an epoch's batches, all together in bounded time. */
export function createReadFile({ ipfs, clock }: Pick<FindDeps, 'ipfs' | 'clock'>, signal: AbortSignal): ReadFile {
  const until = clock.nowMs() + EARLIER_TIMEOUT_MS
  return (batchCid) => readBatch(batchCid, { timeoutMs: Math.min(FETCH_TIMEOUT_MS, until - clock.nowMs()), signal }, ipfs)
}

/** A batch on chain with its projects, which the chain lists itself or, where it has the roots alone, the file that gives both. */
export interface OpenBatch extends Omit<AnchoredWithProjects, 'projectsRootHash'> {
  /** Only of a batch that is anchored by its roots. */
  readonly projectsRootHash?: Hash | undefined
}

/** A batch, or why nothing is known of it. */
export type ListedBatch = OpenBatch | { readonly unreadable: string }

export const isOnChain = (batch: ListedBatch): batch is OpenBatch => !('unreadable' in batch)

/** What the file of a batch says, when that is what the chain has the roots of. */
async function opened(anchored: AnchoredByRoots, readFile: ReadFile): Promise<ListedBatch> {
  const { batchCid, rootHash, projectsRootHash } = anchored
  const file = await readFile(batchCid)
  if (typeof file === 'string') return { unreadable: file }
  const { projectIds, snapshotCids } = file
  const isSame = publishedRoot(projectIds) === projectsRootHash && publishedRoot(snapshotCids) === rootHash
  return isSame
    ? { ...anchored, projectIds, snapshotCids }
    : { unreadable: `batch ${batchCid}: its file gives other roots than the chain has` }
}

/**
 * The epoch's batches in on-chain order, up to the one that speaks for the project: those after it prove nothing about it. That is the last
 * that has it: it took over from those that were refused. Of batches by their roots the contract refuses none for a project that another
 * has, so the first that is final goes before all that come later. One of which the node tells nonsense ends nothing: its sequencer may
 * have written it so. Batches by their roots are opened by `readFile`; without it they have no projects.
 */
export async function batchesUpTo(
  { projectId, epochId }: DataPoint,
  chain: AnchorChain,
  readFile?: ReadFile,
): Promise<readonly ListedBatch[] | string> {
  // A CID sent again after a refusal is listed twice; it is one file, in its first place.
  const batchCids = [...new Set(await chain.batchCids(epochId))]
  if (batchCids.length > BATCHES_MAX) return `the epoch has ${batchCids.length} batches, no more than ${BATCHES_MAX} are looked at`
  const batches: ListedBatch[] = []
  for (const batchCid of batchCids) {
    try {
      const anchored = await chain.batch(epochId, batchCid)
      if (anchored === undefined) continue
      if (anchored.projectIds !== undefined) batches.push(anchored)
      else if (readFile === undefined) batches.push({ ...anchored, projectIds: [], snapshotCids: [] })
      else batches.push(await opened(anchored, readFile))
    } catch (failure) {
      if (!isWeftError(failure, 'CHAIN_ANSWER_INVALID')) throw failure
      batches.push({ unreadable: `batch ${batchCid}: ${failure.message}` })
    }
  }
  const holds = (batch: ListedBatch): batch is OpenBatch => isOnChain(batch) && batch.projectIds.includes(projectId)
  const final = batches.findIndex((batch) => holds(batch) && batch.isFinalized && batch.projectsRootHash !== undefined)
  const last = final === -1 ? batches.findLastIndex(holds) : final
  return last === -1 ? batches : batches.slice(0, last + 1)
}
