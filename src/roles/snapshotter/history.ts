import type { JsonValue } from '#domain/compute.ts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { type BlockNumber, type Cid, type ContractNumber, type EpochId, parseEpochId, parseProjectId, type ProjectId } from '#domain/ids.ts'
import type { AnchorChain, BlockRef, MarketState } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Backoff } from '#life/backoff.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { JSON_BYTES_MAX, parseCanonicalJson } from '#wire/canonical-json.ts'
import { createByRoots } from './by-roots.ts'
import { type AsOf, createDecide, type Decision } from './decision.ts'
import { createFirstEpochId } from './first-epoch.ts'
import type { HistoryCache } from './history-cache.ts'
import type { Terms } from './plan.ts'
import { isOurFailure, readOwn } from './project-run.ts'
import type { Records, Source } from './records.ts'
import { createSeries, type ReadSeries } from './series.ts'

/** How long finalized bytes are looked for by a node that has its own to do without; short, for the window goes on. */
const FETCH_WITH_OWN_MS = 2_000
/** The same for one attempt of a node that has nothing else, which tries again until the window closes, after such pauses. */
const FETCH_TIMEOUT_MS = 10_000
const FETCH_PAUSE_MS = 1_000
const PATIENT: Backoff = { firstMs: 250, lastMs: 5_000 }

/** A snapshot of an earlier epoch, and whose word it is. */
export interface Earlier {
  readonly snapshot: JsonValue
  readonly source: Source
}

/** Our own snapshots of epochs that we were away for. */
export interface Recompute {
  /** Asks for one; where it can be had it comes, and is news of its epoch. */
  ask(epochId: EpochId, projectId: ProjectId): void
  /** Why the epoch could not be recomputed when it was tried last; `undefined` while it was not, or did not fail. */
  whyNot(epochId: EpochId): string | undefined
}

export interface HistoryDeps extends PersistDeps {
  readonly clock: Clock
  readonly chain: Pick<AnchorChain, 'epochInfo' | 'isEpochEnded' | 'batchCids' | 'batch' | 'snapshotStatus' | 'projectFirstEpochId'>
  readonly terms: Pick<Terms, 'termsAt'>
  readonly ipfs: Ipfs
  readonly market: MarketState
  readonly records: Pick<Records, 'own' | 'isUnplanned' | 'saveStandIn'>
  readonly cache: HistoryCache
  readonly head: () => BlockRef
  readonly news: (epochId: EpochId, atBlock: ContractNumber, signal: AbortSignal) => Promise<void>
  readonly recompute: Recompute
}

/** Earlier epochs as the aggregates of one epoch see them. */
export interface EpochHistory {
  /** The block that released the epoch: as of it the chain is asked. */
  readonly releaseBlock: BlockNumber
  /** The first epoch for which the project may have data; `undefined` when none before this one. */
  firstEpochId(projectId: string): Promise<EpochId | undefined>
  /** `undefined` when the epoch has no data for the project. */
  snapshot(projectId: string, epochId: number): Promise<Earlier | undefined>
  /** Fields of many, each read by the function given unless it is remembered. */
  readonly series: ReadSeries
  /** Why `snapshot` has no answer yet; `undefined` when it merely takes its time. */
  waitsFor(projectId: string, epochId: number): string | undefined
}

const keyOf = (projectId: string, epochId: number) => `${epochId} ${projectId}`

/**
 * For every earlier epoch what was finalized as of the block that released `present`, which all nodes share; for what was undecided then, or
 * cannot be had, our own snapshot, which honest nodes share (N5). Who has none asks for it to be recomputed, and waits for it or for the
 * decision until the signal aborts, which is when the window closes.
 */
