import pLimit from 'p-limit'
import { WeftError } from '#domain/errors.ts'
import { type EpochId, parseEpochId, type ProjectId, type SlotId } from '#domain/ids.ts'
import { mayVoteOn } from '#domain/market-rules.ts'
import { byReason } from '#domain/project.ts'
import { shareUsed, windowOf } from '#domain/window.ts'
import type { AnchorChain, BlockRef, MarketState, SourceChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { SubmissionClient } from '#io/grpc/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Signer, SigningRecord } from '#io/keys/port.ts'
import type { Store } from '#io/store/port.ts'
import type { Tracer } from '#io/traces/port.ts'
import { type Life, live } from '#life/live.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { restoredUpTo } from '#life/restored.ts'
import { retain } from '#life/retention.ts'
import { type CounterReadings, type Counters, createCounters } from './counters.ts'
import { createInputs, runEpoch } from './epoch-run.ts'
import { createHistoryCache, type HistoryCache } from './history-cache.ts'
import { concludeEpoch } from './outcome.ts'
import { createOpenEpochs, type OpenEpoch, type OpenEpochs } from './open-epochs.ts'
import { createOwnSlots, type OwnSlots } from './own-slots.ts'
import type { EpochTerms, Terms } from './plan.ts'
import type { ProjectDeps } from './project-run.ts'
import { type EpochRecord, openRecords, type Outcome, type ProjectRecord, type Records } from './records.ts'
import { createRecompute } from './recompute.ts'
import { checkIdentity, createSign, type Sign } from './sign.ts'
import { simulateOnce } from './simulate.ts'
import { createWatch, type Watch, type WatchHandlers } from './watch.ts'

export interface SnapshotterOptions {
  /** The slots to sign for, all with one key. */
  readonly slotIds: readonly SlotId[]
  /** Anchor blocks for which a signature is to be good, unless the market allows fewer. */
  readonly deadlineBufferBlocks?: number
  readonly nodeVersion?: string
  /** For one preload, and for one snapshot. */
  readonly computeTimeoutMs?: number
  /** Newest epochs whose snapshots stay on IPFS here, and of what was read for aggregates; more than those reach back. */
  readonly ipfsEpochsKept: number
}

export interface SnapshotterDeps extends PersistDeps {
  readonly chain: AnchorChain
  readonly source: SourceChain
  readonly ipfs: Ipfs
  readonly store: Store
  readonly clock: Clock
  readonly signer: Signer
  /** Without it this store alone knows what was signed. */
  readonly signed?: SigningRecord | undefined
  readonly collector: SubmissionClient
  readonly tracer?: Tracer | undefined
  /** What the market asks for in each epoch. */
  readonly terms: Terms
  /** Called with the end of each epoch. */
  readonly onEpoch?: (summary: EpochSummary) => void
  /** Called with what the network decided of each project, and how many votes the collector took for our own word. */
  readonly onOutcome?: ((outcome: Outcome, votes: number) => void) | undefined
}

/** How an epoch went, told once, when it is over. */
export interface EpochSummary {
  readonly epochId: EpochId
  readonly state: EpochRecord['state']
  readonly submitted: number
  /** The projects that did not make it, with their reasons. */
  readonly missed: readonly ProjectRecord[]
  /** From the moment we saw the release. */
  readonly tookMs: number
  /** How much of its window had passed then, by the chain; absent where it was skipped. */
  readonly windowUsed?: number
}

export interface SnapshotterStats extends CounterReadings {
  readonly headBlock: number | undefined
  readonly epochsOpen: number
  /** Slots that may be signed for now; `undefined` before they are read. */
  readonly ownSlots: readonly SlotId[] | undefined
}

export interface Snapshotter {
  /**
   * Works until the signal aborts; then resolves when nothing is under way any more: what is unfinished goes on at the next start. Rejects
   * with `SETTINGS_INVALID` when a slot is not ours, and on what else needs a person, or a bug.
   */
  run(signal: AbortSignal): Promise<void>
  stats(): SnapshotterStats
  /** Epochs open or kept, ascending. */
  epochs(): readonly EpochRecord[]
  /** State and reason of each project that is no longer merely released. */
  projects(epochId: EpochId): readonly ProjectRecord[]
  /** The same of one; `undefined` while it is merely released. */
  project(epochId: EpochId, projectId: ProjectId): ProjectRecord | undefined
  /** How our word on it fared; `undefined` while nothing is decided. */
  outcome(epochId: EpochId, projectId: ProjectId): Outcome | undefined
}

/** The published configuration of deployed nodes (spec/02 §1). */
const DEADLINE_BUFFER_BLOCKS = 500
const NODE_VERSION = 'v0.1.0'
/** As long as deployed nodes give a preload (spec/03 §4). */
const COMPUTE_TIMEOUT_MS = 60_000
/** Submissions under way to the collector: enough to fill its group commits. */
const HAND_OVERS_AT_ONCE_MAX = 64

/** What the parts of the flow share. */
interface Snapshotting extends SnapshotterDeps {
  readonly options: SnapshotterOptions
  readonly records: Records
  readonly counters: Counters
  readonly market: MarketState
  readonly headAtStart: BlockRef
  readonly slots: OwnSlots
  readonly cache: HistoryCache
  readonly restored: EpochId | undefined
}

/** Reads what the contracts say. Throws `SETTINGS_INVALID` when a slot is not ours (N8). */
async function prepare(
  own: Pick<Snapshotting, 'options' | 'records' | 'counters'>,
  deps: SnapshotterDeps,
  life: Life,
): Promise<Snapshotting> {
  const { signal } = life
  const { slotIds } = own.options
  const market = await persist({ doing: 'read_market', attempt: () => deps.chain.market(), signal }, deps)
  // Before the slots: one that is given away after they were read is then heard of (N8).
  const headAtStart = await persist({ doing: 'read_head', attempt: () => deps.chain.head(), signal }, deps)
  const states = await persist({ doing: 'read_slots', attempt: () => deps.chain.slots(), signal }, deps)
  checkIdentity(slotIds, { signer: deps.signer.address, slots: states })
  const restored = await restoredUpTo(deps, life)
  return {
    ...deps,
    ...own,
    market,
    headAtStart,
    slots: createOwnSlots(slotIds, deps.signer.address),
    cache: createHistoryCache(),
    restored,
  }
}

/** What a project needs on its way from its data to the collector. */
function projectDepsOf(deps: Snapshotting, watch: Watch): ProjectDeps {
  const { slots, counters, terms } = deps
  return {
    ...deps,
    slotIds: slots.ids,
    // Epoch 0 is nobody's turn: it only shows the way.
    mayVote: () => true,
    onComputed(epochId) {
      counters.add('snapshotsComputed')
      watch.tellOwn(epochId)
    },
    onHandedOver: () => counters.add('submissionsHandedOver'),
    handOver: {
      ...deps,
      sign: signBy(terms.present, deps),
      head: watch.head,
      isOurs: slots.has,
      onRetry: () => counters.add('handOverRetries'),
      inTurn: pLimit(HAND_OVERS_AT_ONCE_MAX),
    },
  }
}

/** A deadline further ahead than the market allows is one that no sequencer takes. */
function signBy({ rules }: EpochTerms, deps: Snapshotting): Sign {
  const { deadlineBufferBlocks = DEADLINE_BUFFER_BLOCKS, nodeVersion = NODE_VERSION } = deps.options
  return createSign({ deadlineBufferBlocks: Math.min(deadlineBufferBlocks, rules.deadlineBufferMaxBlocks), nodeVersion }, deps)
}

function tell(summary: EpochSummary, { report, counters, onEpoch }: Snapshotting): void {
  const { missed, windowUsed: _, ...facts } = summary
  counters.add(summary.state === 'skipped' ? 'epochsSkipped' : 'epochsDone')
  counters.add('projectsMissed', missed.length)
  const reasons = byReason(missed).map(([{ reason, detail }, alike]) =>
    `${alike.map(({ projectId }) => projectId).join(', ')}: ${reason} ${detail}`.trimEnd(),
  )
  report('epoch_done', { ...facts, missed: reasons.join('; ') })
  onEpoch?.(summary)
}

interface EpochWork {
  readonly head: () => BlockRef
  readonly workOn: (epoch: OpenEpoch) => Promise<readonly (ProjectRecord | undefined)[]>
}

/** The epochs that are worked on, each as soon as `watch` has seen its release; `workOn` takes one to the ends of its projects. */
function createEpochWork(deps: Snapshotting, life: Life, conclusions: Conclusions, { head, workOn }: EpochWork) {
  const { records, clock } = deps
  async function run(epoch: OpenEpoch): Promise<void> {
    const startedMs = clock.nowMs()
    const projects = (await workOn(epoch)).filter((project) => project !== undefined)
    if (life.signal.aborted) return
    const state = epoch.ending() === 'release_undone' ? 'undone' : 'done'
    // The record of an epoch that was undone or begun anew is the watch's: its next life tells how it went.
    if (state === 'done' && !(await records.finishEpoch(epoch.record, deps.market))) return
    const missed = projects.filter((project) => project.state !== 'submitted')
    const { epochId } = epoch.record
    const window = windowOf({ release: epoch.record.release, unit: epoch.terms.rules.windowUnit, length: deps.market.snapshotWindowBlocks })
    const submitted = projects.length - missed.length
    tell({ epochId, state, submitted, missed, tookMs: clock.nowMs() - startedMs, windowUsed: shareUsed(window, head()) }, deps)
    conclusions.take()
  }
  return createOpenEpochs({ windowLength: deps.market.snapshotWindowBlocks, stopping: life.signal, run, onFailure: life.fail })
}

/** Waits for what the network decides about the epochs that are done, each once at a time. */
function createConclusions(deps: Snapshotting, life: Life, watch: () => Pick<Watch, 'head' | 'news'>) {
  const { records } = deps
  const under = new Set<EpochId>()
  const work = async (epochId: EpochId): Promise<void> => {
    under.add(epochId)
    try {
      await concludeEpoch(epochId, life.signal, { ...deps, ...watch() })
    } catch (failure) {
      // The process stops: the next start takes it up again.
      if (!life.signal.aborted) throw failure
    } finally {
      under.delete(epochId)
    }
  }
  return {
    /** Those that have no outcome yet, or an open one: after an end, a start, and a rollback, which may take outcomes away. */
    take(): void {
      for (const { epochId, state } of records.epochs()) {
        if (state !== 'done' || under.has(epochId)) continue
        if (records.projects(epochId).every(({ projectId }) => isClosed(records.outcome(epochId, projectId)))) continue
        void life.spawn(work(epochId))
      }
    },
  }
}
const isClosed = (outcome: Outcome | undefined): boolean => outcome !== undefined && outcome.openUntil === undefined
type Conclusions = ReturnType<typeof createConclusions>

/** What the flow does about each step of the chain. */
function handlersOf(deps: Snapshotting, life: Life, open: OpenEpochs, conclusions: Conclusions): WatchHandlers {
  const { slots, cache } = deps
  const { signal } = life
  return {
    onOpen: open.start,
    onSkipped: ({ epochId }) => tell({ epochId, state: 'skipped', submitted: 0, missed: [], tookMs: 0 }, deps),
    onHead: open.closePast,
    onUndone(epochs) {
      for (const { epochId } of epochs) open.close(epochId, 'release_undone')
    },
    onSigner: (slotId, signer) => slots.take([{ slotId, signer, isActive: signer !== undefined }]),
    async onRollback() {
      cache.clear()
      // An assignment may be undone with its block, and then no event tells of it. The next step waits:
      // what it changes must not be written over by what was read before it.
      slots.take(await persist({ doing: 'read_slots', attempt: () => deps.chain.slots(), signal }, deps))
      conclusions.take()
    },
  }
}

/**
 * A snapshotter: watch ▸ preload ▸ compute ▸ store ▸ sign ▸ hand over, per epoch and project, each computed once and signed per slot.
 */
export function createSnapshotter(options: SnapshotterOptions, deps: SnapshotterDeps): Snapshotter {
  const records = openRecords(deps.store)
  const counters = createCounters()
  let work: { readonly watch: Watch; readonly open: OpenEpochs; readonly slots: OwnSlots } | undefined

  async function begin(life: Life): Promise<void> {
    const { signal } = life
    const shared = await prepare({ options, records, counters }, deps, life)
    const conclusions = createConclusions(shared, life, () => watch)
    const workOn: EpochWork['workOn'] = (epoch) => {
      const handOver = { ...project.handOver, sign: signBy(epoch.terms, shared) }
      const { epochId } = epoch.record
      const mayVote: ProjectDeps['mayVote'] = (slotId, projectId) =>
        mayVoteOn(projectId, { epochId, slotId, signer: deps.signer.address }, epoch.terms.rules)
      return runEpoch(epoch, { source: deps.source, makeInputs, project: { ...project, mayVote, handOver }, onFailure: life.fail })
    }
    const open = createEpochWork(shared, life, conclusions, { head: () => watch.head(), workOn })
    const watch = await createWatch({ ...shared, handlers: handlersOf(shared, life, open, conclusions) }, signal)
    const project = projectDepsOf(shared, watch)
    const forInputs = { ...shared, watch, computeTimeoutMs: options.computeTimeoutMs ?? COMPUTE_TIMEOUT_MS }
    const recompute = createRecompute({ ...forInputs, onComputed: watch.tellOwn }, life)
    const makeInputs = createInputs({ ...forInputs, recompute })
    work = { watch, open, slots: shared.slots }
    const watching = life.spawn(watch.run(signal))
    conclusions.take()
    const followed = (): EpochId => shared.records.epochs().at(-1)?.epochId ?? parseEpochId(0)
    void life.spawn(retain([{ epochsKept: options.ipfsEpochsKept, letGo: deps.ipfs.letGo }], { ...deps, followed }, signal))
    const sourceHead = () => persist({ doing: 'read_source', attempt: () => deps.source.head(), signal }, deps)
    const onSimulated = (count: number) => counters.add('simulated', count)
    void life.spawn(simulateOnce(deps.terms.present.plan, signal, { ...project, clock: deps.clock, makeInputs, sourceHead, onSimulated }))
    await watching
    await open.settled()
  }

  return {
    async run(signal) {
      if (work !== undefined) throw new WeftError('STOPPED', { what: 'snapshotter' })
      await live(signal, begin)
    },
    stats: () => ({
      headBlock: work?.watch.head().number,
      epochsOpen: work?.open.count ?? 0,
      ownSlots: work?.slots.ids(),
      ...counters.read(),
    }),
    epochs: records.epochs,
    projects: records.projects,
    project: records.project,
    outcome: records.outcome,
  }
}
