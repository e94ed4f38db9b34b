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
/** One attempt where others wait for it: who has it gives it at once. */
const HURRIED_TIMEOUT_MS = 1_000
/** An attempt whose end is due ends within this time. */
const LOOK_EVERY_MS = 500
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

/** For how long it is worth while. */
export interface Patience {
  /** Nobody waits for it any more: there is no other attempt. */
  isPointless(): boolean
  /** Something waits for its end: an attempt that began before is broken off. */
  isDue(): boolean
  /** Others wait for it: an attempt is a short one. */
  isHurried(): boolean
}

/** Fetches a batch and keeps a copy of its own (V4). Tries again until it is there, or pointless. */
export async function fetchBatch(
  { epochId, batchCid }: Pick<AnnouncedBatch, 'epochId' | 'batchCid'>,
  { isPointless, isDue, isHurried }: Patience,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<Fetched> {
  const { ipfs, peers = [], clock, random, report } = deps
  for (let attempts = 1; ; attempts += 1) {
    const attempt = new AbortController()
    const ending = AbortSignal.any([signal, attempt.signal])
    try {
      const timeoutMs = isHurried() ? HURRIED_TIMEOUT_MS : FETCH_TIMEOUT_MS
      if (!isDue()) breakOff(attempt, isDue, deps)
      const bytes = await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs, signal: ending })
      await ipfs.pin(batchCid, epochId)
      return { ok: true, bytes }
    } catch (failure) {
      if (signal.aborted) throw failure
      const known = isWeftError(failure) ? failure : undefined
      // Any text may be on chain: it is the batch's own end, and nobody else's.
      if (known?.code === 'ID_MALFORMED') return { ok: false, reason: 'cid_malformed' }
      if (known?.code === 'IPFS_CONTENT_TOO_LARGE') return { ok: false, reason: 'too_large' }
      if (known !== undefined && known.kind !== 'transient') throw known
      // One that was broken off fails as it likes.
      if (attempt.signal.aborted) return { ok: false, reason: 'not_fetched' }
      if (known === undefined) throw failure
      report('fetch_failed', { batchCid, ...toldOf(known), peers: peers.join(' ') })
    } finally {
      attempt.abort()
    }
    if (isPointless()) return { ok: false, reason: 'not_fetched' }
    await clock.sleep(pauseMs(RETRY_BACKOFF, attempts, random), signal)
    if (isPointless()) return { ok: false, reason: 'not_fetched' }
  }
}

/** Ends the attempt when its end is due: one takes as long as a window may have left. */
function breakOff(attempt: AbortController, isDue: () => boolean, { clock }: FetchDeps): void {
  const look = async (): Promise<void> => {
    while (!attempt.signal.aborted) {
      await clock.sleep(LOOK_EVERY_MS, attempt.signal)
      if (isDue()) attempt.abort()
    }
  }
  // It ends with the attempt.
  look().catch(() => undefined)
}
