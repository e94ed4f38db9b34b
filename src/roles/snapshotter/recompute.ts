import pLimit from 'p-limit'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import { isAttestationWindowOver } from '#domain/window.ts'
import type { Life } from '#life/live.ts'
import { createForks, createInputs, type EpochDeps, SOURCE_MOVED } from './epoch-run.ts'
import type { SourceReads } from './fork.ts'
import type { EpochHistory, Recompute } from './history.ts'
import { joinedProjects, type OnUnknown } from './joining.ts'
import { type EpochPlan, isSamePlan, type PlannedProject, setsInWords } from './plan.ts'
import { allSettled, isOurFailure, produce, type ProduceDeps } from './project-run.ts'
import type { EpochRecord, Records } from './records.ts'
import { awaitSource } from './source-reader.ts'

/** More epochs than may be undecided at once in a market of one a second; beyond that the oldest, which is decided first, is not waited for. */
const EPOCHS_WAITING_MAX = 64
/** How often one is tried, each time that somebody asks for it anew: as a rule for the aggregates of another epoch. */
const ATTEMPTS_MAX = 3
/** Reads under way at once: few beside those of the epoch at hand, which share the endpoint. */
const READS_AT_ONCE_MAX = 64
/** Reads of one attempt, those that are tried again among them: as many as thousands of projects take. */
export const READS_MAX = 32_768
/** Of these, the ones that may fail: an endpoint without the state of those blocks is not asked thousands of times. */
const FAILED_READS_MAX = 4
/** Epochs of which it is remembered that they could not be recomputed. */
const FAILURES_MAX = 256

export interface RecomputeDeps extends Omit<EpochDeps, 'recompute'>, Pick<ProduceDeps, 'onComputed'> {}

/**
 * Computes what this node was away for: base projects of epochs whose window is over, from the source at the epoch's blocks, as the nodes that
 * were there did, and keeps it beside what was signed. One epoch at a time, the newest first: it stays undecided longest, and where the
 * endpoint has not its state, that of the older ones is gone too. Aggregates of such epochs are not: they look back on further epochs, and these on others.
 */
