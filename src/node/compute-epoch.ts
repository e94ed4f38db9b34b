import { type ComputeEpoch, type ComputeSet, type JsonValue, type SnapshotHistory, type SourceReader, withSeries } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { ProjectReason } from '#domain/project.ts'
import { systemClock } from '#io/clock/system.ts'
import { type Computed, compute, type ComputeInputs } from '#roles/snapshotter/compute.ts'
import { joinedProjects, type OnUnknown } from '#roles/snapshotter/joining.ts'
import { type PlannedProject, planFrom } from '#roles/snapshotter/plan.ts'
import { preload } from '#roles/snapshotter/preload.ts'
import { snapshotCidOf } from '#wire/cid.ts'

/** As a snapshotter's. */
const COMPUTE_TIMEOUT_MS = 30_000
const NO_CID = '' as Cid
const NO_HASH = `0x${'0'.repeat(64)}` as Hash

/** A project's data: the value, its canonical bytes as text, and the CID that is voted for. */
export interface ComputedProject {
  readonly snapshot: JsonValue
  readonly json: string
  readonly cid: string
}

/** Why a project has none. */
export interface FailedProject {
  readonly reason: ProjectReason
  readonly detail: string
}

/** Data of earlier epochs, for aggregates. */
export type EarlierEpochs = Pick<SnapshotHistory, 'firstEpochId' | 'snapshot'>

export interface EpochGiven {
  readonly namespace: string
  readonly epoch: ComputeEpoch
  readonly source: SourceReader
  readonly history: EarlierEpochs
  readonly epochSeconds: number
  /** Whether the last project comes first. */
  readonly isReversed?: boolean
  /** Those, and what they build on; without it all. */
  readonly only?: readonly string[] | undefined
  readonly signal?: AbortSignal
}

/**
 * All projects of one epoch, also of data sources that join, or some that are configured, with the stages of a snapshotter, outside of any network.
 * Rejects with the signal's reason, and with `COMPUTE_FAILED` where those that join cannot be found.
 */
export async function computeEpoch(
  computes: ComputeSet,
  given: EpochGiven,
): Promise<ReadonlyMap<ProjectId, ComputedProject | FailedProject>> {
  const { epoch, isReversed = false, only } = given
  const signal = given.signal ?? new AbortController().signal
  const planned = planFrom({ sets: [], computes }, given.namespace)
  const configured = withBases(planned.projects, only)
  const ofConfigured = new Set<object>(configured.map(({ compute }) => compute))
  const needed = {
    ...computes,
    snapshots: only === undefined ? computes.snapshots : computes.snapshots.filter((each) => ofConfigured.has(each)),
  }
  const done = new Map<ProjectId, PromiseWithResolvers<Computed>>()
  const inputs = inputsOf(needed, { ...given, signal, snapshotOf: (projectId) => done.get(projectId)?.promise as Promise<Computed> })
  const unknown: OnUnknown = ({ projectType, detail }) => {
    throw new WeftError('COMPUTE_FAILED', { projectId: projectType, epochId: epoch.epochId, detail })
  }
  const joined = only === undefined ? await joinedProjects(planned, inputs, unknown) : []
  const plan = [...configured, ...(joined === 'moved' ? [] : joined)]
  for (const { projectId } of plan) done.set(projectId, Promise.withResolvers())
  const order = isReversed ? [...plan].reverse() : plan
  for (const project of order) {
    const { resolve, reject } = done.get(project.projectId) as PromiseWithResolvers<Computed>
    compute(project, inputs).then(resolve, reject)
  }
  // All are waited for before any failure is told: whoever stops what computes them must not stop it under the others.
  await Promise.allSettled([...done.values()].map(({ promise }) => promise))
  return new Map(await Promise.all([...done].map(async ([projectId, { promise }]) => [projectId, await whole(await promise)] as const)))
}

/** As a snapshotter's, but for its history and fork. */
function inputsOf(
  computes: ComputeSet,
  { epoch, source, history, epochSeconds, signal, snapshotOf }: EpochGiven & Pick<ComputeInputs, 'signal' | 'snapshotOf'>,
): ComputeInputs {
  return {
    epoch,
    source,
    fork: { hash: NO_HASH, isSteady: async () => true },
    preloads: preload(computes, { epoch, source, timeoutMs: COMPUTE_TIMEOUT_MS, clock: systemClock, signal }),
    bulks: new Map(),
    snapshotOf,
    history: {
      releaseBlock: 0 as BlockNumber,
      firstEpochId: async (projectId) => (await history.firstEpochId(projectId)) as EpochId | undefined,
      async snapshot(projectId, epochId) {
        const asked = { epochId: epochId as EpochId, projectId: projectId as ProjectId }
        const snapshot = await history.snapshot(projectId, epochId)
        return snapshot === undefined ? undefined : { snapshot, source: { ...asked, snapshotCid: NO_CID, isOwn: true } }
      },
      async series(range, read) {
        const snapshot = async (projectId: string, epochId: number) => (await read(projectId, epochId))?.snapshot
        return { ...(await withSeries({ firstEpochId: async () => undefined, snapshot }).series(range)), remembered: 0 }
      },
      waitsFor: () => undefined,
    },
    epochsIn: (seconds) => Math.trunc(seconds / epochSeconds),
    timeoutMs: COMPUTE_TIMEOUT_MS,
    limits: { snapshot: (work) => work(), aggregate: (work) => work() },
    clock: systemClock,
    signal,
  }
}

/** With all that they build on, in the order of the plan. */
function withBases(plan: readonly PlannedProject[], only: readonly string[] | undefined): readonly PlannedProject[] {
  if (only === undefined) return plan
  const wanted = new Set<string>(only)
  for (const project of [...plan].reverse())
    if (wanted.has(project.projectId) && project.kind === 'aggregate') for (const baseId of project.baseIds) wanted.add(baseId)
  return plan.filter(({ projectId }) => wanted.has(projectId))
}

async function whole(computed: Computed): Promise<ComputedProject | FailedProject> {
  if (!computed.ok) return { reason: computed.reason, detail: computed.detail }
  const { snapshot, bytes } = computed
  return { snapshot, json: new TextDecoder().decode(bytes), cid: await snapshotCidOf(bytes) }
}
