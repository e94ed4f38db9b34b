import { type ComputeEpoch, type JsonValue, type SnapshotCompute, type SourceReader, snapshotProblems } from '#domain/compute.ts'
import { type Asking, counted, type PassedLimit } from '#domain/compute-limits.ts'
import { detailOf, isWeftError, WeftError } from '#domain/errors.ts'
import { byCodeUnit, type ProjectId } from '#domain/ids.ts'
import type { ProjectReason } from '#domain/project.ts'
import type { Clock } from '#io/clock/port.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import type { Fork } from './fork.ts'
import type { EpochHistory } from './history.ts'
import type { PlannedProject } from './plan.ts'
import type { Preloaded } from './preload.ts'
import type { BuiltOn } from './records.ts'
import { useHistory } from './sources.ts'
import { within } from './within.ts'

/** What a module's failure may add to a record: its message is its author's, and of any length. */
const DETAIL_LENGTH_MAX = 500

/** A project's data for one epoch: the value for those who build on it, the bytes for everybody else. Or why there is none. */
export type Computed =
  | {
      readonly ok: true
      readonly snapshot: JsonValue
      readonly bytes: Uint8Array
      /** Earlier epochs that went into it. */
      readonly builtOn?: BuiltOn | undefined
    }
  | Missing
export interface Missing {
  readonly ok: false
  readonly reason: ProjectReason
  readonly detail: string
}