export function createRecompute(deps: RecomputeDeps, { signal, spawn }: Pick<Life, 'signal' | 'spawn'>): Recompute {
  const { records, report, watch, market } = deps
  const waiting = new Map<EpochId, Set<ProjectId>>()
  const failures = new Map<EpochId, { readonly attempts: number; readonly why: string }>()
  let isAtWork = false
  let isFailing = false

  function fail(epochId: EpochId, why: string): void {
    const attempts = (failures.get(epochId)?.attempts ?? 0) + 1
    failures.delete(epochId)
    failures.set(epochId, { attempts, why })
    if (failures.size > FAILURES_MAX) failures.delete(failures.keys().next().value as EpochId)
    if (!isFailing) report('not_recomputed', { epochId, detail: why })
    isFailing = true
  }

  /** What is waited for of the epoch, anew each time: more may be asked while some is computed. */
  function* asked(epochId: EpochId): Generator<readonly ProjectId[]> {
    const taken = new Set<ProjectId>()
    for (;;) {
      const fresh = [...(waiting.get(epochId) ?? [])].filter((projectId) => !taken.has(projectId))
      waiting.delete(epochId)
      if (fresh.length === 0) return
      for (const projectId of fresh) taken.add(projectId)
      yield fresh
    }
  }

  /** Resolves with how many it computed. What the source or the rules refuse it throws: then none of what is older need be tried now. */
  async function work(record: EpochRecord, attempt: AbortSignal, source: SourceReads): Promise<number> {
    const { epochId } = record
    const plan = await planOf(record, deps)
    if (typeof plan === 'string') {
      fail(epochId, plan)
      waiting.delete(epochId)
      return 0
    }
    const projectOn = openEpoch(record, plan, attempt, { ...deps, source })
    let computed = 0
    for (const projectIds of asked(epochId)) {
      const results = await allSettled(projectIds.map(projectOn))
      computed += results.filter((why) => why === undefined).length
      const why = results.find((each) => each !== undefined)
      if (why !== undefined) fail(epochId, why)
    }
    return computed
  }

  async function recompute(epochId: EpochId): Promise<void> {
    const record = records.epoch(epochId)
    // What is decided now needs nobody's own word for any later epoch.
    if (record === undefined || isAttestationWindowOver(record.release.contractNumber, watch.head().contractNumber, market)) {
      waiting.delete(epochId)
      return
    }
    const over = new AbortController()
    const attempt = AbortSignal.any([over.signal, signal])
    const { computeTimeoutMs: allowed } = deps
    const late = () => over.abort(new WeftError('COMPUTE_LIMIT', { limit: 'time', allowed, detail: `not done after ${allowed} ms` }))
    deps.clock.sleep(allowed, attempt).then(late, () => undefined)
    try {
      const projects = await work(record, attempt, boundedReads(attempt, over, deps))
      if (projects === 0) return
      report('epoch_recomputed', { epochId, projects })
      isFailing = false
    } catch (failure) {
      signal.throwIfAborted()
      if (!isWeftError(failure) || isOurFailure(failure)) throw failure
      fail(epochId, failure.message)
      for (const other of waiting.keys()) if (other <= epochId) waiting.delete(other)
    } finally {
      over.abort(new WeftError('STOPPED', { what: `recomputing epoch ${epochId}` }))
    }
  }

  async function workOff(): Promise<void> {
    isAtWork = true
    try {
      while (waiting.size > 0 && !signal.aborted) {
        await recompute(Math.max(...waiting.keys()) as EpochId)
      }
    } catch (failure) {
      // The process stops: what is still undecided at the next start is asked for again.
      if (!signal.aborted) throw failure
    } finally {
      isAtWork = false
    }
  }

  return {
    ask(epochId, projectId) {
      if ((failures.get(epochId)?.attempts ?? 0) >= ATTEMPTS_MAX || !wasAwayFor(epochId, projectId, records)) return
      waiting.set(epochId, (waiting.get(epochId) ?? new Set()).add(projectId))
      if (waiting.size > EPOCHS_WAITING_MAX) waiting.delete(Math.min(...waiting.keys()) as EpochId)
      if (!isAtWork) void spawn(workOff())
    },
    whyNot: (epochId) => failures.get(epochId)?.why,
  }
}

/** Whether its window passed without us: what failed while we were there fails again. */
function wasAwayFor(epochId: EpochId, projectId: ProjectId, records: Records): boolean {
  const state = records.epoch(epochId)?.state
  if (state === 'skipped') return true
  const project = records.project(epochId, projectId)
  return state === 'done' && project?.reason === 'window_closed' && project.snapshotCid === undefined
}

/**
 * What the others worked on the epoch with, or why that is not known. Where the plan is that of our settings these may have changed while we
 * were away: then what they now say of the last epoch that we worked on is not what it was (N10).
 */
async function planOf(record: EpochRecord, { terms, records }: Pick<RecomputeDeps, 'terms' | 'records'>): Promise<EpochPlan | string> {
  const { plan } = await terms.termsAt(record.epochId)
  const before = records.epochs().findLast(({ epochId, state }) => epochId < record.epochId && state === 'done')
  for (const { epochId, sets = [] } of before === undefined ? [record] : [record, before]) {
    const now = epochId === record.epochId ? plan : (await terms.termsAt(epochId)).plan
    if (!isSamePlan(sets, now.sets)) return `epoch ${epochId} was of ${setsInWords(sets)}, now there is ${setsInWords(now.sets)}`
  }
  return plan
}

