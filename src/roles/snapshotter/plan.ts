import { type AggregateCompute, type ComputeSet, dataSourceOf, type SnapshotCompute } from '#domain/compute.ts'
import { graphProblems } from '#domain/compute-graph.ts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { byCodeUnit, type EpochId, type ProjectId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { multiAggregateProjectId, projectIdOf, singleAggregateProjectId } from '#wire/project-id.ts'

/** One project of every epoch: what computes it, and on which others it builds. */
export type PlannedProject =
  | { readonly kind: 'snapshot'; readonly projectId: ProjectId; readonly compute: SnapshotCompute; readonly dataSource: string | undefined }
  | {
      readonly kind: 'aggregate'
      readonly projectId: ProjectId
      readonly compute: AggregateCompute
      readonly baseIds: readonly ProjectId[]
    }

/** What a set of computes is called where it counts whether two plans are the same. */
export interface PlannedSet {
  readonly name: string
  readonly version: string
  /** Of its configuration. */
  readonly hash: string
}

/** What is done in an epoch, and what that was made from. */
export interface EpochPlan {
  readonly sets: readonly PlannedSet[]
  readonly computes: ComputeSet
  readonly namespace: string
  /** But for those whose data sources join by themselves (`joining.ts`). */
  readonly projects: readonly PlannedProject[]
}

/** Throws as `planProjects`. */
export function planFrom(market: Omit<EpochPlan, 'projects' | 'namespace'>, namespace: string): EpochPlan {
  return { ...market, namespace, projects: planProjects(market.computes, namespace) }
}

/** What the market asks of a snapshotter in an epoch. */
export interface EpochTerms {
  readonly rules: Pick<MarketRules, 'windowUnit' | 'deadlineBufferMaxBlocks' | 'anchoring' | 'namespace' | 'voting'>
  readonly plan: EpochPlan
}

export interface Terms {
  /** Those of the next epoch, as far as it was known at start: for the simulation, which belongs to none. */
  readonly present: EpochTerms
  /** What applies to an epoch that was released. Rejects while that is not known; never answers with that of another epoch instead. */
  termsAt(epochId: EpochId): Promise<EpochTerms>
}

/** Of a market that never changes. */
export const sameTerms = (terms: EpochTerms): Terms => ({ present: terms, termsAt: async () => terms })

/**
 * What is to be computed by who may vote on some projects only: these, and whatever later epochs may look back on, which is aggregates and
 * what they build on.
 */
export function projectsFor(projects: readonly PlannedProject[], mayVote: (projectId: ProjectId) => boolean): readonly PlannedProject[] {
  const bases = new Set(projects.flatMap((project) => (project.kind === 'aggregate' ? project.baseIds : [])))
  return projects.filter(({ kind, projectId }) => kind === 'aggregate' || bases.has(projectId) || mayVote(projectId))
}

/** Whether both are made from the same: order is part of it. */
export function isSamePlan(left: readonly PlannedSet[], right: readonly PlannedSet[]): boolean {
  const isSame = (set: PlannedSet, other: PlannedSet | undefined) =>
    set.name === other?.name && set.version === other.version && set.hash === other.hash
  return left.length === right.length && left.every((set, index) => isSame(set, right[index]))
}

/** `uniswap-v2 1.0.0 (configuration 0123abcd)`. */
export function setsInWords(sets: readonly PlannedSet[]): string {
  return sets.map(({ name, version, hash }) => `${name} ${version} (configuration ${hash.slice(0, 8)})`).join(', ')
}

/**
 * All projects of the market, each after those that it builds on. Throws `SETTINGS_INVALID` naming all that is
 * wrong with what builds on what, and every project id that is malformed or comes twice.
 */
export function planProjects(computes: ComputeSet, namespace: string): readonly PlannedProject[] {
  const problems = graphProblems(computes).flatMap(({ problem, isIdle }) => (isIdle ? [] : [problem]))
  const plan: PlannedProject[] = []
  const ids = new Set<ProjectId>()
  const idsByType = new Map<string, ProjectId[]>()

  function add(type: string, make: () => PlannedProject): void {
    const project = attempt(make, problems)
    if (project === undefined) return
    if (ids.has(project.projectId)) problems.push(`project ${project.projectId} comes twice`)
    ids.add(project.projectId)
    plan.push(project)
    const ofType = idsByType.get(type) ?? []
    idsByType.set(type, ofType)
    ofType.push(project.projectId)
  }

  for (const compute of computes.snapshots) {
    const isOne = compute.dataSources.length === 0 && compute.joining === undefined
    const dataSources = isOne ? [undefined] : compute.dataSources
    for (const dataSource of dataSources) {
      add(compute.projectType, () => ({
        kind: 'snapshot',
        projectId: projectIdOf({ type: compute.projectType, dataSource, namespace }),
        compute,
        dataSource,
      }))
    }
  }
  for (const compute of computes.aggregates) {
    const { projectType: type } = compute
    const allIds = compute.baseProjectTypes.flatMap((base) => idsByType.get(base) ?? []).sort(byCodeUnit)
    const sources = compute.dataSources?.map((source) => source.toLowerCase())
    for (const source of sources ?? [])
      if (!allIds.some((id) => dataSourceOf(id) === source)) problems.push(`${type} is over ${source}, of which no base project is`)
    const baseIds = sources === undefined ? allIds : allIds.filter((id) => sources.includes(dataSourceOf(id)))
    if (compute.aggregateOn === 'MultiProject') {
      add(type, () => ({
        kind: 'aggregate',
        projectId: multiAggregateProjectId({ type, baseProjectIds: baseIds, namespace }),
        compute,
        baseIds,
      }))
      continue
    }
    for (const baseProjectId of baseIds) {
      add(type, () => ({
        kind: 'aggregate',
        projectId: singleAggregateProjectId({ type, baseProjectId, namespace }),
        compute,
        baseIds: [baseProjectId],
      }))
    }
  }
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return plan
}

function attempt(make: () => PlannedProject, problems: string[]): PlannedProject | undefined {
  try {
    return make()
  } catch (failure) {
    if (!isWeftError(failure, 'ID_MALFORMED')) throw failure
    problems.push(failure.message)
    return undefined
  }
}
