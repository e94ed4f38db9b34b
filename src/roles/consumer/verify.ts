import type { Batch } from '#domain/batch.ts'
import { isWeftError } from '#domain/errors.ts'
import type { Cid, EpochId, ProjectId } from '#domain/ids.ts'
import { honestMajority } from '#domain/quorum.ts'
import { tally } from '#domain/tally.ts'
import { lastAttestationBlock, lastAttestationBlockOfAll } from '#domain/window.ts'
import type { MarketState } from '#io/chain/port.ts'
import { isUnreadable, SNAPSHOT_BYTES_MAX } from '#life/keep.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { whyAbsent } from './absent.ts'
import { type CountDeps, type Counted, type CountRules, countVotes } from './count.ts'
import {
  type Continued,
  createReadFile,
  FETCH_TIMEOUT_MS,
  type FindDeps,
  type FoundBatch,
  findBatch,
  type OpenBatch,
} from './find-batch.ts'
import { failed, held, type Link } from './link.ts'
import { type DataStatus, reportedOf } from './reported.ts'

/** The chain of proof, in order; each step stands on the ones before (P1). */
export const PROOF_STEPS = [
  'reported',
  'bytes',
  'cid',
  'batch',
  'signatures',
  'tally',
  'submissions_root',
  'cids_root',
  'anchored',
  'attested',
] as const
export type ProofStep = (typeof PROOF_STEPS)[number]

export interface StepResult extends Link<ProofStep> {
  /** With the step `reported`, unless it cannot be told. */
  readonly status?: DataStatus
}

export interface VerifyOptions {
  readonly projectId: ProjectId
  readonly epochId: EpochId
  /** What the market counts by in the epoch: asked for when there are votes to count, for of an epoch to come nobody knows it. */
  rules(): Promise<CountRules>
  readonly signal: AbortSignal
  /** Called with the data when its bytes have the CID; whether it is final, and by whose votes, later steps say. */
  readonly onData?: (bytes: Uint8Array) => void
}

export type VerifyDeps = FindDeps & CountDeps

/** Submissions named in a detail. */
const NAMED_MAX = 5

/** Proves one data point step by step; ends after the first step that fails. Throws when the anchor chain itself cannot be read, and as `rules`. */
export async function* verify(options: VerifyOptions, deps: VerifyDeps): AsyncGenerator<StepResult, void> {
  // Of several endpoints one may be behind: nothing that is asked from here on is answered from before this head (P2).
  await deps.chain.head()
  const reported = await reportedOf(options, deps.chain, createReadFile(deps, options.signal))
  const { status, snapshotCid, listed } = reported
  if (status === undefined || status === 'absent') {
    const why = await whyAbsent(options, reported, deps.chain)
    if (status === undefined) return yield failed('reported', `whether this project has a snapshot in the epoch cannot be told: ${why}`)
    return yield { ...failed('reported', `the chain names no snapshot for this project and epoch: ${why}`), status }
  }
  yield { ...held('reported', `${snapshotCid}, ${status}`), status }

  if (!(yield* isFetched(snapshotCid, options, deps))) return

  const found = typeof listed === 'string' ? listed : await findBatch(snapshotCid, listed, options, deps)
  if (typeof found === 'string') return yield failed('batch', found)
  const { batch, anchored, continued, isSentAgain } = found
  yield held('batch', `${anchored.batchCid}, ${batch.submissions.length} submissions, ${batch.projectIds.length} projects`)

  const rules = await options.rules()
  if (!(yield* isCounted(snapshotCid, batch, { ...options, rules }, deps))) return

  const batchTree = isSentAgain ? 'either' : rules.batchTree
  const submissionsRoot = matchingSubmissionsRoot(batch, continued, { batchTree })
  if (submissionsRoot === undefined)
    return yield failed('submissions_root', `the file says ${batch.submissionsRoot}, its submission ids give another root`)
  yield held('submissions_root', `${batch.submissionsRoot} (${submissionsRoot})`)

  const cidsRoot = publishedRoot(batch.snapshotCids)
  if (cidsRoot !== anchored.rootHash) return yield failed('cids_root', `the file gives ${cidsRoot}, the chain has ${anchored.rootHash}`)
  yield held('cids_root', cidsRoot)

  const difference = differenceOnChain(batch, anchored) ?? (await whyNotFinal(status, found, options, deps))
  if (difference !== undefined) return yield failed('anchored', difference)
  const same = anchored.projectsRootHash === undefined ? 'same projects and CIDs' : 'roots over the same projects and CIDs'
  yield held('anchored', `${same} on chain, batch FINALIZED`)

  yield await attested(anchored, deps)
}

/** Steps `bytes` and `cid`. The reader refuses wrong bytes already; the CID is computed again all the same, so that this file alone proves it (P2). */
async function* isFetched(cid: Cid, options: VerifyOptions, { ipfs }: FindDeps): AsyncGenerator<StepResult, boolean> {
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
  if (got === cid) options.onData?.(bytes)
  yield got === cid ? held('cid', cid) : failed('cid', `the bytes served hash to ${got}`)
  return got === cid
}

