import pLimit from 'p-limit'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { SourceChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { type ComputeInputs, compute } from '#roles/snapshotter/compute.ts'
import { openFork } from '#roles/snapshotter/fork.ts'
import { joinedProjects } from '#roles/snapshotter/joining.ts'
import type { PlannedProject, Terms } from '#roles/snapshotter/plan.ts'
import { preload } from '#roles/snapshotter/preload.ts'
import { awaitSource, createSourceReader } from '#roles/snapshotter/source-reader.ts'
import type { Recomputed, Recomputer } from '#roles/validator/recompute.ts'
import { snapshotCidOf } from '#wire/cid.ts'

/** As a snapshotter's: within it the source answers, or fails. */
const COMPUTE_TIMEOUT_MS = 30_000
/** Computed at once: they wait for the source endpoint most of the time. */
const AT_ONCE_MAX = 8

export interface RecomputerDeps extends PersistDeps {
  readonly clock: Clock
  readonly source: SourceChain
  /** Which projects an epoch has, and what computes them. */
  readonly terms: Pick<Terms, 'termsAt'>
}

/** Why what was read cannot be taken for data of one fork; `undefined` when it can. */
async function unsteadiness({ fork, signal }: ComputeInputs): Promise<'unsteady' | 'source_late' | undefined> {
  try {
    return (await fork.isSteady()) ? undefined : 'unsteady'
  } catch (failure) {
    signal.throwIfAborted()
    if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
    return 'source_late'
  }
}

/** What a snapshotter does with the base projects of an epoch, done by a validator: the same stages on a source of its own (G8). */
export function createRecomputer(deps: RecomputerDeps): Recomputer {
  const limit = pLimit(AT_ONCE_MAX)
  const unused = () => Promise.reject(new WeftError('STOPPED', { what: 'recomputing aggregates' }))

  async function one(project: PlannedProject | undefined, inputs: ComputeInputs): Promise<Recomputed> {
    if (project === undefined) return { ok: false, reason: 'not_planned' }
    if (project.kind === 'aggregate') return { ok: false, reason: 'aggregate' }
    const computed = await compute(project, inputs)
    const unsteady = await unsteadiness(inputs)
    if (unsteady !== undefined) return { ok: false, reason: unsteady }
    if (computed.ok) return { ok: true, snapshotCid: await snapshotCidOf(computed.bytes) }
    return { ok: false, reason: computed.reason === 'nothing_happened' ? 'nothing_happened' : 'compute_failed' }
  }

  return {
    async recompute(epoch, projectIds, signal) {
      const { clock } = deps
      const terms = { doing: 'read_market', attempt: () => deps.terms.termsAt(epoch.epochId as EpochId), signal }
      const { plan } = await persist(terms, deps)
      const chain = deps.source
      const above = await awaitSource({ epoch, chain, signal }, deps)
      const fork = openFork({ chain, above, signal }, deps)
      const source = createSourceReader({ epoch, chain: fork, signal }, deps)
      const timeoutMs = COMPUTE_TIMEOUT_MS
      const planned = new Map(plan.projects.map((project) => [project.projectId, project]))
      const inputs: ComputeInputs = {
        epoch,
        source,
        fork,
        preloads: preload(plan.computes, { epoch, source, timeoutMs, clock, signal }),
        bulks: new Map(),
        snapshotOf: unused,
        history: {
          releaseBlock: 0 as ComputeInputs['history']['releaseBlock'],
          firstEpochId: unused,
          snapshot: unused,
          series: unused,
          waitsFor: () => undefined,
        },
        epochsIn: () => 0,
        timeoutMs,
        limits: { snapshot: limit, aggregate: limit },
        clock,
        signal,
      }
      let isKnown = true
      const joined = await joinedProjects(plan, inputs, () => {
        isKnown = false
      })
      if (joined === 'moved') isKnown = false
      else for (const project of joined) planned.set(project.projectId, project)
      const answer = async (projectId: ProjectId): Promise<readonly [ProjectId, Recomputed]> => {
        const project = planned.get(projectId)
        return [projectId, project === undefined && !isKnown ? { ok: false, reason: 'source_late' } : await one(project, inputs)]
      }
      return new Map(await Promise.all(projectIds.map(answer)))
    },
  }
}
