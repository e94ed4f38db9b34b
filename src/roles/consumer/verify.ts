import type { Batch } from '#domain/batch.ts'
import { isWeftError, type WeftError } from '#domain/errors.ts'
import type { Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import { honestMajority } from '#domain/quorum.ts'
import type { AnchorChain, AnchoredBatch } from '#io/chain/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { BATCH_BYTES_MAX, decodeBatch } from '#wire/batch-json.ts'
import { isSnapshotCid, snapshotCidOf } from '#wire/cid.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import { whyAbsent } from './absent.ts'

/** The chain of proof, in order; each step stands on the ones before (P1). */
export const PROOF_STEPS = ['reported', 'bytes', 'cid', 'batch', 'submissions_root', 'cids_root', 'anchored', 'attested'] as const
export type ProofStep = (typeof PROOF_STEPS)[number]

export interface StepResult {
  readonly step: ProofStep
  readonly ok: boolean
  /** What was found, or what was expected instead. */
  readonly detail: string
}

export interface VerifyOptions {
  readonly projectId: ProjectId
  readonly epochId: EpochId
  readonly signal: AbortSignal
}

export interface VerifyDeps {
  readonly chain: AnchorChain
  readonly ipfs: Pick<Ipfs, 'get'>
}

/** Largest snapshot a consumer takes: far above any of ours, far below what hurts. */
const SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024
const FETCH_TIMEOUT_MS = 10_000

/** Proves one data point step by step; ends after the first step that fails. Throws only when the anchor chain itself cannot be read. */
export async function* verify(options: VerifyOptions, deps: VerifyDeps): AsyncGenerator<StepResult, void> {
  const reported = await deps.chain.snapshotStatus(options.projectId, options.epochId)
  if (reported.status === 'absent')
    return yield failed('reported', `the chain names no snapshot for this project and epoch: ${await whyAbsent(options, deps.chain)}`)
  const snapshotCid = reported.snapshotCid as Cid
  yield held('reported', `${snapshotCid}, ${reported.status}`)

  if (!(yield* isFetched(snapshotCid, options, deps))) return

  const found = await batchOf(snapshotCid, options, deps)
  if (typeof found === 'string') return yield failed('batch', found)
  const { batch, anchored, continued } = found
  yield held('batch', `${anchored.batchCid}, ${batch.submissions.length} submissions, ${batch.projectIds.length} projects`)

  const submissionsRoot = matchingSubmissionsRoot(batch, continued)
  if (submissionsRoot === undefined) {
    const unless = 'gap' in continued ? `, unless they continue the epoch's tree, which cannot be told: ${continued.gap}` : ''
    return yield failed('submissions_root', `the file says ${batch.submissionsRoot}, its submission ids give another root${unless}`)
  }
  yield held('submissions_root', `${batch.submissionsRoot} (${submissionsRoot})`)

  const cidsRoot = publishedRoot(batch.snapshotCids)
  if (cidsRoot !== anchored.rootHash) return yield failed('cids_root', `the file gives ${cidsRoot}, the chain has ${anchored.rootHash}`)
  yield held('cids_root', cidsRoot)

  const difference = differenceOnChain(batch, anchored)
  if (difference !== undefined) return yield failed('anchored', difference)
  yield held('anchored', 'same projects and CIDs on chain, batch FINALIZED')

  yield await attested(anchored, deps)
}

const held = (step: ProofStep, detail: string): StepResult => ({ step, ok: true, detail })
const failed = (step: ProofStep, detail: string): StepResult => ({ step, ok: false, detail })

/** Steps `bytes` and `cid`. The reader refuses wrong bytes already; the CID is computed again all the same, so that this file alone proves it (P2). */
async function* isFetched(cid: Cid, options: VerifyOptions, { ipfs }: VerifyDeps): AsyncGenerator<StepResult, boolean> {
  let bytes: Uint8Array
  try {
    bytes = await ipfs.get(cid, { bytesMax: SNAPSHOT_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, signal: options.signal })
  } catch (failure) {
    if (isWeftError(failure, 'IPFS_CONTENT_WRONG')) {
      yield held('bytes', 'served')
      yield failed('cid', `the bytes served hash to ${failure.facts.got}`)
      return false
    }
    if (!isUnreadable(failure)) throw failure
    yield failed('bytes', failure.message)
    return false
  }
  yield held('bytes', `${bytes.length} bytes`)
  const got = await snapshotCidOf(bytes)
  yield got === cid ? held('cid', cid) : failed('cid', `the bytes served hash to ${got}`)
  return got === cid
}

/** Nobody serves the content, or what is said to be its CID is none: any text may be on chain. */
function isUnreadable(failure: unknown): failure is WeftError {
  return isWeftError(failure) && (failure.code.startsWith('IPFS_') || failure.code === 'ID_MALFORMED')
}

interface FoundBatch {
  readonly batch: Batch
  readonly anchored: AnchoredBatch
  readonly continued: Continued
}

/** Root of the tree that continues, with a batch's submissions, those of the epoch's batches before it; or which of them cannot be read, and why. */
type Continued = { readonly root: Hash } | { readonly gap: string }

/**
 * Finds the batch that pairs the project with the CID; says why when there is none. Of several the last counts: it took over the project
 * from those whose root the validators refused. One that cannot be read ends nothing but what only it could prove: its sequencer must not
 * be able to keep the others' batches from being proven (G8).
 */
async function batchOf(snapshotCid: Cid, options: VerifyOptions, { chain, ipfs }: VerifyDeps): Promise<FoundBatch | string> {
  const { projectId, epochId, signal } = options
  // Grows with the batches, of which nothing else is kept: an epoch may have any number of them.
  const tree = createTree()
  let gap: string | undefined
  let found: FoundBatch | string = `none of the epoch's batches holds the project`
  for (const anchored of await batchesUpTo(projectId, epochId, chain)) {
    const isNamed = anchored.projectIds.includes(projectId)
    // Behind a gap no tree can be continued, so that what has another project is of no use any more.
    if (gap !== undefined && !isNamed) continue
    const batch = await readBatch(anchored.batchCid, signal, ipfs)
    if (typeof batch === 'string') {
      if (isNamed) found = batch
      gap = batch
      continue
    }
    if (gap === undefined) for (const { submissionId } of batch.submissions) tree.append(submissionId)
    const continued = gap === undefined ? { root: tree.publishedRoot() } : { gap }
    found = pairIn({ batch, anchored, continued }, snapshotCid, options) ?? found
  }
  return found
}

/** The batch file; text that says why there is none. */
async function readBatch(batchCid: Cid, signal: AbortSignal, ipfs: Pick<Ipfs, 'get'>): Promise<Batch | string> {
  let bytes: Uint8Array
  try {
    bytes = await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, signal })
  } catch (failure) {
    if (!isUnreadable(failure)) throw failure
    return `batch ${batchCid}: ${failure.message}`
  }
  // As for the snapshot: this file alone proves it (P2). Other forms of CID are left to the reader.
  const got = await snapshotCidOf(bytes)
  if (got !== batchCid && isSnapshotCid(batchCid)) return `batch ${batchCid}: the bytes served hash to ${got}`
  return decodeBatch(bytes) ?? `batch ${batchCid} does not have the form of a batch file`
}

