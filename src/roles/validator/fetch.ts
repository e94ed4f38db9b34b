import type { AnnouncedBatch } from '#domain/anchor-view.ts'
import { isWeftError, toldOf } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Random } from '#io/keys/port.ts'
import { type Backoff, pauseMs } from '#life/backoff.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'

/** One attempt; a batch of the usual size takes about a second. */
const FETCH_TIMEOUT_MS = 10_000
/** Others may only just be storing it; one that nobody serves need not be asked for as often. */
const RETRY_BACKOFF: Backoff = { firstMs: 500, lastMs: 5_000 }

export interface FetchDeps {
  readonly ipfs: Ipfs
  /** Where content comes from, for the log. */
  readonly peers?: readonly string[]
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly report: Report
}

export type Fetched =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly reason: 'cid_malformed' | 'too_large' | 'not_fetched' }

/** Fetches a batch and keeps a copy of its own (V4). Tries again until it is there, or `isPointless` says that nobody waits any more. */
export async function fetchBatch(
  { epochId, batchCid }: Pick<AnnouncedBatch, 'epochId' | 'batchCid'>,
  isPointless: () => boolean,
  { ipfs, peers = [], clock, random, report }: FetchDeps,
  signal: AbortSignal,
): Promise<Fetched> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      const bytes = await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, signal })
      await ipfs.pin(batchCid, epochId)
      return { ok: true, bytes }
    } catch (failure) {
      if (signal.aborted || !isWeftError(failure)) throw failure
      // Any text may be on chain: it is the batch's own end, and nobody else's.
      if (failure.code === 'ID_MALFORMED') return { ok: false, reason: 'cid_malformed' }
      if (failure.code === 'IPFS_CONTENT_TOO_LARGE') return { ok: false, reason: 'too_large' }
      if (failure.kind !== 'transient') throw failure
      report('fetch_failed', { batchCid, ...toldOf(failure), peers: peers.join(' ') })
    }
    if (isPointless()) return { ok: false, reason: 'not_fetched' }
    await clock.sleep(pauseMs(RETRY_BACKOFF, attempts, random), signal)
  }
}
