import type { JsonValue } from '#domain/compute.ts'
import type { BlockNumber, Cid, EpochId } from '#domain/ids.ts'

/** Snapshots of past epochs kept for the aggregates of the next ones, in bytes of JSON: a day of some hundred pairs. */
const CACHE_BYTES_MAX = 128 * 1024 * 1024
/** What an entry costs beside its JSON. */
const ENTRY_BYTES = 256
/** CIDs that nobody serves are few; the oldest is forgotten first, and then looked for once more. */
const UNSERVED_MAX = 8_192
/** A CID that nobody serves is looked for again in the next epoch, then after two more, four, and from then on as many as this. */
const UNSERVED_PAUSE_EPOCHS_MAX = 8

/** What the network decided of an earlier epoch for one project: its data, or `undefined` when it has none. */
export type Outcome = { readonly snapshot: JsonValue; readonly snapshotCid: Cid } | undefined

interface Entry {
  readonly outcome: Outcome
  /** Decided as of this block and so of every later one; what was so before, nobody has asked. */
  readonly since: BlockNumber
  readonly bytes: number
}

/** Outcomes that will not change any more, least recently used dropped first. One for all epochs. */
export interface HistoryCache {
  /** What is known to have been decided as of `block`. */
  get(key: string, block: BlockNumber): { readonly outcome: Outcome } | undefined
  /** `bytes`: of the snapshot's JSON. */
  set(key: string, entry: Entry): void
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

export function createHistoryCache(bytesMax = CACHE_BYTES_MAX): HistoryCache {
  const entries = new Map<string, Entry>()
  let bytesHeld = 0
  let generation = 0
  return {
    get generation() {
      return generation
    },
    unserved: createUnserved(),
    get(key, block) {
      const entry = entries.get(key)
      if (entry === undefined || block < entry.since) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry
    },
    set(key, { outcome, since, bytes }) {
      const before = entries.get(key)
      bytesHeld += bytes + ENTRY_BYTES - (before?.bytes ?? 0)
      entries.delete(key)
      entries.set(key, { outcome, since: Math.min(since, before?.since ?? since) as BlockNumber, bytes: bytes + ENTRY_BYTES })
      for (const [oldest, entry] of entries) {
        if (bytesHeld <= bytesMax) break
        entries.delete(oldest)
        bytesHeld -= entry.bytes
      }
    },
    clear() {
      entries.clear()
      bytesHeld = 0
      generation += 1
    },
  }
}
