import pLimit from 'p-limit'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Address, EpochId, SlotId } from '#domain/ids.ts'
import type { WindowRule } from '#domain/window.ts'
import type { AnchorChain, SourceChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { SubmissionClient } from '#io/grpc/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Random, Signer } from '#io/keys/port.ts'
import type { Store } from '#io/store/port.ts'
import { createInputs, runEpoch } from './epoch-run.ts'
import { createHistoryCache } from './history.ts'
import { createOpenEpochs, type OpenEpoch } from './open-epochs.ts'
import { type Backoff, retrying } from './pacing.ts'
import type { PlanOf } from './plan.ts'
import type { ProjectDeps } from './project-run.ts'
import { type EpochRecord, openRecords, type ProjectRecord } from './records.ts'
import { checkIdentity, createSign } from './sign.ts'
import { SIMULATION_EPOCH, simulate } from './simulate.ts'
import { createWatch, type WatchHandlers } from './watch.ts'

export interface SnapshotterOptions {
  /** The slots to sign for, all with one key. */
  readonly slotIds: readonly SlotId[]
  /** How the market's snapshot window is meant; the same for everybody in the market. */
  readonly windowUnit: WindowRule['unit']
  readonly deadlineBufferBlocks?: number
  readonly nodeVersion?: string
  /** For one preload, and for one snapshot. */
  readonly computeTimeoutMs?: number
}

export interface SnapshotterDeps {
  readonly chain: AnchorChain
  readonly source: SourceChain
  readonly ipfs: Ipfs
  readonly store: Store
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly signer: Signer
  readonly collector: SubmissionClient
  /** What is done in each epoch. */
  readonly planOf: PlanOf
  readonly onEpoch?: (summary: EpochSummary) => void
  /** What was survived but should be known. */
  readonly onTrouble?: (failure: WeftError) => void
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
}

export interface SnapshotterStats {
  readonly headBlock: number
  readonly epochsOpen: number
  readonly epochsDone: number
  readonly epochsSkipped: number
  readonly snapshotsComputed: number
  readonly submissionsHandedOver: number
  readonly handOverRetries: number
  readonly projectsMissed: number
  /** Submissions of epoch 0. */
  readonly simulated: number
}

export interface Snapshotter {
  /** Resolves after `stop`; rejects when the snapshotter cannot go on. */
  readonly ended: Promise<void>
  stats(): SnapshotterStats
  /** Epochs open or kept, ascending. */
  epochs(): readonly EpochRecord[]
  /** State and reason of each project that is no longer merely released. */
  projects(epochId: EpochId): readonly ProjectRecord[]
  /** Resolves when nothing is under way any more. What is unfinished goes on at the next start. */
  stop(): Promise<void>
}

/** The published configuration of deployed nodes (spec/02 §1). */
const DEADLINE_BUFFER_BLOCKS = 500
const NODE_VERSION = 'v0.1.0'
/** As long as deployed nodes give a preload (spec/03 §4). */
const COMPUTE_TIMEOUT_MS = 60_000
/** A simulation that has not come through by then has shown what it was to show. */
const SIMULATION_TIMEOUT_MS = 120_000
/** Submissions under way to the collector: enough to fill its group commits. */
const HAND_OVERS_AT_ONCE_MAX = 64
/** After a reorganisation: until the endpoint answers, as following does. */
const SLOTS_BACKOFF: Backoff = { attemptsMax: Number.POSITIVE_INFINITY, firstMs: 250, lastMs: 5_000 }

/**
 * Starts a snapshotter: watch ▸ preload ▸ compute ▸ store ▸ sign ▸ hand over, per epoch and project, each computed once and signed per slot.
 * Throws `SETTINGS_INVALID` when a slot is not ours, and failures of the chain.
 */
export async function startSnapshotter(options: SnapshotterOptions, deps: SnapshotterDeps): Promise<Snapshotter> {
  const market = await deps.chain.market()
  checkIdentity(options.slotIds, { signer: deps.signer.address, slots: await deps.chain.slots() })

  const records = openRecords(deps.store)
  const cache = createHistoryCache()
  const life = createLife(deps.onTrouble)
  const tally = createTally(deps.onEpoch)
  const slots = createOwnSlots(options.slotIds, deps.signer)
  const rule: WindowRule = { unit: options.windowUnit, length: market.snapshotWindowBlocks }
  const open = createOpenEpochs({ rule, stopping: life.stopping, run, onFailure: life.fail })
  const handlers: WatchHandlers = {
    onOpen: (epoch) => open.start(epoch, watch.head()),
    onSkipped: tally.skipped,
    onHead: open.closePast,
    onUndone: (epochs) => {
      for (const { epochId } of epochs) open.close(epochId, 'release_undone')
    },
    onSigner: (slotId, signer) => slots.take([{ slotId, signer, isActive: signer !== undefined }]),
    onRollback() {
      cache.clear()
      life.spawn(readSlots())
    },
  }
  const watch = await createWatch({ chain: deps.chain, records, rule, planOf: deps.planOf, handlers })
  const makeInputs = createInputs({ ...deps, market, watch, cache, computeTimeoutMs: options.computeTimeoutMs ?? COMPUTE_TIMEOUT_MS })
  const project: ProjectDeps = {
    ...deps,
    records,
    slotIds: slots.ids,
    handOverLimit: pLimit(HAND_OVERS_AT_ONCE_MAX),
    onComputed: tally.computed,
    onHandedOver: tally.handedOver,
    handOver: {
      ...deps,
      sign: createSign(
        { deadlineBufferBlocks: options.deadlineBufferBlocks ?? DEADLINE_BUFFER_BLOCKS, nodeVersion: options.nodeVersion ?? NODE_VERSION },
        deps,
      ),
      head: watch.head,
      isOurs: (slotId) => slots.ids().includes(slotId),
      onRetry(_vote, failure) {
        tally.retried()
        life.trouble(failure)
      },
    },
  }

  /** An assignment may be undone with its block, and then no event tells of it. */
  async function readSlots(): Promise<void> {
    try {
      slots.take(await retrying(deps.chain.slots, SLOTS_BACKOFF, { ...deps, signal: life.stopping }))
    } catch (failure) {
      if (!life.stopping.aborted) throw failure
    }
  }

  async function run(epoch: OpenEpoch): Promise<void> {
    const startedMs = deps.clock.nowMs()
    const plan = deps.planOf(epoch.record.epochId)
    const projects = await runEpoch(epoch, { plan, source: deps.source, makeInputs, project, onFailure: life.fail })
    if (life.stopping.aborted) return
    const state = epoch.ending() === 'release_undone' ? 'undone' : 'done'
    // The record of an epoch that was undone or begun anew is the watch's: its next life tells how it went.
    if (state === 'done' && !(await records.finishEpoch(epoch.record))) return
    tally.ended({
      epochId: epoch.record.epochId,
      state,
      projects: projects.filter((each) => each !== undefined),
      tookMs: deps.clock.nowMs() - startedMs,
    })
  }

  life.spawn(watch.run(life.stopping))
  life.spawn(
    runSimulation({ clock: deps.clock, life, onDone: tally.simulated }, (signal) =>
      simulate(deps.planOf(SIMULATION_EPOCH), signal, {
        ...project,
        makeInputs,
        sourceHead: async () => (await deps.source.head()).number,
      }),
    ),
  )
  return {
    ended: life.ended,
    stats: () => ({ headBlock: watch.head().number, epochsOpen: open.count, ...tally.counts() }),
    epochs: records.epochs,
    projects: records.projects,
    stop: () => life.stop(open.settled),
  }
}

/** Once after start, beside everything else; that it fails is told and changes nothing. */
async function runSimulation(
  deps: { readonly clock: Clock; readonly life: Life; readonly onDone: (count: number) => void },
  work: (signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, deps.life.stopping])
  const end = () => over.abort(new WeftError('STOPPED', { what: 'simulation' }))
  deps.clock.sleep(SIMULATION_TIMEOUT_MS, signal).then(end, () => undefined)
  try {
    deps.onDone(await work(signal))
  } catch (failure) {
    if (!deps.life.stopping.aborted) deps.life.trouble(failure)
  } finally {
    end()
  }
}

