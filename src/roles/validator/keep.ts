import pLimit from 'p-limit'
import type { AnnouncedBatch } from '#domain/anchor-view.ts'
import type { Cid } from '#domain/ids.ts'
import { keepSnapshot } from '#life/keep.ts'
import type { FetchDeps } from './fetch.ts'

/** One attempt for one snapshot. */
const KEEP_TIMEOUT_MS = 5_000
const RETRY_PAUSE_MS = 500
/** Snapshots fetched at once, each of `SNAPSHOT_BYTES_MAX` at most. */
const AT_ONCE_MAX = 16

/**
 * Keeps the bytes of every CID that a batch makes final, before this validator says so (V9, G10). Tries again what cannot be had, until
 * `isPointless`; `false` then. That is no reason to speak for another root: a vote is for ever, and that nobody has the bytes cannot be
 * told from not reaching those who have. A validator that is cut off must not stand against the others.
 */
export async function keepSnapshots(
  { epochId, batchCid }: Pick<AnnouncedBatch, 'epochId' | 'batchCid'>,
  cids: readonly Cid[],
  isPointless: () => boolean,
  { ipfs, clock, report }: FetchDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const limit = pLimit(AT_ONCE_MAX)
  const missing = new Set(cids)
  const keepOne = async (cid: Cid): Promise<void> => {
    const length = await keepSnapshot(cid, { epochId, timeoutMs: KEEP_TIMEOUT_MS, signal }, ipfs)
    if (typeof length === 'number') missing.delete(cid)
  }
  for (;;) {
    await Promise.all([...missing].map((cid) => limit(keepOne, cid)))
    if (missing.size === 0) return true
    report('snapshots_unavailable', { epochId, batchCid, missing: missing.size, of: cids.length })
    if (isPointless()) return false
    await clock.sleep(RETRY_PAUSE_MS, signal)
  }
}
