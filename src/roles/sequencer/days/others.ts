import pLimit from 'p-limit'
import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Batch } from '#domain/batch.ts'
import { type Delivered, deliveredIn, nothingDelivered } from '#domain/counts.ts'
import { isWeftError, toldOf } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import { votableOf } from '#domain/votable.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Recoverer } from '#io/keys/port.ts'
import type { EpochRules } from '#roles/sequencer/epoch-rules.ts'
import { type Breathe, VOTES_PER_PIECE } from '#roles/sequencer/seal/turns.ts'
import { readBatchFile } from '#wire/batch-file.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { parseSignature, type SubmissionHasher } from '#wire/eip712.ts'
import type { Counting } from './count.ts'

/** One attempt; the next comes with a later block. */
const FETCH_TIMEOUT_MS = 10_000
/** What nobody serves holds up few others. */
const READ_AT_ONCE_MAX = 4
/** A recovery costs as much as so many votes elsewhere in the seal: 65 µs. */
const VOTES_PER_RECOVERY = 4

export interface OthersDeps {
  readonly counting: Pick<Counting, 'unread' | 'learn'>
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly report: Report
  readonly view: AnchorView
  readonly hasher: SubmissionHasher
  readonly recoverer: Recoverer
  readonly breathe: Breathe
  rulesOf(epoch: ReleasedEpoch): EpochRules | undefined
}

/** Reads final batches that were not planned here: what they earned counts like what ours did. What nobody serves counts nothing until it is read. */
export async function readOthers(deps: OthersDeps, signal: AbortSignal): Promise<void> {
  const limit = pLimit(READ_AT_ONCE_MAX)
  const read = async ({ epochId, batchCid }: { readonly epochId: EpochId; readonly batchCid: Cid }): Promise<void> => {
    const earned = await earnedBy(epochId, batchCid, deps, signal)
    if (earned !== undefined) deps.counting.learn(epochId, batchCid, earned)
  }
  await Promise.all(deps.counting.unread().map((each) => limit(read, each)))
}

/** Of what can be no batch, nothing. `undefined` when it could not be had now. Throws what needs a person: a full disk here says nothing of what others anchored. */
async function earnedBy(epochId: EpochId, batchCid: Cid, deps: OthersDeps, signal: AbortSignal): Promise<Delivered | undefined> {
  const { ipfs, report, view, rulesOf, breathe } = deps
  const epoch = view.epoch(epochId)
  const rules = epoch && rulesOf(epoch)
  if (rules === undefined) return undefined
  try {
    const file = await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, signal })
    const parsed = await readBatchFile(file, batchCid, () => breathe(VOTES_PER_PIECE))
    if (!parsed.ok) return nothingDelivered()
    return deliveredIn({ ...parsed.batch, submissions: await validIn(parsed.batch, { ...rules, epochId }, deps) }, epochId)
  } catch (failure) {
    if (signal.aborted || !isWeftError(failure)) throw failure
    const isNoBatch = isWeftError(failure, 'ID_MALFORMED') || isWeftError(failure, 'IPFS_CONTENT_TOO_LARGE')
    if (!isNoBatch && failure.kind !== 'transient') throw failure
    report('batch_uncounted', { epochId, batchCid, ...toldOf(failure) })
    return isNoBatch ? nothingDelivered() : undefined
  }
}

/** Those of its submissions that validators count too. A batch may be final with others in it, for they change no result. */
async function validIn(
  { submissions }: Batch,
  rules: EpochRules & { readonly epochId: EpochId },
  { view, hasher, recoverer, breathe }: OthersDeps,
): Promise<Batch['submissions']> {
  const valid: Batch['submissions'][number][] = []
  for (const each of submissions) {
    const { submission } = each
    const votable = votableOf(submission, { ...rules, view })
    const signature = votable.ok ? parseSignature(submission.signature) : undefined
    if (votable.ok && signature && recoverer.recover(hasher.digest(submission.request), signature) === votable.signer) valid.push(each)
    await breathe(signature === undefined ? 1 : VOTES_PER_RECOVERY)
  }
  return valid
}
