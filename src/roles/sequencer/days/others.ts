import pLimit from 'p-limit'
import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Batch } from '#domain/batch.ts'
import { type Delivered, deliveredIn, nothingDelivered } from '#domain/counts.ts'
import { isWeftError, toldOf } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Address, Cid, EpochId } from '#domain/ids.ts'
import { votableOf } from '#domain/votable.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { ManyRecoverer } from '#io/keys/port.ts'
import type { EpochRules } from '#roles/sequencer/epoch-rules.ts'
import { type Breathe, VOTES_PER_PIECE } from '#roles/sequencer/seal/turns.ts'
import { readBatchFile } from '#wire/batch-file.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { parseSignature, type SubmissionHasher } from '#wire/eip712.ts'
import { pairsOf, type Signed } from '#wire/signed-pairs.ts'
import type { Counting } from './count.ts'

/** One attempt; the next comes with a later block. */
const FETCH_TIMEOUT_MS = 10_000
/** What nobody serves holds up few others. */
const READ_AT_ONCE_MAX = 4
/** Signatures looked at together: what comes to be taken in meanwhile is not to wait for more. */
const RECOVERED_AT_ONCE = 256

export interface OthersDeps {
  readonly counting: Pick<Counting, 'unread' | 'learn'>
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly report: Report
  readonly view: AnchorView
  readonly hasher: SubmissionHasher
  readonly recoverer: ManyRecoverer
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
  const votes: (Signed & { readonly each: Batch['submissions'][number]; readonly signer: Address })[] = []
  for (const each of submissions) {
    const { request, signature: text } = each.submission
    const votable = votableOf(each.submission, { ...rules, view })
    const signature = votable.ok ? parseSignature(text) : undefined
    if (votable.ok && signature) votes.push({ each, signer: votable.signer, digest: hasher.digest(request), signature })
    await breathe(1)
  }
  const signers: (Address | undefined)[] = []
  for (let from = 0; from < votes.length; from += RECOVERED_AT_ONCE)
    signers.push(...(await recoverer.recoverMany(pairsOf(votes.slice(from, from + RECOVERED_AT_ONCE)))))
  return votes.filter(({ signer }, index) => signers[index] === signer).map(({ each }) => each)
}
