import type { EpochId } from '#domain/ids.ts'
import { isLongOver } from '#domain/window.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Store } from '#io/store/port.ts'
import { type PersistDeps, persist } from './persist.ts'

/** Something of which there is more with every epoch. */
export interface Shelf {
  /** Newest epochs of which all stays, whatever else. */
  readonly epochsKept: number
  /** Removes what only epochs before `oldest` need, oldest first and `countMax` at most; resolves with how much went. A crash may make it do so again. */
  letGo(oldest: EpochId, countMax: number): Promise<number>
}

export interface RetentionDeps extends PersistDeps {
  readonly chain: Pick<AnchorChain, 'market' | 'head' | 'epochInfo'>
  /** The newest epoch whose release the role has seen by following the chain; 0 before the first. A view of the contract is one endpoint's word, and what goes for it is gone. */
  followed(): EpochId | Promise<EpochId>
  readonly store: Store
}

/** Nobody waits for room: twenty epochs of the fastest market. */
const LOOK_EVERY_MS = 20_000
/** Removed in one go: some milliseconds of the disk, and then it is the others' turn. */
const STEP_LENGTH = 64
const STEP_PAUSE_MS = 5
/** First guess at how many epochs are open or young: each next one is twice as far back. */
const YOUNG_EPOCHS = 64

const OVER_KEY = 'retention/over'
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Entries of a store whose keys begin with `prefix`, of which those before `end` are of epochs that are to go. */
export interface OldEntries {
  readonly prefix: string
  readonly end: string
}

/** Removes entries, those of the first kind first and `countMax` at most, in one commit; resolves with how many. */
export async function letGoOfEntries(
  kinds: readonly OldEntries[],
  countMax: number,
  store: Pick<Store, 'scan' | 'commit'>,
): Promise<number> {
  const gone: string[] = []
  for (const { prefix, end } of kinds) {
    if (gone.length === countMax) break
    const found = store.scan(prefix, { limit: countMax - gone.length }).map(({ key }) => key)
    gone.push(...found.filter((key) => key < end))
  }
  // A commit of nothing waits for the disk all the same.
  if (gone.length > 0) await store.commit(gone.map((key) => ({ key })))
  return gone.length
}

/** The newest epoch of which the chain has shown that it and all before it are long over; 0 without any. It is all that a stopped role knows of the chain. */
export function overUntil(store: Store): EpochId {
  const bytes = store.get(OVER_KEY)
  return (bytes === undefined ? 0 : Number(decoder.decode(bytes))) as EpochId
}

/** The oldest epoch of which a shelf still keeps all. */
export function oldestKept(newest: EpochId, over: EpochId, { epochsKept }: Pick<Shelf, 'epochsKept'>): EpochId {
  return Math.max(0, Math.min(newest - epochsKept, over) + 1) as EpochId
}

/**
 * Lets go, for as long as the role runs, of what nobody can need any more: neither one of the newest epochs does nor one that the chain may
 * still decide about, by its own time and with a wide margin. Order: what is over is on disk before anything goes for it. Small steps with
 * pauses, so that nothing waits behind it. Rejects with the signal's reason when it aborts.
 */
export async function retain(shelves: readonly Shelf[], deps: RetentionDeps, signal: AbortSignal): Promise<never> {
  const { clock, store } = deps
  for (;;) {
    const seen = await persist({ doing: 'read_retention', attempt: () => look(deps), signal }, deps)
    if (seen.over > overUntil(store)) await store.commit([{ key: OVER_KEY, value: encoder.encode(String(seen.over)) }])
    for (const shelf of shelves) {
      const oldest = oldestKept(seen.newest, seen.over, shelf)
      while ((await shelf.letGo(oldest, STEP_LENGTH)) === STEP_LENGTH) await clock.sleep(STEP_PAUSE_MS, signal)
    }
    await clock.sleep(LOOK_EVERY_MS, signal)
  }
}

/** The newest epoch, and the newest that is surely long over: epochs are released in the order of their ids, so all before it are. */
async function look({ chain, followed }: RetentionDeps): Promise<{ readonly newest: EpochId; readonly over: EpochId }> {
  const [market, head, newest] = await Promise.all([chain.market(), chain.head(), followed()])
  for (let back = YOUNG_EPOCHS; back < newest; back *= 2) {
    const epochId = (newest - back) as EpochId
    const { contractNumber: released } = await chain.epochInfo(epochId)
    // Block 0: an endpoint that is behind the one asked before.
    if (released > 0 && isLongOver(released, head.contractNumber, market)) return { newest, over: epochId }
  }
  return { newest, over: 0 as EpochId }
}
