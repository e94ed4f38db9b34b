import { type ComputeEpoch, type ComputeSet, type JsonValue, type SourceReader, withSeries } from '#domain/compute.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import { systemClock } from '#io/clock/system.ts'
import { type Computed, compute, type ComputeInputs } from '#roles/snapshotter/compute.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
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

/** All projects of one epoch with the stages of a snapshotter, outside of any network. Throws when one fails, with what it says. */
export async function computeEpoch(
  computes: ComputeSet,
  given: {
    readonly namespace: string
    readonly epoch: ComputeEpoch
    readonly source: SourceReader
    readonly history: Readonly<Record<string, Readonly<Record<number, JsonValue>>>>
    readonly epochSeconds: number
    /** Whether the last project comes first. */
    readonly isReversed: boolean
  },
): Promise<ReadonlyMap<string, ComputedProject>> {
  const { epoch, source, history, epochSeconds, isReversed } = given
  const signal = new AbortController().signal
  const plan = planProjects(computes, given.namespace)
  const done = new Map(plan.map(({ projectId }) => [projectId, Promise.withResolvers<Computed>()]))
  const inputs: ComputeInputs = {
    epoch,
    source,
    fork: { hash: NO_HASH, isSteady: async () => true },
    preloads: preload(computes, { epoch, source, timeoutMs: COMPUTE_TIMEOUT_MS, clock: systemClock, signal }),
    bulks: new Map(),
    snapshotOf: (projectId) => done.get(projectId)?.promise as Promise<Computed>,
    history: {
      releaseBlock: 0 as BlockNumber,
      async firstEpochId(projectId) {
        const [first] = Object.keys(history[projectId] ?? {})
          .map(Number)
          .sort((left, right) => left - right)
        return first as EpochId | undefined
      },
      async snapshot(projectId, epochId) {
        const asked = { epochId: epochId as EpochId, projectId: projectId as ProjectId }
        const snapshot = history[projectId]?.[epochId]
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
  const order = isReversed ? [...plan].reverse() : plan
  for (const project of order) {
    const { resolve, reject } = done.get(project.projectId) as PromiseWithResolvers<Computed>
    compute(project, inputs).then(resolve, reject)
  }
  // All are waited for before any failure is told: whoever stops what computes them must not stop it under the others.
  await Promise.allSettled([...done.values()].map(({ promise }) => promise))
  return new Map(await Promise.all(plan.map(async ({ projectId }) => [projectId, await whole(projectId, done)] as const)))
}

async function whole(projectId: ProjectId, done: ReadonlyMap<ProjectId, PromiseWithResolvers<Computed>>): Promise<ComputedProject> {
  const computed = (await done.get(projectId)?.promise) as Computed
  if (!computed.ok) throw new Error(`${projectId}: ${computed.reason}: ${computed.detail}`)
  const { snapshot, bytes } = computed
  return { snapshot, json: new TextDecoder().decode(bytes), cid: await snapshotCidOf(bytes) }
}
