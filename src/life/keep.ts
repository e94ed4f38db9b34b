import { isWeftError, type WeftError } from '#domain/errors.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import type { Ipfs } from '#io/ipfs/port.ts'

/** The largest snapshot that is read: far above any that is useful in an epoch of seconds. */
export const SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024

/** Nobody serves the content, there is no room for it now, or what is said to be its CID is none: any text may be on chain. */
export function isUnreadable(failure: unknown): failure is WeftError {
  return isWeftError(failure) && (failure.code.startsWith('IPFS_') || failure.code === 'ID_MALFORMED' || failure.code === 'STORE_FULL')
}

export interface KeepOptions {
  /** It is kept as long as what else this epoch needs. */
  readonly epochId: EpochId
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Fetches a snapshot from whoever serves it, hashes it and keeps a copy, which is served from then on. Resolves with its length in bytes;
 * `undefined` when it cannot be had in time, or is too large, `no room` while the disk is full. Throws the signal's reason, and what a broken disk throws.
 */
export async function keepSnapshot(
  cid: Cid,
  { epochId, timeoutMs, signal }: KeepOptions,
  ipfs: Ipfs,
): Promise<number | 'no room' | undefined> {
  try {
    const bytes = await ipfs.get(cid, { bytesMax: SNAPSHOT_BYTES_MAX, timeoutMs, signal })
    await ipfs.pin(cid, epochId)
    return bytes.length
  } catch (failure) {
    signal.throwIfAborted()
    if (!isUnreadable(failure)) throw failure
    return failure.code === 'STORE_FULL' ? 'no room' : undefined
  }
}
