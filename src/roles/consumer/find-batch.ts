import pLimit from 'p-limit'
import { type Batch, EPOCH_BATCHES_MAX } from '#domain/batch.ts'
import { isWeftError } from '#domain/errors.ts'
import type { Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { AnchorChain, AnchoredBatch, AnchoredByRoots, AnchoredWithProjects } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { isUnreadable } from '#life/keep.ts'
import { batchCidOf, isBatchCid, readBatchFile } from '#wire/batch-file.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'

/** How long one file may take. */
export const FETCH_TIMEOUT_MS = 10_000
/** How long batches that prove nothing themselves, or are not final, may take, all together: whoever serves them slowly holds up nobody for longer. */
const EARLIER_TIMEOUT_MS = 60_000
/** Files read at once. */
const READS_AT_ONCE_MAX = 8

/** The data point that is asked about. */
export interface DataPoint {
  readonly projectId: ProjectId
  readonly epochId: EpochId
}

export interface FindDeps {
  readonly chain: AnchorChain
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly clock: Pick<Clock, 'nowMs' | 'sleep'>
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
  deps: Pick<FindDeps, 'ipfs' | 'clock'>,
): Promise<FoundBatch | string> {
  const { projectId, signal } = options
  const until = deps.clock.nowMs() + EARLIER_TIMEOUT_MS
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
    const timeoutMs = isNamed ? FETCH_TIMEOUT_MS : Math.min(FETCH_TIMEOUT_MS, until - deps.clock.nowMs())
    const batch = await readBatch(anchored.batchCid, { timeoutMs, signal }, deps)
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
  { ipfs, clock }: Pick<FindDeps, 'ipfs' | 'clock'>,
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
  const parsed = await readBatchFile(bytes, batchCid, () => clock.sleep(0, signal))
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

/** Reads a batch's file; text that says why there is none. */
export type ReadFile = (anchored: Pick<AnchoredBatch, 'batchCid' | 'isFinalized'>) => Promise<Batch | string>

/**
 * Reads the files of an epoch's batches, a few at once and in bounded time. A final one was read by a majority of the validators, and has a
 * time of its own; the others share theirs, for a sequencer may anchor any number that nobody serves.
 */
export function createReadFile(deps: Pick<FindDeps, 'ipfs' | 'clock'>, signal: AbortSignal): ReadFile {
  const { clock } = deps
  const limit = pLimit(READS_AT_ONCE_MAX)
  let until: number | undefined
  function timeoutMs(): number {
    until ??= clock.nowMs() + EARLIER_TIMEOUT_MS
    return Math.min(FETCH_TIMEOUT_MS, until - clock.nowMs())
  }
  return ({ batchCid, isFinalized }) =>
    limit(() => readBatch(batchCid, { timeoutMs: isFinalized ? FETCH_TIMEOUT_MS : timeoutMs(), signal }, deps))
}

/** A batch on chain with its projects, which the chain lists itself or, where it has the roots alone, the file that gives both. */
export interface OpenBatch extends Omit<AnchoredWithProjects, 'projectsRootHash'> {
  /** Only of a batch that is anchored by its roots. */
  readonly projectsRootHash?: Hash | undefined
}

/** A batch, or why nothing is known of it; `mayHold`: its file has the anchored roots, if somebody has it. */
export type ListedBatch = OpenBatch | { readonly unreadable: string; readonly mayHold?: true }

export const isOnChain = (batch: ListedBatch): batch is OpenBatch => !('unreadable' in batch)

/** What the file of a batch says, when that is what the chain has the roots of. */
async function opened(anchored: AnchoredByRoots, readFile: ReadFile): Promise<ListedBatch> {
  const { batchCid, rootHash, projectsRootHash } = anchored
  const file = await readFile(anchored)
  if (typeof file === 'string') return { unreadable: file, mayHold: true }
  const { projectIds, snapshotCids } = file
  const isSame = publishedRoot(projectIds) === projectsRootHash && publishedRoot(snapshotCids) === rootHash
  return isSame
    ? { ...anchored, projectIds, snapshotCids }
    : { unreadable: `batch ${batchCid}: its file gives other roots than the chain has` }
}

/**
 * Opens what is anchored by its roots, what is final first: where that has the project nothing else can speak for it, and the others are left
 * as they are. Nobody's unserved files keep final data from being found.
 */
async function openAll(
  anchored: readonly (AnchoredBatch | ListedBatch)[],
  holds: (batch: ListedBatch) => boolean,
  readFile: ReadFile | undefined,
): Promise<ListedBatch[]> {
  const open = new Map<AnchoredBatch | ListedBatch, ListedBatch>()
  const byRoots = anchored.filter(isByRoots)
  for (const isFinal of readFile === undefined ? [] : [true, false]) {
    const wanted = byRoots.filter(({ isFinalized }) => isFinalized === isFinal)
    await Promise.all(wanted.map(async (each) => open.set(each, await opened(each, readFile as ReadFile))))
    if ([...open.values()].some(holds)) break
  }
  return anchored.map((each) => (isByRoots(each) ? (open.get(each) ?? { ...each, projectIds: [], snapshotCids: [] }) : each))
}

const isByRoots = (batch: AnchoredBatch | ListedBatch): batch is AnchoredByRoots =>
  !('unreadable' in batch) && batch.projectIds === undefined

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
  if (batchCids.length > EPOCH_BATCHES_MAX)
    return `the epoch has ${batchCids.length} batches, no more than ${EPOCH_BATCHES_MAX} are looked at`
  const anchored: (AnchoredBatch | ListedBatch)[] = []
  for (const batchCid of batchCids) {
    try {
      const batch = await chain.batch(epochId, batchCid)
      if (batch !== undefined) anchored.push(batch)
    } catch (failure) {
      if (!isWeftError(failure, 'CHAIN_ANSWER_INVALID')) throw failure
      anchored.push({ unreadable: `batch ${batchCid}: ${failure.message}` })
    }
  }
  const holds = (batch: ListedBatch): batch is OpenBatch => isOnChain(batch) && batch.projectIds.includes(projectId)
  const batches = await openAll(anchored, holds, readFile)
  const final = batches.findIndex((batch) => holds(batch) && batch.isFinalized && batch.projectsRootHash !== undefined)
  const last = final === -1 ? batches.findLastIndex(holds) : final
  return last === -1 ? batches : batches.slice(0, last + 1)
}
