import pLimit from 'p-limit'
import type { AnchorView, Header, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Report } from '#domain/events.ts'
import type { Cid } from '#domain/ids.ts'
import type { LaterWindows } from '#domain/window.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { keepSnapshot } from '#life/keep.ts'
import type { CountedProject } from './finalize.ts'

/** For all winners of an epoch together, as this part of its batch window at the pace of its blocks: batches are still to be pinned and mined in it. */
const WINDOW_PART = 2
/** So long after the last one that came, nobody serves the rest: connected peers answer within tens of milliseconds, those that are busy within seconds. Before the first, the epoch has nothing to lose by waiting. */
const QUIET_MAX_MS = 5_000
/** Timestamps are of whole seconds: of a fast chain they show no pace. */
const KEEP_TIMEOUT_MIN_MS = 1_000
/** A full disk has room when somebody has made some. */
const ROOM_PAUSE_MS = 200
/** Snapshots fetched at once, each of `SNAPSHOT_BYTES_MAX` at most. */
const AT_ONCE_MAX = 16

/** What it took to keep the winners of an epoch. */
export interface KeptCost {
  readonly bytes: number
  readonly ms: number
}

export interface KeepDeps {
  readonly view: AnchorView
  readonly contract: Pick<LaterWindows, 'batchWindowBlocks'>
  readonly ipfs: Ipfs
  readonly clock: Clock
  readonly report: Report
}

/**
 * Keeps the bytes of every CID that won: what nobody has must not become final (S14, G10). A project whose winner cannot be had in time is
 * omitted, and no other CID takes its place: it has not won. Not pure, so what comes out is what the plan on disk says: until that is
 * written nothing has left the house, and a restart decides anew.
 */
export async function keep(
  { epochId, release }: ReleasedEpoch,
  counted: readonly CountedProject[],
  { ipfs, clock, report, view, contract }: KeepDeps,
  signal: AbortSignal,
): Promise<{ readonly counted: readonly CountedProject[]; readonly cost: KeptCost }> {
  const startedMs = clock.nowMs()
  const patience = createPatience(timeoutFor(release, view.head ?? release, contract.batchWindowBlocks), { clock, signal })
  const limit = pLimit(AT_ONCE_MAX)
  const winners = new Set(counted.flatMap(({ result }) => (result.kind === 'finalized' ? [result.snapshotCid] : [])))
  const lengths = new Map<Cid, number>()
  const keepOne = async (cid: Cid): Promise<void> => {
    while (!patience.isOver()) {
      const askedMs = clock.nowMs()
      const kept = await patience.ofAttempt(keepSnapshot(cid, { epochId, timeoutMs: QUIET_MAX_MS, signal: patience.signal }, ipfs))
      if (typeof kept === 'number') {
        lengths.set(cid, kept)
        // One that is slow for all has them all the same: the others are not given up for it.
        patience.renew()
        return
      }
      // Nobody will ever have it.
      if (kept === undefined && clock.nowMs() - askedMs < QUIET_MAX_MS) return
      if (kept === 'no room') await patience.ofAttempt(clock.sleep(ROOM_PAUSE_MS, patience.signal))
    }
  }
  try {
    await Promise.all([...winners].map((cid) => limit(keepOne, cid)))
  } finally {
    patience.end()
  }
  const missing = winners.size - lengths.size
  if (missing > 0) report('snapshots_unavailable', { epochId, missing, of: winners.size })
  const cost = { bytes: lengths.values().reduce((sum, length) => sum + length, 0), ms: clock.nowMs() - startedMs }
  return { counted: counted.map((project) => (isMissing(project, lengths) ? withoutWinner(project) : project)), cost }
}

/** How long it is waited: `totalMs` in all, and so long after the last that came. Slept, not read from a clock, which may be set forward meanwhile. */
function createPatience(totalMs: number, { clock, signal }: Pick<KeepDeps, 'clock'> & { readonly signal: AbortSignal }) {
  const [over, settled] = [new AbortController(), new AbortController()]
  let quiet = new AbortController()
  function endIn(durationMs: number, unless: AbortSignal): void {
    const end = () => over.abort()
    clock.sleep(durationMs, AbortSignal.any([signal, settled.signal, unless])).then(end, () => undefined)
  }
  endIn(totalMs, settled.signal)
  return {
    signal: AbortSignal.any([signal, over.signal]),
    isOver: () => over.signal.aborted,
    renew(): void {
      quiet.abort()
      quiet = new AbortController()
      endIn(QUIET_MAX_MS, quiet.signal)
    },
    /** What the attempt gives; `undefined` when it is broken off because all are over. */
    async ofAttempt<Value>(attempt: Promise<Value>): Promise<Value | undefined> {
      try {
        return await attempt
      } catch (failure) {
        if (signal.aborted || !over.signal.aborted) throw failure
        return undefined
      }
    },
    end: () => settled.abort(),
  }
}

function timeoutFor(release: Header, head: Header, batchWindowBlocks: number): number {
  const blockMs = (1_000 * (head.timestamp - release.timestamp)) / Math.max(1, head.contractNumber - release.contractNumber)
  return Math.max(KEEP_TIMEOUT_MIN_MS, (batchWindowBlocks * blockMs) / WINDOW_PART)
}

const isMissing = ({ result }: CountedProject, kept: ReadonlyMap<Cid, number>): boolean =>
  result.kind === 'finalized' && !kept.has(result.snapshotCid)

function withoutWinner({ result: { votesPerCid, total, isTie }, ...project }: CountedProject): CountedProject {
  return { ...project, result: { kind: 'omitted', reason: 'unavailable', votesPerCid, total, isTie } }
}