export function createHistory(present: EpochId, release: AsOf, signal: AbortSignal, deps: HistoryDeps): EpochHistory {
  const { cache, records } = deps
  const asked = new Map<string, Promise<Earlier | undefined>>()
  const waits = new Map<string, string>()
  const patiently = <Value>(attempt: () => Promise<Value>) => persist({ doing: 'read_history', attempt, signal, backoff: PATIENT }, deps)
  const byRoots = createByRoots(deps, signal)
  const decide = createDecide({ ...deps, byRoots })
  const fetch = createFetch(present, signal, deps)
  const firstEpochId = createFirstEpochId(present, release, patiently, { ...deps, byRoots })

  async function find(projectId: ProjectId, epochId: EpochId): Promise<Earlier | undefined> {
    const key = keyOf(projectId, epochId)
    const earlier = (snapshot: JsonValue, source: Pick<Source, 'snapshotCid' | 'isOwn'>): Earlier => ({
      snapshot,
      source: { projectId, epochId, ...source },
    })
    /** Nothing was to be had as of the release: then it is what comes first, our own or what the chain says later. */
    let isLate = false
    /** Our own on record, whose bytes are gone. */
    let lost: Cid | undefined
    for (;;) {
      signal.throwIfAborted()
      const { generation } = cache
      const head = deps.head()
      const recorded = records.own(epochId, projectId)
      const own = recorded === lost ? undefined : recorded
      if (own !== undefined) waits.delete(key)
      const block = isLate && own === undefined ? head : release
      const decision = await patiently(() => decide(block, projectId, epochId))
      const found = decision.kind === 'finalized' ? await fetch.finalized(decision.snapshotCid, own !== undefined) : undefined
      // Decided on a chain that is gone: another one may say something else.
      if (cache.generation !== generation) continue
      if (decision.kind === 'none') return undefined
      if (decision.kind === 'finalized' && found !== undefined)
        return earlier(found.snapshot, { snapshotCid: decision.snapshotCid, isOwn: false })
      const ours = own && (await fetch.own(own))
      if (own !== undefined && ours !== undefined) {
        if (decision.kind === 'finalized') await records.saveStandIn(epochId, projectId, own)
        return earlier(ours.snapshot, { snapshotCid: own, isOwn: true })
      }
      lost = own ?? lost
      if (decision.kind === 'undecided' && records.isUnplanned(epochId, projectId)) return undefined
      if (decision.kind === 'undecided') deps.recompute.ask(epochId, projectId)
      waits.set(key, `${told(decision)}, and there is no snapshot of our own`)
      if (!isLate) isLate = true
      else if (decision.kind === 'finalized') await deps.clock.sleep(FETCH_PAUSE_MS, signal)
      // What came while we asked may not be in the answers, and would not be news any more.
      else if (deps.head().hash === head.hash && records.own(epochId, projectId) === recorded)
        await deps.news(epochId, decision.decidedBy, signal)
    }
  }

  return {
    releaseBlock: release.number,
    firstEpochId: (projectText) => firstEpochId(parseProjectId(projectText)),
    async snapshot(projectText, epochNumber) {
      const [projectId, epochId] = [parseProjectId(projectText), parseEpochId(epochNumber)]
      if (epochId >= present) throw new WeftError('ID_MALFORMED', { what: `epoch before ${present}`, text: String(epochId) })
      const key = keyOf(projectId, epochId)
      const under = asked.get(key) ?? find(projectId, epochId).finally(() => asked.delete(key))
      asked.set(key, under)
      return under
    },
    series: createSeries({ releaseBlock: release.number, cache, onRead: createProgress(present, deps) }),
    waitsFor(projectId, epochId) {
      const waitsFor = waits.get(keyOf(projectId, epochId))
      const whyNot = deps.recompute.whyNot(epochId as EpochId)
      return waitsFor === undefined || whyNot === undefined ? waitsFor : `${waitsFor}: ${whyNot}`
    },
  }
}

/** How often a long reading says how far it has come. */
const PROGRESS_EVERY_MS = 10_000

/** Tells of readings that take longer than that: a snapshotter that is new reads whole windows once. */
function createProgress(present: EpochId, { clock, report }: Pick<HistoryDeps, 'clock' | 'report'>) {
  let lastMs = clock.nowMs()
  return (projectId: string, read: number, of: number): void => {
    if (clock.nowMs() - lastMs < PROGRESS_EVERY_MS) return
    lastMs = clock.nowMs()
    report('history_read', { epochId: present, projectId, read, of })
  }
}

function told(decision: Exclude<Decision, { readonly kind: 'none' }>): string {
  return decision.kind === 'undecided' ? 'not decided' : `finalized as ${decision.snapshotCid}, which cannot be had`
}

type Found = { readonly snapshot: JsonValue } | undefined

/** Reads snapshots by CID, each once as long as the cache holds it. */
function createFetch(present: EpochId, signal: AbortSignal, { ipfs, cache }: Pick<HistoryDeps, 'ipfs' | 'cache'>) {
  return {
    /** `undefined` when it cannot be had, or may be done without because it could not be had lately. */
    async finalized(cid: Cid, hasOwn: boolean): Promise<Found> {
      const known = cache.snapshot(cid)
      if (known !== undefined || (hasOwn && !cache.unserved.isDue(cid, present))) return known
      try {
        const timeoutMs = hasOwn ? FETCH_WITH_OWN_MS : FETCH_TIMEOUT_MS
        const bytes = await ipfs.get(cid, { bytesMax: JSON_BYTES_MAX, timeoutMs, signal })
        const snapshot = parseCanonicalJson(bytes)
        cache.setSnapshot(cid, snapshot, bytes.length)
        return { snapshot }
      } catch (failure) {
        signal.throwIfAborted()
        if (!isWeftError(failure) || isOurFailure(failure)) throw failure
        // What is no snapshot will never be one: whoever has nothing else fails with it.
        if (!hasOwn && failure.kind !== 'transient') throw failure
        cache.unserved.add(cid, present)
        return undefined
      }
    },
    /** `undefined` when our IPFS node has lost it. */
    async own(cid: Cid): Promise<Found> {
      const known = cache.snapshot(cid)
      if (known !== undefined) return known
      const read = await readOwn(cid, { ipfs, signal })
      if (read !== undefined) cache.setSnapshot(cid, read.snapshot, read.bytes)
      return read
    },
  }
}