/** The slots that our key may sign for now: those asked for, less those that the chain has given to another key meanwhile. */
function createOwnSlots(slotIds: readonly SlotId[], signer: Signer) {
  const own = new Set(slotIds)
  return {
    ids: () => [...own],
    take(states: readonly { readonly slotId: SlotId; readonly signer: Address | undefined; readonly isActive: boolean }[]): void {
      for (const { slotId, signer: assigned, isActive } of states) {
        if (slotIds.includes(slotId) && isActive && assigned === signer.address) own.add(slotId)
        else own.delete(slotId)
      }
    },
  }
}

type Life = ReturnType<typeof createLife>

/** How the snapshotter ends: asked to, or because it cannot go on. */
function createLife(onTrouble: SnapshotterDeps['onTrouble']) {
  const stopping = new AbortController()
  const ended = Promise.withResolvers<void>()
  /** What is under way. */
  const works = new Set<Promise<void>>()
  ended.promise.catch(() => undefined)

  function fail(failure: unknown): void {
    ended.reject(failure)
    stopping.abort(new WeftError('STOPPED', { what: 'snapshotter' }))
  }
  return {
    stopping: stopping.signal,
    ended: ended.promise,
    fail,
    /** For failures that something else makes good. */
    trouble(failure: unknown): void {
      if (isWeftError(failure) && failure.kind !== 'bug' && failure.kind !== 'operator') onTrouble?.(failure)
      else fail(failure)
    },
    spawn(work: Promise<void>): void {
      const watched = work.catch(fail).finally(() => works.delete(watched))
      works.add(watched)
    },
    async stop(settled: () => Promise<void>): Promise<void> {
      stopping.abort(new WeftError('STOPPED', { what: 'snapshotter' }))
      await Promise.all(works)
      await settled()
      ended.resolve()
    },
  }
}

function createTally(onEpoch: SnapshotterDeps['onEpoch']) {
  const counts = {
    epochsDone: 0,
    epochsSkipped: 0,
    snapshotsComputed: 0,
    submissionsHandedOver: 0,
    handOverRetries: 0,
    projectsMissed: 0,
    simulated: 0,
  }
  return {
    counts: () => ({ ...counts }),
    computed: () => {
      counts.snapshotsComputed += 1
    },
    handedOver: () => {
      counts.submissionsHandedOver += 1
    },
    retried: () => {
      counts.handOverRetries += 1
    },
    simulated: (count: number) => {
      counts.simulated = count
    },
    skipped({ epochId }: EpochRecord): void {
      counts.epochsSkipped += 1
      onEpoch?.({ epochId, state: 'skipped', submitted: 0, missed: [], tookMs: 0 })
    },
    ended({
      projects,
      ...epoch
    }: {
      readonly epochId: EpochId
      readonly state: EpochRecord['state']
      readonly projects: readonly ProjectRecord[]
      readonly tookMs: number
    }): void {
      const missed = projects.filter((project) => project.state !== 'submitted')
      counts.epochsDone += 1
      counts.projectsMissed += missed.length
      onEpoch?.({ ...epoch, submitted: projects.length - missed.length, missed })
    },
  }
}
