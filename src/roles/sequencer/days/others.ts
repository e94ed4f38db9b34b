import { type Delivered, deliveredIn, nothingDelivered } from '#domain/counts.ts'
import { isWeftError, toldOf } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { parseBatchFile } from '#wire/batch-file.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import type { Counting } from './count.ts'

/** One attempt; the next comes with a later block. */
const FETCH_TIMEOUT_MS = 10_000

interface OthersDeps {
  readonly counting: Pick<Counting, 'unread' | 'learn'>
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly report: Report
}

/** Reads batches on chain that were not planned here: what they earned counts like what ours did. What nobody serves counts nothing until it is read. */
export async function readOthers(deps: OthersDeps, signal: AbortSignal): Promise<void> {
  for (const { epochId, batchCid } of deps.counting.unread()) {
    const earned = await earnedBy(epochId, batchCid, deps, signal)
    if (earned !== undefined) deps.counting.learn(epochId, batchCid, earned)
  }
}

/** Of what is no batch, nothing. `undefined` when it could not be had now. */
async function earnedBy(
  epochId: EpochId,
  batchCid: Cid,
  { ipfs, report }: OthersDeps,
  signal: AbortSignal,
): Promise<Delivered | undefined> {
  try {
    const parsed = parseBatchFile(await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, signal }), batchCid)
    return parsed.ok ? deliveredIn(parsed.batch, epochId) : nothingDelivered()
  } catch (failure) {
    if (signal.aborted || !isWeftError(failure)) throw failure
    report('batch_uncounted', { epochId, batchCid, ...toldOf(failure) })
    return failure.kind === 'transient' ? undefined : nothingDelivered()
  }
}