/**
 * Steps `signatures` and `tally`: what the validators count, counted again. A submission that is not valid counts for nothing, for them as
 * here, and so does one of which nobody can tell any more who had to sign it: the CID must have won without those. The slots that voted are
 * taken from this batch alone, though validators know those of earlier ones too: a proof must not hang on files that prove nothing else,
 * nor cost an epoch's signatures, and with fewer slots it refuses nothing that they let pass.
 */
async function* isCounted(
  cid: Cid,
  batch: Batch,
  options: Pick<VerifyOptions, 'projectId' | 'epochId'> & { readonly rules: CountRules },
  deps: VerifyDeps,
): AsyncGenerator<StepResult, boolean> {
  const counted = await countVotes(batch, options, deps)
  if (typeof counted === 'string') {
    yield failed('signatures', counted)
    return false
  }
  const votes = counted.votes.filter(({ snapshotCid }) => snapshotCid === cid).length
  const told = `${votes} valid for it of ${counted.votes.length} valid${besides(counted)}`
  if (votes === 0) {
    yield failed('signatures', `no submission for ${cid} is valid${besides(counted)}`)
    return false
  }
  yield held('signatures', told)
  const result = tally(counted.votes, options.rules.tally, counted.slotsInBatch)
  if (result.kind === 'finalized' && result.snapshotCid === cid) {
    yield held('tally', `${votes} of ${result.total} votes${result.isTie ? ', a tie that it wins' : ''}`)
    return true
  }
  const otherwise = result.kind === 'finalized' ? `${result.snapshotCid} wins` : `nothing wins: ${result.reason}`
  yield failed('tally', `${otherwise}, with ${told}; votes of ${counted.slotsInBatch} slots in the batch`)
  return false
}

function besides({ invalid, untold }: Counted): string {
  const more = (count: number): string => (count > NAMED_MAX ? ` and ${count - NAMED_MAX} more` : '')
  const wrong = invalid.length === 0 ? '' : `; not valid: ${invalid.slice(0, NAMED_MAX).join('; ')}${more(invalid.length)}`
  const slots = `slot ${untold.slice(0, NAMED_MAX).join(', ')}${more(untold.length)}`
  return untold.length === 0 ? wrong : `${wrong}; cannot be told, for nobody had it then, or the node has forgotten who: ${slots}`
}

/**
 * Which of the trees that the market allows the file's `roothash` belongs to. Behind a batch that cannot be read nobody can tell whether it goes on:
 * validators hold that against no batch either, and nothing that is proved here hangs on it.
 */
function matchingSubmissionsRoot(batch: Batch, continued: Continued, { batchTree }: Pick<CountRules, 'batchTree'>): string | undefined {
  const ids = batch.submissions.map(({ submissionId }) => submissionId)
  if (batchTree !== 'cumulative' && publishedRoot(ids) === batch.submissionsRoot) return 'fresh tree'
  if (batchTree === 'fresh') return undefined
  if ('gap' in continued) return `whether it continues the epoch's tree cannot be told: ${continued.gap}`
  return continued.root === batch.submissionsRoot ? "continues the epoch's tree" : undefined
}

function differenceOnChain(batch: Batch, anchored: OpenBatch): string | undefined {
  if (anchored.projectsRootHash !== undefined) {
    const projectsRoot = publishedRoot(batch.projectIds)
    if (projectsRoot !== anchored.projectsRootHash)
      return `the file's projects give ${projectsRoot}, the chain has ${anchored.projectsRootHash}`
  }
  if (batch.projectIds.join('\n') !== anchored.projectIds.join('\n')) return 'the chain lists other projects than the file'
  if (batch.snapshotCids.join('\n') !== anchored.snapshotCids.join('\n')) return 'the chain lists other CIDs than the file'
  return undefined
}

/** What is missing to make the batch final; `undefined` when it is. */
async function whyNotFinal(
  status: DataStatus,
  { anchored, isSentAgain }: Pick<FoundBatch, 'anchored' | 'isSentAgain'>,
  { epochId }: VerifyOptions,
  { chain }: VerifyDeps,
): Promise<string | undefined> {
  if (status === 'finalized' && anchored.isFinalized) return undefined
  if (anchored.isRefused) {
    const { rootHash, majorityRoot = 'another root' } = anchored
    return `disputed: the chain has root ${rootHash}, a majority of the validators attested ${majorityRoot} and asked for another batch`
  }
  const [market, { contractNumber: released }, head] = await Promise.all([chain.market(), chain.epochInfo(epochId), chain.head()])
  const { told } = quorum(anchored, market)
  // Behind a refutation its window may count from that, in which block no view of the contract says (`#domain/rounds.ts`).
  const end = isSentAgain
    ? `block ${lastAttestationBlockOfAll(released, market)} at the latest, for it may be of a later round`
    : `block ${lastAttestationBlock(released, market)}`
  return `the batch is not FINALIZED yet, but pending: attested by ${told}; the window for it ends with ${end}, the head is ${head.contractNumber}`
}

function quorum({ attestationCount }: OpenBatch, { validators, attestationsMin }: MarketState) {
  const needed = Math.max(honestMajority(validators.length), attestationsMin)
  return { isReached: attestationCount >= needed, told: `${attestationCount} of ${validators.length} validators, ${needed} needed` }
}

async function attested(anchored: OpenBatch, { chain }: VerifyDeps): Promise<StepResult> {
  const { isReached, told } = quorum(anchored, await chain.market())
  return isReached ? held('attested', told) : failed('attested', told)
}
