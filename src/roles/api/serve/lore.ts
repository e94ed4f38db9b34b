import type { AggregateCompute, ComputeSet, JsonValue } from '#domain/compute.ts'
import type { ProjectId } from '#domain/ids.ts'
import { jsonSchemaOf } from '#domain/snapshot-schema.ts'
import { multiAggregateProjectId, projectIdOf, singleAggregateProjectId } from '#wire/project-id.ts'
import { unlessThrown } from '#wire/untrusted.ts'

/** What the computes of a market say of its projects: what kind each is, and what it is made from. */

/** Aggregates are made from aggregates; further down nobody has built yet. */
const DEPTH_MAX = 8

export type Kind = 'snapshot' | 'single' | 'multi' | 'unknown'

export function kindOf(projectType: string, computes: ComputeSet | undefined): Kind {
  if (computes?.snapshots.some((each) => each.projectType === projectType)) return 'snapshot'
  const aggregate = computes?.aggregates.find((each) => each.projectType === projectType)
  if (aggregate === undefined) return 'unknown'
  return aggregate.aggregateOn === 'SingleProject' ? 'single' : 'multi'
}

/** What the compute of a project type says of it to readers, and the JSON Schema of its snapshots, as far as it says so. */
export function declaredOf(
  projectType: string,
  computes: ComputeSet | undefined,
): { readonly description?: string; readonly schema?: JsonValue } {
  const makers = computes === undefined ? [] : [...computes.snapshots, ...computes.aggregates]
  const { description, schema } = makers.find((each) => each.projectType === projectType) ?? {}
  return { ...(description !== undefined && { description }), ...(schema !== undefined && { schema: jsonSchemaOf(schema) as JsonValue }) }
}

/** The projects that an aggregate takes in each epoch, sorted; none of a snapshot, or of one that the computes do not make. */
export function sourcesOf(projectId: ProjectId, computes: ComputeSet): readonly ProjectId[] {
  const namespace = projectId.slice(projectId.lastIndexOf(':') + 1)
  for (const aggregate of computes.aggregates) {
    if (!projectId.startsWith(`${aggregate.projectType}:`)) continue
    const sources = madeFrom(aggregate, { computes, namespace }).find((each) => each.projectId === projectId)
    if (sources !== undefined) return sources.base.toSorted()
  }
  return []
}

interface Place {
  readonly computes: ComputeSet
  readonly namespace: string
}

function madeFrom(
  aggregate: AggregateCompute,
  place: Place,
  depth = 0,
): readonly { readonly projectId: ProjectId; readonly base: readonly ProjectId[] }[] {
  const { projectType: type, baseProjectTypes } = aggregate
  const bases = baseProjectTypes.flatMap((each) => projectsOf(each, place, depth))
  const { namespace } = place
  if (aggregate.aggregateOn === 'SingleProject')
    return bases.map((base) => ({ projectId: singleAggregateProjectId({ type, baseProjectId: base, namespace }), base: [base] }))
  return bases.length === 0 ? [] : [{ projectId: multiAggregateProjectId({ type, baseProjectIds: bases, namespace }), base: bases }]
}

function projectsOf(projectType: string, place: Place, depth: number): readonly ProjectId[] {
  const { computes, namespace } = place
  const snapshots = computes.snapshots.filter((each) => each.projectType === projectType)
  const own = snapshots.flatMap(({ projectType: type, dataSources }) =>
    dataSources.length === 0
      ? (unlessThrown(() => projectIdOf({ type, namespace })) ?? [])
      : dataSources.flatMap((dataSource) => unlessThrown(() => projectIdOf({ type, dataSource, namespace })) ?? []),
  )
  if (depth >= DEPTH_MAX) return own
  const made = computes.aggregates.filter((each) => each.projectType === projectType).flatMap((each) => madeFrom(each, place, depth + 1))
  return [...own, ...made.map((each) => each.projectId)]
}
