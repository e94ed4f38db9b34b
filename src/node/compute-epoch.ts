import { type ComputeEpoch, type ComputeSet, type JsonValue, type SnapshotHistory, type SourceReader, withSeries } from '#domain/compute.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { ProjectReason } from '#domain/project.ts'
import { systemClock } from '#io/clock/system.ts'
import { type Computed, compute, type ComputeInputs } from '#roles/snapshotter/compute.ts'
import type { EpochHistory } from '#roles/snapshotter/history.ts'
import { joinedProjects } from '#roles/snapshotter/joining.ts'
import { type PlannedProject, planProjects } from '#roles/snapshotter/plan.ts'
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

/** All projects of one epoch, or some, with the stages of a snapshotter, outside of any network. Rejects with the signal's reason. */
export async function computeEpoch(
  computes: ComputeSet,
  given: EpochGiven,
): Promise<ReadonlyMap<ProjectId, ComputedProject | FailedProject>> {
  const { epoch, source, history, epochSeconds, isReversed = false, only } = given
  const signal = given.signal ?? new AbortController().signal
  const plan = [...withBases(planProjects(computes, given.namespace), only), ...(only === undefined ? await joinedIn(computes, given) : [])]
  const planned = new Set<object>(plan.map(({ compute }) => compute))
  const needed = { ...computes, snapshots: computes.snapshots.filter((each) => planned.has(each)) }
  const done = new Map(plan.map(({ projectId }) => [projectId, Promise.withResolvers<Computed>()]))
  const inputs: ComputeInputs = {
    epoch,
    source,
    fork: { hash: NO_HASH, isSteady: async () => true },
    preloads: preload(needed, { epoch, source, timeoutMs: COMPUTE_TIMEOUT_MS, clock: systemClock, signal }),
    bulks: new Map(),
    snapshotOf: (projectId) => done.get(projectId)?.promise as Promise<Computed>,
    history: epochHistoryOf(history),
    epochsIn: (seconds) => Math.trunc(seconds / epochSeconds),
    timeoutMs: COMPUTE_TIMEOUT_MS,
    limits: { snapshot: (work) => work(), aggregate: (work) => work() },
    clock: systemClock,
    signal,
  }
  const order = isReversed ? [...plan].reverse() : plan
  for (const project of order) {
    const { resolve, reject } = done.get(project.projectId) as PromiseWithResolvers<Computed>
    compute(project, inputs).then(resolve, reject)
  }
  // All are waited for before any failure is told: whoever stops what computes them must not stop it under the others.
  await Promise.allSettled([...done.values()].map(({ promise }) => promise))
  return new Map(await Promise.all([...done].map(async ([projectId, { promise }]) => [projectId, await whole(await promise)] as const)))
}

/** Whose data sources join by themselves. Rejects where they are not known: what is left out here would look as if it were not there. */
function joinedIn(computes: ComputeSet, { namespace, epoch, source, history, signal }: EpochGiven): Promise<readonly PlannedProject[]> {
  const asked = {
    epoch,
    source,
    history: epochHistoryOf(history),
    timeoutMs: COMPUTE_TIMEOUT_MS,
    clock: systemClock,
    signal: signal ?? new AbortController().signal,
  }
  return joinedProjects({ computes, namespace }, asked, ({ projectType, detail }) => {
    throw new Error(`${projectType}: which data sources join is not known: ${detail}`)
  })
}

function epochHistoryOf(history: EarlierEpochs): EpochHistory {
  return {
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
