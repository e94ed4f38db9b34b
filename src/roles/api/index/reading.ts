import type { Report } from '#domain/events.ts'
import type { Clock } from '#io/clock/port.ts'
import type { IndexDatabase } from '#io/database/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Random } from '#io/keys/port.ts'
import type { Backoff } from '#life/backoff.ts'
import type { Bell } from './bell.ts'

/** What reading needs, of batches and of snapshots. */
export interface ReadingDeps {
  readonly database: IndexDatabase
  readonly ipfs: Pick<Ipfs, 'get' | 'pin'>
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly report: Report
  /** Rings when there is more in the tables, and is rung for it. */
  readonly bell: Bell
}

/** The node may only just be hearing of the block, or nobody may ever serve the content: from a second to an hour, and never the last time. */
export const RETRY_BACKOFF: Backoff = { firstMs: 1_000, lastMs: 3_600_000 }
/** What is served is there within a moment; whoever is slow is asked again, with more patience, where that stands in nobody's way. */
const [FIRST_TIMEOUT_MS, TIMEOUT_MS] = [3_000, 30_000]
export const timeoutMs = (attempts: number): number => (attempts === 0 ? FIRST_TIMEOUT_MS : TIMEOUT_MS)
