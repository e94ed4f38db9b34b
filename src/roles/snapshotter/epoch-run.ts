import pLimit from 'p-limit'
import type { ComputeEpoch, ComputeSet } from '#domain/compute.ts'
import type { EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { AnchorChain, BlockRef, MarketState, SourceChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { PersistDeps } from '#life/persist.ts'
import type { ComputeInputs } from './compute.ts'
import type { AsOf } from './decision.ts'
import { openFork, type SourceReads } from './fork.ts'
import type { HistoryCache } from './history-cache.ts'
import { createHistory, type Recompute } from './history.ts'
import type { OpenEpoch } from './open-epochs.ts'
import { joinedProjects, type OnUnknown } from './joining.ts'
import { isSamePlan, type PlannedProject, type PlannedSet, projectsFor, setsInWords, type Terms } from './plan.ts'
import { preload } from './preload.ts'
import { allSettled, type ProjectDeps, produce, producedBefore, type Stored, submit } from './project-run.ts'
import type { EpochRecord, ProjectRecord, Records } from './records.ts'
import { awaitSource, createSourceReader } from './source-reader.ts'
import type { Watch } from './watch.ts'

/** Snapshots computed at once, over all epochs: what they read in the same turn is asked together, so that more at once are fewer requests. */
const SNAPSHOTS_AT_ONCE_MAX = 512
/** Aggregates at once: those that wait for an earlier epoch hold a place each. */
const AGGREGATES_AT_ONCE_MAX = 256

export interface EpochDeps extends PersistDeps {
  readonly clock: Clock
  readonly chain: AnchorChain
  readonly terms: Pick<Terms, 'termsAt'>
  readonly source: SourceReads
  readonly ipfs: Ipfs
  readonly market: MarketState
  readonly watch: Watch
  readonly records: Records
  readonly cache: HistoryCache
  readonly computeTimeoutMs: number
  readonly recompute: Recompute
}

export interface InputsOf {
  readonly epoch: ComputeEpoch
  /** The source block above the epoch's last: the epoch is read on its fork. */
  readonly above: BlockRef
  readonly release: AsOf
  readonly computes: ComputeSet
  readonly signal: AbortSignal
  readonly snapshotOf: ComputeInputs['snapshotOf']
}

/** Makes what all projects of an epoch share, released in that anchor block. Preloads start here, all at once. */
export type MakeInputs = (of: InputsOf) => ComputeInputs

export function createInputs(deps: EpochDeps): MakeInputs {
  const limits = { snapshot: pLimit(SNAPSHOTS_AT_ONCE_MAX), aggregate: pLimit(AGGREGATES_AT_ONCE_MAX) }
  return ({ epoch, above, release, computes, signal, snapshotOf }) => {
    const { clock, computeTimeoutMs: timeoutMs, watch } = deps
    const fork = openFork({ chain: deps.source, above, signal }, deps)
    const source = createSourceReader({ epoch, chain: fork, signal }, deps)
    return {
      epoch,
      source,
      fork,
      preloads: preload(computes, { epoch, source, timeoutMs, clock, signal }),
      bulks: new Map(),
      snapshotOf,
      history: createHistory(epoch.epochId as EpochId, release, signal, { ...deps, head: watch.head, news: watch.news }),
      epochsIn: (seconds) => epochsIn(seconds, deps.market),
      timeoutMs,
      limits,
      clock,
      signal,
    }
  }
}

/** spec/03 §7: `trunc(seconds / (epochSize * blockTime))`, in the contract's unit of 1e-4 s, where the block time is whole. */
function epochsIn(seconds: number, { epochSize, sourceBlockTimeSeconds }: MarketState): number {
  return Math.trunc((seconds * 10_000) / (epochSize * Math.round(sourceBlockTimeSeconds * 10_000)))
}

/**
 * All projects of one epoch, each on its own way from preload to hand-over; aggregates wait for the data they build on, not for its
 * hand-over. Resolves with each project's end, or without it when the process stops. Rejects when our own disk or code fails, once nothing of
 * the epoch is under way any more: whoever closes the disk then waits for that.
 */
export async function runEpoch(
  epoch: OpenEpoch,
  deps: {
    readonly source: SourceChain
    readonly makeInputs: MakeInputs
    readonly project: ProjectDeps
    /** Told at once, so that the others need not be waited for until their window closes. */
    readonly onFailure: (failure: unknown) => void
  },
): Promise<readonly (ProjectRecord | undefined)[]> {
  const { record, signal } = epoch
  const { plan } = epoch.terms
  if (record.sets !== undefined && !isSamePlan(record.sets, plan.sets)) return endOtherPlan(epoch, record.sets, deps)
  const computeEpoch: ComputeEpoch = { epochId: record.epochId, begin: record.begin, end: record.end }
  const stored = new Map<ProjectId, Promise<Stored>>()
  const snapshotOf = (projectId: ProjectId) => stored.get(projectId) as Promise<Stored>
  const { computes } = plan
  const { slotIds, mayVote } = deps.project
  const ofOurTurns = (projects: readonly PlannedProject[]) =>
    projectsFor(projects, (projectId) => slotIds().some((slotId) => mayVote(slotId, projectId)))
  const onFork = createForks(record, deps.project.records, async () => {
    const above = await awaitSource({ epoch: computeEpoch, chain: deps.source, signal }, deps.project)
    return deps.makeInputs({ epoch: computeEpoch, above, release: record.release, computes, signal, snapshotOf })
  })
  const start = (project: PlannedProject) => {
    const run = { epoch: record, project, signal, ending: epoch.ending }
    const result = onFork((inputs, keep) => produce({ ...run, keep }, inputs, deps.project)).then((done) => done ?? SOURCE_MOVED)
    stored.set(project.projectId, result)
    const submitted = submit(run, result, deps.project)
    submitted.catch(deps.onFailure)
    return submitted
  }
  const planned = ofOurTurns(plan.projects).map(start)
  const isJoining = computes.snapshots.some(({ joining }) => joining !== undefined)
  const joined = isJoining ? joiningOf(epoch, onFork, deps) : Promise.resolve([])
  const more = joined.then((projects) => allSettled(ofOurTurns(projects).map(start)))
  more.catch(deps.onFailure)
  return (await allSettled([allSettled(planned), more])).flat()
}

/** Those of an epoch whose data sources joined by themselves (N20); none where the epoch ends before they are known. */
async function joiningOf(
  { record: { epochId }, terms: { plan }, signal }: OpenEpoch,
  onFork: OnFork,
  { project: { report } }: Pick<Parameters<typeof runEpoch>[1], 'project'>,
): Promise<readonly PlannedProject[]> {
  const onUnknown: OnUnknown = (unknown) => report('sources_unknown', { epochId, ...unknown })
  try {
    const found = await onFork((inputs) => joinedProjects(plan, inputs, onUnknown))
    if (found !== undefined) return found
    for (const { projectType, joining } of plan.computes.snapshots)
      if (joining !== undefined) onUnknown({ projectType, detail: 'the fork of the source that the epoch is read on is gone' })
    return []
  } catch (failure) {
    if (signal.aborted) return []
    throw failure
  }
}

/** Forks of the source that an epoch is begun on: a chain that is another one each time is no chain to sign for. */
const FORKS_MAX = 8
export const SOURCE_MOVED: Stored = { ok: false, reason: 'source_moved', detail: '' }

/** Work that says when the fork which it was done on is the chain's no more; `undefined` where it cannot be done on another one. */
type OnFork = <Value>(
  work: (inputs: ComputeInputs, keep: (hash: Hash) => boolean) => Promise<Value | 'moved'>,
) => Promise<Value | undefined>

/**
 * Does the work of each project on the fork of the source that the epoch is read on; when that is the chain's no more, anew on the next one.
 * Once a project's data are kept the fork stays: the others are of that one too, or end (N17).
 */
export function createForks(
  { epochId, begin, end }: EpochRecord,
  records: Pick<Records, 'projects'>,
  make: () => Promise<ComputeInputs>,
): OnFork {
  const before = records
    .projects(epochId)
    .find((project) => project.begin === begin && project.end === end && project.sourceHash !== undefined)
  let kept = before?.sourceHash
  const keep = (hash: Hash): boolean => {
    kept ??= hash
    return kept === hash
  }
  let inputs = make()
  let forks = 1
  return async (work) => {
    for (;;) {
      const mine = inputs
      const done = await work(await mine, keep)
      if (done !== 'moved') return done
      // Another project was here first.
      if (mine !== inputs) continue
      if (kept !== undefined || forks === FORKS_MAX) return undefined
      forks += 1
      inputs = make()
    }
  }
}

/**
 * An epoch that was begun with another plan (N10): what was computed then is handed over as it was, under the CID that was recorded, and
 * nothing is computed any more.
 */
async function endOtherPlan(
  epoch: OpenEpoch,
  begunWith: readonly PlannedSet[],
  { project: deps, onFailure }: Pick<Parameters<typeof runEpoch>[1], 'project' | 'onFailure'>,
): Promise<readonly (ProjectRecord | undefined)[]> {
  const { record, signal } = epoch
  const { plan } = epoch.terms
  const detail = `begun with ${setsInWords(begunWith)}, now there is ${setsInWords(plan.sets)}`
  const recorded = deps.records.projects(record.epochId)
  const ids = new Set([...recorded, ...plan.projects].map(({ projectId }) => projectId))
  return allSettled(
    [...ids].map((projectId) => {
      const run = { epoch: record, project: { projectId }, signal, ending: epoch.ending }
      const result = producedBefore(run, deps).then((before): Stored => before ?? { ok: false, reason: 'plan_changed', detail })
      const submitted = submit(run, result, deps)
      submitted.catch(onFailure)
      return submitted
    }),
  )
}