/** What the file says of the project: itself when that is the CID, else what is wrong; `undefined` when it does not have the project. */
function pairIn(
  candidate: FoundBatch,
  snapshotCid: Cid,
  { projectId, epochId }: Pick<VerifyOptions, 'projectId' | 'epochId'>,
): FoundBatch | string | undefined {
  const { batch, anchored } = candidate
  const index = batch.projectIds.indexOf(projectId)
  if (index < 0) return undefined
  if (batch.snapshotCids[index] !== snapshotCid) return `batch ${anchored.batchCid} has ${batch.snapshotCids[index]} for the project`
  const isSubmitted = batch.submissions.some(
    ({ submission: { request } }) => request.projectId === projectId && request.snapshotCid === snapshotCid && request.epochId === epochId,
  )
  return isSubmitted ? candidate : `batch ${anchored.batchCid} holds no submission for that CID`
}

/** The epoch's batches in on-chain order, up to the last that the chain has for the project: those after it prove nothing about it. */
async function batchesUpTo(projectId: ProjectId, epochId: EpochId, chain: AnchorChain): Promise<readonly AnchoredBatch[]> {
  const batches: AnchoredBatch[] = []
  // A CID sent again after a refusal is listed twice; it is one file, in its first place.
  for (const batchCid of new Set(await chain.batchCids(epochId))) {
    const anchored = await chain.batch(epochId, batchCid)
    if (anchored !== undefined) batches.push(anchored)
  }
  const last = batches.findLastIndex(({ projectIds }) => projectIds.includes(projectId))
  return last === -1 ? batches : batches.slice(0, last + 1)
}

/** Which rule the file's `roothash` follows: deployed sequencers start a tree per batch, the seed's rule continues the epoch's. */
function matchingSubmissionsRoot(batch: Batch, continued: Continued): 'fresh tree' | "continues the epoch's tree" | undefined {
  const ids = batch.submissions.map(({ submissionId }) => submissionId)
  if (publishedRoot(ids) === batch.submissionsRoot) return 'fresh tree'
  return 'root' in continued && continued.root === batch.submissionsRoot ? "continues the epoch's tree" : undefined
}

function differenceOnChain(batch: Batch, anchored: AnchoredBatch): string | undefined {
  if (batch.projectIds.join('\n') !== anchored.projectIds.join('\n')) return 'the chain lists other projects than the file'
  if (batch.snapshotCids.join('\n') !== anchored.snapshotCids.join('\n')) return 'the chain lists other CIDs than the file'
  return anchored.isFinalized ? undefined : 'the batch is not FINALIZED yet; validators are still attesting it, or refused to'
}

async function attested(anchored: AnchoredBatch, { chain }: VerifyDeps): Promise<StepResult> {
  const { validators, attestationsMin } = await chain.market()
  const needed = Math.max(honestMajority(validators.length), attestationsMin)
  const told = `${anchored.attestationCount} of ${validators.length} validators, ${needed} needed`
  return anchored.attestationCount >= needed ? held('attested', told) : failed('attested', told)
}
