import type { ComputeSet, SnapshotCompute } from '#domain/compute.ts'
import { byCodeUnit } from '#domain/ids.ts'
import type { ComputeInputs } from './compute.ts'
import { type EpochPlan, type PlannedProject, planProjects } from './plan.ts'
import { useHistory } from './sources.ts'
import { within } from './within.ts'

/** Of one type in one epoch: each is a project of every epoch from then on. */
export const JOINED_MAX = 20_000

/** Told of a type whose sources could not be found: it has those of the configuration alone in this epoch. */
export type OnUnknown = (unknown: { readonly projectType: string; readonly detail: string }) => void

type Inputs = Pick<ComputeInputs, 'epoch' | 'source' | 'history' | 'timeoutMs' | 'clock' | 'signal'>

/**
 * The projects of an epoch whose data sources joined by themselves, with the aggregates over each of them, in one order however they were found. Every
 * node asks the same fork of the source, at blocks of the epoch or earlier, and the same history, as of the release: it has the same projects.
 * An aggregate over many is over those of the configuration, for its id says over which it is. Rejects with the signal's reason.
 */
export async function joinedProjects(
  plan: Pick<EpochPlan, 'computes' | 'namespace'>,
  inputs: Inputs,
  onUnknown: OnUnknown,
): Promise<readonly PlannedProject[]> {
  const joined = await Promise.all(plan.computes.snapshots.map((compute) => joinedOf(compute, plan, { inputs, onUnknown })))
  return joined.flat()
}

async function joinedOf(
  compute: SnapshotCompute,
  { computes, namespace }: Pick<EpochPlan, 'computes' | 'namespace'>,
  { inputs, onUnknown }: { readonly inputs: Inputs; readonly onUnknown: OnUnknown },
): Promise<readonly PlannedProject[]> {
  const { projectType, dataSources, joining } = compute
  if (joining === undefined) return []
  const { epoch, source, signal, timeoutMs, clock } = inputs
  try {
    const { history } = useHistory(inputs.history)
    const work = Promise.resolve().then(() => joining({ epoch, source, history }))
    const found = await within(work, { clock, signal, timeoutMs, late: () => new Error(`not done after ${timeoutMs} ms`) })
    const known = new Set(dataSources.map((each) => each.toLowerCase()))
    const fresh = [...new Map(found.map((each) => [each.toLowerCase(), each]))].filter(([each]) => !known.has(each))
    if (fresh.length > JOINED_MAX) throw new RangeError(`${fresh.length} data sources join, at most ${JOINED_MAX} may`)
    if (fresh.length === 0) return []
    const sources = fresh.sort(([left], [right]) => byCodeUnit(left, right)).map(([, each]) => each)
    const among = planProjects(over({ ...compute, dataSources: sources }, computes), namespace)
    // What comes at once comes from the compute itself, asked once for all.
    return among.map((project) => (project.kind === 'snapshot' ? { ...project, compute } : project))
  } catch (failure) {
    signal.throwIfAborted()
    onUnknown({ projectType, detail: failure instanceof Error ? failure.message : String(failure) })
    return []
  }
}

/** The compute, and the aggregates over one project at a time that build on it and on nothing else. */
function over(compute: SnapshotCompute, { preloads, aggregates }: ComputeSet): ComputeSet {
  const types = new Set([compute.projectType])
  const upon = aggregates.filter(({ aggregateOn, baseProjectTypes, dataSources, projectType }) => {
    const isUpon = aggregateOn === 'SingleProject' && dataSources === undefined && baseProjectTypes.every((type) => types.has(type))
    if (isUpon) types.add(projectType)
    return isUpon
  })
  return { preloads, snapshots: [compute], aggregates: upon }
}
