import pLimit from 'p-limit'
import { WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import type { PlannedBatch } from './batch.ts'

/** Our own node answers from its own disk. */
const READ_BACK_TIMEOUT_MS = 30_000
/** Files on their way to the node at once, each of `BATCH_BYTES_MAX` at most. */
const PINS_AT_ONCE_MAX = 4

/** The files of an epoch's batches on their way to IPFS. */
export interface Pins {
  /** By the batch's index: whether the file can be fetched; `false` when it could not be had in time. What has none needs no wait. */
  readonly ends: readonly Promise<boolean>[]
  /** Indexes of those that can be fetched by now. */
  readonly done: { has(index: number): boolean }
}

/** Of batches that were pinned before. */
export const PINNED: Pins = { ends: [], done: { has: () => true } }

/** Pins side by side: a file that the node is slow with holds up no other. `pinOne` says whether it came in time. */
export function pinAll(batches: readonly PlannedBatch[], pinOne: (batch: PlannedBatch) => Promise<boolean>): Pins {
  const limit = pLimit(PINS_AT_ONCE_MAX)
  const done = new Set<number>()
  const ends = batches.map(async (batch) => {
    const isInTime = await limit(pinOne, batch)
    if (isInTime) done.add(batch.index)
    return isInTime
  })
  // Whoever waits for one hears of it.
  for (const end of ends) end.catch(() => undefined)
  return { ends, done }
}

/**
 * Adds the file, then reads it back and hashes it again: only what can be fetched may be anchored (G3, S5).
 * Throws `IPFS_CONTENT_WRONG` when the node stored something else, and what the node throws.
 */
export async function pin(epochId: EpochId, batch: PlannedBatch, { ipfs }: { readonly ipfs: Ipfs }, signal: AbortSignal): Promise<void> {
  const { batchCid, file } = batch
  const added = await ipfs.add(file, epochId)
  if (added !== batchCid) throw new WeftError('IPFS_CONTENT_WRONG', { cid: batchCid, got: added })
  const bytes = await ipfs.get(batchCid, { bytesMax: file.length, timeoutMs: READ_BACK_TIMEOUT_MS, signal })
  const got = await snapshotCidOf(bytes)
  if (got !== batchCid) throw new WeftError('IPFS_CONTENT_WRONG', { cid: batchCid, got })
}
