import { WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Held } from '#life/copies.ts'
import { batchCidOf } from '#wire/batch-file.ts'
import { isDagCborCid } from '#wire/cid.ts'
import type { PlannedBatch } from './batch.ts'

/** Our own node answers from its own disk. */
const READ_BACK_TIMEOUT_MS = 30_000

export interface PinDeps {
  readonly ipfs: Ipfs
  /** Without it the node's own copy is enough. */
  readonly copies?: Held | undefined
}

/**
 * Adds the file, then reads it back and hashes it again, here and at as many other places as must hold it: only what can be fetched may be
 * anchored (G3, S5). Throws `IPFS_CONTENT_WRONG` when the node stored something else, what the node throws, and `COPIES_TOO_FEW`.
 */
export async function pin(epochId: EpochId, batch: PlannedBatch, { ipfs, copies }: PinDeps, signal: AbortSignal): Promise<void> {
  const { batchCid, file } = batch
  const added = await ipfs.add(file, epochId, isDagCborCid(batchCid) ? 'dag-cbor' : undefined)
  if (added !== batchCid) throw new WeftError('IPFS_CONTENT_WRONG', { cid: batchCid, got: added })
  const bytes = await ipfs.get(batchCid, { bytesMax: file.length, timeoutMs: READ_BACK_TIMEOUT_MS, signal })
  const got = await batchCidOf(bytes, batchCid)
  if (got !== batchCid) throw new WeftError('IPFS_CONTENT_WRONG', { cid: batchCid, got })
  await copies?.held(batchCid, epochId, signal)
}
