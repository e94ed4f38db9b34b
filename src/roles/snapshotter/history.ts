import type { JsonValue, SnapshotHistory } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import { type Cid, type EpochId, parseEpochId, parseProjectId, type ProjectId } from '#domain/ids.ts'
import { lastAttestationBlock, lastBatchBlock } from '#domain/window.ts'
import type { AnchorChain, BlockRef, MarketState } from '#io/chain/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Backoff } from '#life/backoff.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { JSON_BYTES_MAX, parseCanonicalJson } from '#wire/canonical-json.ts'

/** Snapshots of past epochs kept for the aggregates of the next ones, in bytes of JSON: a day of some hundred pairs. */
const CACHE_BYTES_MAX = 128 * 1024 * 1024
/** What an entry costs beside its JSON. */
const ENTRY_BYTES = 128
/** How long one attempt to fetch may take; it is made again until the window closes. */
const FETCH_TIMEOUT_MS = 10_000
const PATIENT: Backoff = { firstMs: 250, lastMs: 5_000 }

/** An earlier epoch's outcome for one project: its finalized data, or `undefined` when it has none. */
type Outcome = JsonValue | undefined

/** Outcomes that will not change any more, least recently used dropped first. One for all epochs. */
export interface HistoryCache {
  get(key: string): { readonly outcome: Outcome } | undefined
  set(key: string, outcome: Outcome, bytes: number): void
  /** A reorganisation may undo what was decided. */
  clear(): void
  /** Another after each clearing: what began in an earlier one must not be kept. */
  readonly generation: number
}

export function createHistoryCache(bytesMax = CACHE_BYTES_MAX): HistoryCache {
  const entries = new Map<string, { readonly outcome: Outcome; readonly bytes: number }>()
  let bytesHeld = 0
  let generation = 0
  return {
    get generation() {
      return generation
    },
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry
    },
    set(key, outcome, bytes) {
      bytesHeld += bytes + ENTRY_BYTES - (entries.get(key)?.bytes ?? 0)
      entries.delete(key)
      entries.set(key, { outcome, bytes: bytes + ENTRY_BYTES })
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

export interface HistoryDeps extends PersistDeps {
  readonly chain: AnchorChain
  readonly ipfs: Ipfs
  readonly market: MarketState
  readonly cache: HistoryCache
  readonly head: () => BlockRef
  readonly news: (epochId: EpochId, atBlock: number, signal: AbortSignal) => Promise<void>
}

/**
 * Earlier epochs as an aggregate of `present` sees them: finalized data only, whoever computed it (N5). Undecided ones are waited for
 * until the signal aborts, which is when the window closes.
 */
export function createHistory(present: EpochId, signal: AbortSignal, deps: HistoryDeps): SnapshotHistory {
  const { chain, cache } = deps
  const asked = new Map<string, Promise<Outcome>>()
  const patiently = <Value>(attempt: () => Promise<Value>) => persist({ doing: 'read_history', attempt, signal, backoff: PATIENT }, deps)

  /** The CID that was finalized; `undefined` when the epoch ended, or can only end, without one. */
  async function decided(projectId: ProjectId, epochId: EpochId): Promise<Cid | undefined> {
    const { releaseBlock } = await patiently(() => chain.epochInfo(epochId))
    if (releaseBlock === 0) return undefined
    const batchesUntil = lastBatchBlock(releaseBlock, deps.market)
    const attestationsUntil = lastAttestationBlock(releaseBlock, deps.market)
    for (;;) {
      signal.throwIfAborted()
      const head = deps.head()
      const isEnded = await patiently(() => chain.isEpochEnded(epochId))
      const { status, snapshotCid } = await patiently(() => chain.snapshotStatus(projectId, epochId))
      if (status === 'finalized') return snapshotCid as Cid
      // The contract takes no batch and counts no attestation after its windows (spec/contracts.md §4.6, §4.7).
      if (status === 'absent' && (isEnded || head.number > batchesUntil)) return undefined
      if (status === 'pending' && head.number > attestationsUntil) return undefined
      // What came while we asked may not be in the answers, and would not be news any more.
      if (deps.head().hash !== head.hash) continue
      await deps.news(epochId, (status === 'absent' ? batchesUntil : attestationsUntil) + 1, signal)
    }
  }

  async function load(projectId: ProjectId, epochId: EpochId, key: string): Promise<Outcome> {
    for (;;) {
      const { generation } = cache
      const cid = await decided(projectId, epochId)
      const bytes = cid && (await patiently(() => deps.ipfs.get(cid, { bytesMax: JSON_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, signal })))
      // Decided on a chain that is gone: another one may say something else.
      if (cache.generation !== generation) continue
      const outcome = bytes && parseCanonicalJson(bytes)
      cache.set(key, outcome, bytes?.length ?? 0)
      return outcome
    }
  }

  async function snapshot(projectText: string, epochNumber: number): Promise<Outcome> {
    const [projectId, epochId] = [parseProjectId(projectText), parseEpochId(epochNumber)]
    if (epochId >= present) throw new WeftError('ID_MALFORMED', { what: `epoch before ${present}`, text: String(epochId) })
    const key = `${epochId} ${projectId}`
    const known = cache.get(key)
    if (known !== undefined) return known.outcome
    const under = asked.get(key) ?? load(projectId, epochId, key).finally(() => asked.delete(key))
    asked.set(key, under)
    return under
  }

  return {
    snapshot,
    async firstEpochId(projectText) {
      const projectId = parseProjectId(projectText)
      const first = await patiently(() => chain.projectFirstEpochId(projectId))
      if (first > 0 && first < present) return first
      // Nothing on chain *yet* is no answer: another node that asks later would get another one. So the epoch before must be decided.
      if (present > 1) await decided(projectId, (present - 1) as EpochId)
      const settled = await patiently(() => chain.projectFirstEpochId(projectId))
      return settled > 0 && settled < present ? settled : undefined
    },
  }
}
