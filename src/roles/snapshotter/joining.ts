import { type ComputeSet, JOINED_MAX, type SnapshotCompute } from '#domain/compute.ts'
import { detailOf, isWeftError } from '#domain/errors.ts'
import { byCodeUnit } from '#domain/ids.ts'
import type { ComputeInputs } from './compute.ts'
import { type EpochPlan, type PlannedProject, planProjects } from './plan.ts'
import { isOurFailure } from './project-run.ts'
import { useHistory } from './sources.ts'
import { within } from './within.ts'

/** Told of a type whose sources could not be found: it has those of the configuration alone in this epoch. */
export type OnUnknown = (unknown: { readonly projectType: string; readonly detail: string }) => void

type Inputs = Pick<ComputeInputs, 'epoch' | 'source' | 'fork' | 'history' | 'timeoutMs' | 'clock' | 'signal'>

/**
 * The projects of an epoch whose data sources joined by themselves, with the aggregates over each of them, in one order however they were found. Every
 * node asks the same fork of the source, at blocks of the epoch or earlier, and the same history, as of the release: it has the same projects.
 * `moved` when that fork is the chain's no more. An aggregate over many is over those of the configuration, for its id says over which it is.
 * Rejects with the signal's reason.
 */
export async function joinedProjects(plan: EpochPlan, inputs: Inputs, onUnknown: OnUnknown): Promise<readonly PlannedProject[] | 'moved'> {
  const joining = plan.computes.snapshots.filter((compute) => compute.joining !== undefined)
  const found = await Promise.all(joining.map((compute) => joinedOf(compute, plan, inputs)))
  // Whether they were found or not.
  if (await isMoved(inputs)) return 'moved'
  return found.flatMap((joined, index) => {
    if (typeof joined !== 'string') return joined
    onUnknown({ projectType: (joining[index] as SnapshotCompute).projectType, detail: joined })
    return []
  })
}

/** Not while nobody can tell: what is computed for them looks once more. */
async function isMoved({ fork, signal }: Inputs): Promise<boolean> {
  try {
    return !(await fork.isSteady())
  } catch (failure) {
    signal.throwIfAborted()
    if (!isWeftError(failure) || isOurFailure(failure)) throw failure
    return false
  }
}

/** Or why they cannot be found. */
async function joinedOf(
  compute: SnapshotCompute,
  { computes, namespace }: EpochPlan,
  { epoch, source, history: given, signal, timeoutMs, clock }: Inputs,
): Promise<readonly PlannedProject[] | string> {
  const { dataSources, joining } = compute
  try {
    const { history } = useHistory(given)
    const work = Promise.resolve().then(() => joining?.({ epoch, source, history }))
    const found = await within(work, { clock, signal, timeoutMs, late: () => new Error(`not done after ${timeoutMs} ms`) })
    const known = new Set(dataSources.map((each) => each.toLowerCase()))
    const fresh = [...new Map(found?.map((each) => [each.toLowerCase(), each]))].filter(([each]) => !known.has(each))
    if (fresh.length > JOINED_MAX) throw new RangeError(`${fresh.length} data sources join, at most ${JOINED_MAX} may`)
    if (fresh.length === 0) return []
    const sources = fresh.sort(([left], [right]) => byCodeUnit(left, right)).map(([, each]) => each)
    const among = planProjects(over({ ...compute, dataSources: sources }, computes), namespace)
    // What comes at once comes from the compute itself, asked once for all.
    return among.map((project) => (project.kind === 'snapshot' ? { ...project, compute } : project))
  } catch (failure) {
    signal.throwIfAborted()
    return detailOf(failure)
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