/** Reads that end the attempt where they are too many, or too many fail, and end with it, answered or not. */
function boundedReads(signal: AbortSignal, over: AbortController, { source: chain }: Pick<RecomputeDeps, 'source'>): SourceReads {
  const inTurn = pLimit(READS_AT_ONCE_MAX)
  let [asked, failed] = [0, 0]
  const ended = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
  ended.catch(() => undefined)
  const bounded =
    <Asked, Answer>(read: (of: Asked) => Promise<Answer>) =>
    (of: Asked): Promise<Answer> =>
      inTurn(async () => {
        asked += 1
        if (asked > READS_MAX)
          over.abort(
            new WeftError('COMPUTE_LIMIT', { limit: 'requests', allowed: READS_MAX, detail: `it takes more than ${READS_MAX} reads` }),
          )
        signal.throwIfAborted()
        try {
          return await Promise.race([read(of), ended])
        } catch (failure) {
          if (isWeftError(failure) && failure.kind === 'transient') failed += 1
          if (failed > FAILED_READS_MAX) over.abort(failure)
          throw failure
        }
      })
  return {
    block: bounded(chain.block),
    read: bounded(chain.read),
    events: bounded(chain.events),
    transactions: bounded(chain.transactions),
  }
}

const refused = async (): Promise<never> => {
  throw new WeftError('STOPPED', { what: 'recomputing of what looks back on other epochs' })
}

/** Computes a project of the epoch, and keeps it; resolves with why there is none. Rejects with the signal's reason, or when our own disk or code fails. */
function openEpoch(
  record: EpochRecord,
  plan: EpochPlan,
  signal: AbortSignal,
  deps: RecomputeDeps,
): (projectId: ProjectId) => Promise<string | undefined> {
  const { records } = deps
  const epoch = { epochId: record.epochId, begin: record.begin, end: record.end }
  // Of what cannot be had one line says so, not one for each read.
  const quiet = { ...deps, report: () => undefined }
  const history: EpochHistory = {
    releaseBlock: record.release.number,
    firstEpochId: refused,
    snapshot: refused,
    series: refused,
    waitsFor: () => undefined,
  }
  const makeInputs = createInputs({ ...quiet, recompute: { ask: () => undefined, whyNot: () => undefined } })
  const { release } = record
  const known = { projects: (epochId: EpochId) => [...records.projects(epochId), ...records.recomputed.projects(epochId)] }
  let forks: ReturnType<typeof createForks> | undefined
  const onFork: ReturnType<typeof createForks> = (work) => {
    forks ??= createForks(record, known, async () => {
      const above = await awaitSource({ epoch, chain: deps.source, signal }, quiet)
      return { ...makeInputs({ epoch, above, release, computes: plan.computes, signal, snapshotOf: refused }), history }
    })
    return forks(work)
  }
  let joined: Promise<readonly PlannedProject[]> | undefined
  const unknown: string[] = []
  const onUnknown: OnUnknown = ({ detail }) => unknown.push(detail)

  /** Also of those whose data sources joined by themselves. */
  async function find(projectId: ProjectId): Promise<PlannedProject | undefined> {
    const isIt = (project: PlannedProject) => project.projectId === projectId
    const planned = plan.projects.find(isIt)
    if (planned !== undefined || !plan.computes.snapshots.some(({ joining }) => joining !== undefined)) return planned
    joined ??= onFork((inputs) => joinedProjects(plan, inputs, onUnknown)).then((found) => found ?? [])
    return (await joined).find(isIt)
  }

  return async (projectId) => {
    const project = await find(projectId)
    if (project === undefined) return [`${projectId}: the epoch had no such project`, ...unknown].join('; ')
    if (project.kind === 'aggregate') return `${projectId}: it looks back on other epochs itself`
    const produced = await onFork((inputs, keep) =>
      produce({ epoch: record, project, signal, ending: () => undefined, keep }, inputs, { ...deps, records: records.recomputed }),
    )
    const stored = produced ?? SOURCE_MOVED
    return stored.ok ? undefined : `${projectId}: ${stored.reason} ${stored.detail}`.trimEnd()
  }
}
