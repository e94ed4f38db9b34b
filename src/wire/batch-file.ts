import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import type { Cid } from '#domain/ids.ts'
import type { BatchForm } from '#domain/market-rules.ts'
import { COMPACT_BYTES_WRITTEN_MAX, compactBytes, encodeCompactBatch, parseCompactBatch, readCompactBatch } from './batch-cbor.ts'
import { BATCH_BYTES_MAX, encodeBatch, type ParsedBatch, parseBatch, readBatch, submissionsJsonBytes } from './batch-json.ts'
import { dagCborCidOf, isDagCborCid, isSnapshotCid, snapshotCidOf } from './cid.ts'
import { inTurns } from './in-turns.ts'

/** A batch file in either form, told apart by the codec of its CID: a dag-cbor block is a compact batch, a UnixFS file one in JSON. */

export interface BatchFile {
  readonly batchCid: Cid
  readonly file: Uint8Array
  /** The same content in the compact form, of whatever size: a sixth of the bytes for whoever keeps it, and `fileOf` gives the file again. */
  readonly compact: Uint8Array
}

/**
 * The file in the form that the market asks for; in JSON also what would not fit into one block of dag-cbor. `between` the steps others may have
 * their turn.
 */
export async function batchFile(batch: Batch, form: BatchForm, between: () => Promise<void> = async () => undefined): Promise<BatchFile> {
  const compact = encodeCompactBatch(batch)
  await between()
  const file = form === 'dag-cbor' && compact.length <= COMPACT_BYTES_WRITTEN_MAX ? compact : encodeBatch(batch)
  if (file !== compact) await between()
  return { batchCid: await (file === compact ? dagCborCidOf(file) : snapshotCidOf(file)), file, compact }
}

/** The file of `batchCid` again. */
export function fileOf(compact: Uint8Array, batchCid: Cid): Uint8Array {
  if (isDagCborCid(batchCid)) return compact
  const parsed = parseCompactBatch(compact, compact.length)
  if (!parsed.ok) throw new Error(`a stored batch is ${parsed.defect}: the store was written by another version`)
  return encodeBatch(parsed.batch)
}

/** How many bytes a project's submissions take in the file, near enough to cut batches by. */
export const submissionsBytes = (submissions: readonly BatchedSubmission[], form: BatchForm): number =>
  form === 'dag-cbor' ? compactBytes(submissions) : submissionsJsonBytes(submissions)

/** What a file of the form may have at most, whatever else limits it. */
export const fileBytesMax = (form: BatchForm): number => (form === 'dag-cbor' ? COMPACT_BYTES_WRITTEN_MAX : BATCH_BYTES_MAX)

/** The CID that `bytes` have as content of the form that `batchCid` says; any other than `batchCid` shows that they are not its content. */
export const batchCidOf = (bytes: Uint8Array, batchCid: string): Promise<Cid> =>
  isDagCborCid(batchCid) ? dagCborCidOf(bytes) : snapshotCidOf(bytes)

/** Whether `text` is a CID that `batchFile` can give. Older peers write others, which name their content as well. */
export const isBatchCid = (text: string): text is Cid => isSnapshotCid(text) || isDagCborCid(text)

/** Reads the content of `batchCid`; `between` its pieces others may have their turn, for a file may be as large as anybody makes it. */
export const readBatchFile = (bytes: Uint8Array, batchCid: string, between: () => Promise<void>): Promise<ParsedBatch> =>
  inTurns(isDagCborCid(batchCid) ? readCompactBatch(bytes) : readBatch(bytes), between)

/** The same at once, of a file that we have planned ourselves. */
export const parseBatchFile = (bytes: Uint8Array, batchCid: string): ParsedBatch =>
  isDagCborCid(batchCid) ? parseCompactBatch(bytes) : parseBatch(bytes)
