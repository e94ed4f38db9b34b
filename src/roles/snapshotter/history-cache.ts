import type { JsonValue } from '#domain/compute.ts'
import type { BlockNumber, Cid, EpochId } from '#domain/ids.ts'
import { createRecent } from '#domain/recent.ts'
import type { BatchIndex } from './by-roots.ts'
import type { Rows } from './series.ts'

/** What past epochs left for the aggregates of the next ones, in bytes of JSON. */
const CACHE_BYTES_MAX = 64 * 1024 * 1024
/** Fields over whole windows: six floats of some twenty projects for a day of epochs each second, of some hundred every ten seconds. */
const ROWS_BYTES_MAX = 128 * 1024 * 1024
/** A project and its CID in an index of a batch: two texts and their place. */
const INDEX_ROW_BYTES = 256
/** CIDs that nobody serves are few; the oldest is forgotten first, and then looked for once more. */
const UNSERVED_MAX = 8_192
/** A CID that nobody serves is looked for again in the next epoch, then after two more, four, and from then on as many as this. */
const UNSERVED_PAUSE_EPOCHS_MAX = 8

/** Decisions that will not change any more, and snapshots; least recently used dropped first. One for all epochs. */
export interface HistoryCache {
  /** The CID that is known to have been final as of `block`, or that there is none for good; `undefined` when neither is known. */
  decision(key: string, block: BlockNumber): { readonly snapshotCid: Cid | undefined } | undefined
  /** Decided as of block `since` and so of every later one; what was so before, nobody has asked. */
  setDecision(key: string, snapshotCid: Cid | undefined, since: BlockNumber): void
  snapshot(cid: Cid): { readonly snapshot: JsonValue } | undefined
  /** `bytes`: of its JSON. */
  setSnapshot(cid: Cid, snapshot: JsonValue, bytes: number): void
  /** What a batch file says of each project, for markets that anchor by roots. */
  index(batchCid: Cid): BatchIndex | undefined
  setIndex(batchCid: Cid, index: BatchIndex): void
  /** Fields of epochs that lie together, by whoever puts them together. */
  rows(key: string): Rows | undefined
  setRows(key: string, rows: Rows, bytes: number): void
  /** A reorganisation may undo what was decided. */
  clear(): void
  /** Another after each clearing: what began in an earlier one must not be kept. */
  readonly generation: number
  readonly unserved: Unserved
}

/** Finalized snapshots that were looked for in vain. */
export interface Unserved {
  /** Whether it is to be looked for in the work on that epoch, by a node that can do without. */
  isDue(cid: Cid, present: EpochId): boolean
  add(cid: Cid, present: EpochId): void
}

function createUnserved(): Unserved {
  const found = new Map<Cid, { readonly pause: number; readonly dueIn: number }>()
  const isDue: Unserved['isDue'] = (cid, present) => present >= (found.get(cid)?.dueIn ?? 0)
  return {
    isDue,
    add(cid, present) {
      // Several aggregates looked for it at once.
      if (!isDue(cid, present)) return
      const pause = Math.min(2 * (found.get(cid)?.pause ?? 0.5), UNSERVED_PAUSE_EPOCHS_MAX)
      found.delete(cid)
      found.set(cid, { pause, dueIn: present + pause })
      for (const oldest of found.keys()) {
        if (found.size <= UNSERVED_MAX) break
        found.delete(oldest)
      }
    },
  }
}

type Kept =
  | { readonly snapshotCid: Cid | undefined; readonly since: BlockNumber }
  | { readonly snapshot: JsonValue }
  | { readonly index: BatchIndex }

const indexKey = (batchCid: Cid): string => `index ${batchCid}`

/** Two in one: a window that is read for the first time has every snapshot pass through, and must not push out what is remembered of others. */
export function createHistoryCache(bytesMax = CACHE_BYTES_MAX, rowsBytesMax = ROWS_BYTES_MAX): HistoryCache {
  const { get, set, clear } = createRecent<Kept>(bytesMax)
  const rows = createRecent<Rows>(rowsBytesMax)
  let generation = 0

  return {
    get generation() {
      return generation
    },
    unserved: createUnserved(),
    decision(key, block) {
      const kept = get(key)
      return kept !== undefined && 'since' in kept && block >= kept.since ? kept : undefined
    },
    setDecision(key, snapshotCid, since) {
      const before = get(key)
      const first = before !== undefined && 'since' in before && before.since < since ? before.since : since
      set(key, { snapshotCid, since: first }, 0)
    },
    snapshot(cid) {
      const kept = get(cid)
      return kept !== undefined && 'snapshot' in kept ? kept : undefined
    },
    setSnapshot: (cid, snapshot, bytes) => set(cid, { snapshot }, bytes),
    index(batchCid) {
      const kept = get(indexKey(batchCid))
      return kept !== undefined && 'index' in kept ? kept.index : undefined
    },
    setIndex: (batchCid, index) => set(indexKey(batchCid), { index }, index.size * INDEX_ROW_BYTES),
    rows: rows.get,
    setRows: rows.set,
    clear() {
      clear()
      rows.clear()
      generation += 1
    },
  }
}