export interface ComputeInputs {
  readonly epoch: ComputeEpoch
  readonly source: SourceReader
  /** What the source is read on. */
  readonly fork: Pick<Fork, 'hash' | 'isSteady'>
  readonly preloads: ReadonlyMap<string, Promise<Preloaded>>
  /** What computes in bulk mode said, each asked once. Empty at first. */
  readonly bulks: Map<SnapshotCompute, Promise<ReadonlyMap<string, JsonValue>>>
  /** The present epoch's data of other projects, as they come. */
  readonly snapshotOf: (projectId: ProjectId) => Promise<{ readonly ok: true; readonly snapshot: JsonValue } | Missing>
  readonly history: EpochHistory
  readonly epochsIn: (seconds: number) => number
  /** For one snapshot. */
  readonly timeoutMs: number
  /** Bounds how many snapshots, and how many aggregates, are worked on at once. */
  readonly limits: {
    readonly snapshot: <Value>(work: () => Promise<Value>) => Promise<Value>
    readonly aggregate: <Value>(work: () => Promise<Value>) => Promise<Value>
  }
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Computes one project. What goes wrong concerns this project and those that build on it (N4). Rejects only when the signal has aborted: with
 * its reason, or with `HISTORY_MISSING` when an earlier epoch was still waited for.
 */
export async function compute(project: PlannedProject, inputs: ComputeInputs): Promise<Computed> {
  return project.kind === 'snapshot' ? computeSnapshot(project, inputs) : computeAggregate(project, inputs)
}

async function computeSnapshot(project: PlannedProject & { readonly kind: 'snapshot' }, inputs: ComputeInputs): Promise<Computed> {
  const preloaded = new Map<string, unknown>()
  const failures: string[] = []
  for (const taskType of project.compute.preloads) {
    const result = await inputs.preloads.get(taskType)
    if (result?.ok) preloaded.set(taskType, result.value)
    else failures.push(result?.detail ?? taskType)
  }
  if (failures.length > 0) return { ok: false, reason: 'preload_failed', detail: shortened(failures.join('; ')) }
  const { epoch } = inputs
  const { compute, dataSource = '' } = project
  const { all } = compute
  return inputs.limits.snapshot(() => {
    const whole = (work: Promise<JsonValue | undefined>) => conclude(project, inputs, work)
    if (all === undefined)
      return whole(
        run(project, inputs, (asking) =>
          compute.compute({ epoch, dataSource: project.dataSource, source: counted(inputs.source, asking), preloaded }),
        ),
      )
    // One run for all of them: what it passes, or how far it got, is told of each.
    const said =
      inputs.bulks.get(compute) ?? run(project, inputs, (asking) => all({ epoch, source: counted(inputs.source, asking), preloaded }))
    inputs.bulks.set(compute, said)
    return whole(said.then((snapshots) => snapshots.get(dataSource.toLowerCase())))
  })
}

async function computeAggregate(project: PlannedProject & { readonly kind: 'aggregate' }, inputs: ComputeInputs): Promise<Computed> {
  const { projectId } = project
  const { epoch, epochsIn } = inputs
  const base = await Promise.all(project.baseIds.map(async (projectId) => ({ projectId, result: await inputs.snapshotOf(projectId) })))
  const missing = base.filter(({ result }) => !result.ok).map(({ projectId }) => projectId)
  if (missing.length > 0) return { ok: false, reason: 'base_missing', detail: shortened(missing.join(', ')) }
  const snapshots = base
    .flatMap(({ projectId, result }) => (result.ok ? [{ projectId, epochId: epoch.epochId, snapshot: result.snapshot }] : []))
    .sort((left, right) => byCodeUnit(left.projectId, right.projectId))
  return inputs.limits.aggregate(async () => {
    const { history, builtOn, missing } = useHistory(inputs.history)
    try {
      const work = run(project, inputs, (asking) => {
        const [source, earlier] = [counted(inputs.source, asking), counted(history, asking)]
        return project.compute.aggregate({ epoch, projectId, base: snapshots, history: earlier, source, epochsIn })
      })
      const computed = await conclude(project, inputs, work)
      return computed.ok ? { ...computed, builtOn: builtOn() } : computed
    } catch (failure) {
      throw missing() ?? failure
    }
  })
}

const REASON_OF = {
  time: 'compute_timed_out',
  memory: 'compute_out_of_memory',
  requests: 'compute_asked_too_much',
  size: 'snapshot_too_large',
} as const satisfies Record<PassedLimit, ProjectReason>

const passed = (limit: PassedLimit, allowed: number, detail: string) => new WeftError('COMPUTE_LIMIT', { limit, allowed, detail })

/** Counts what a run asks. Whoever asks too often has ended, also where the module would go on after a failure. */
function createAsking(requestsMax: number) {
  const over = Promise.withResolvers<never>()
  over.promise.catch(() => undefined)
  let [asked, answered] = [0, 0]
  const ask = (): void => {
    asked += 1
    if (asked <= requestsMax) return
    const failure = passed('requests', requestsMax, `it asks more than ${requestsMax} times`)
    over.reject(failure)
    throw failure
  }
  const answer = (): void => {
    answered += 1
  }
  return { asking: { ask, answer }, over: over.promise, soFar: () => `${answered} of ${asked} questions are answered` }
}

/** What a module makes of what it asks, within its time and its questions. Rejects with `COMPUTE_LIMIT`, as the module does, or with the signal's reason. */
async function run<Value>(
  { kind, compute: { limits = {} } }: PlannedProject,
  { timeoutMs: allowedMs, clock, signal }: ComputeInputs,
  module: (asking: Asking) => Promise<Value>,
): Promise<Value> {
  signal.throwIfAborted()
  const { asking, over, soFar } = createAsking(limits.requests ?? Number.POSITIVE_INFINITY)
  const work = Promise.race([Promise.resolve().then(() => module(asking)), over])
  // An aggregate may wait for an earlier epoch to be known: its only limit is the window, which the signal stands for.
  const timeoutMs = kind === 'snapshot' ? Math.min(allowedMs, limits.timeMs ?? allowedMs) : undefined
  return within(work, {
    clock,
    signal,
    timeoutMs,
    late: () => passed('time', timeoutMs ?? 0, `not done after ${timeoutMs} ms: ${soFar()}`),
  })
}

/** What came of the work: of the form that is declared, and as bytes. */
async function conclude(project: PlannedProject, inputs: ComputeInputs, work: Promise<JsonValue | undefined>): Promise<Computed> {
  const { limits = {}, schema } = project.compute
  const { epochId } = inputs.epoch
  const failed = (detail: string, cause?: unknown) =>
    new WeftError('COMPUTE_FAILED', { projectId: project.projectId, epochId, detail: shortened(detail) }, cause)
  try {
    const snapshot = await work
    if (snapshot === undefined) {
      if (isBulk(project)) return { ok: false, reason: 'nothing_happened', detail: '' }
      throw failed('it returned nothing')
    }
    const problems = schema === undefined ? [] : snapshotProblems(schema, snapshot)
    if (problems.length > 0) throw failed(problems.join('; '))
    const bytes = canonicalJson(snapshot)
    const bytesMax = limits.snapshotBytes ?? bytes.length
    if (bytes.length > bytesMax) throw passed('size', bytesMax, `it has ${bytes.length} bytes`)
    return { ok: true, snapshot, bytes }
  } catch (failure) {
    inputs.signal.throwIfAborted()
    if (isWeftError(failure, 'COMPUTE_LIMIT'))
      return { ok: false, reason: REASON_OF[failure.facts.limit as PassedLimit], detail: shortened(failure.message) }
    const told = isWeftError(failure, 'COMPUTE_FAILED') ? failure : failed(detailOf(failure), failure)
    return { ok: false, reason: 'compute_failed', detail: told.message }
  }
}

const isBulk = (project: PlannedProject): boolean => project.kind === 'snapshot' && project.compute.all !== undefined

function shortened(text: string): string {
  return text.length > DETAIL_LENGTH_MAX ? `${text.slice(0, DETAIL_LENGTH_MAX)}…` : text
}
