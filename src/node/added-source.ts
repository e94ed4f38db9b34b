import { WeftError } from '#domain/errors.ts'
import type { ComputeSet } from '#domain/compute.ts'
import { type ComputeList, type KnownSet, openSet } from './computes.ts'

/** A data source that is not configured, for a project type of one source each. */
export interface AddedSource {
  readonly projectType: string
  readonly source: string
}

/**
 * The same sets with the source in the configuration of the one that the type reads: in the list of which its data sources are made, so that the form
 * of the configuration says whether it may be one. Throws `SETTINGS_INVALID` for a type that has no such list; what the form says comes from `openComputes`.
 */
export function withSource(list: ComputeList, { projectType, source }: AddedSource, known: readonly KnownSet[]): ComputeList {
  const opened = list.map((entry) => ({ entry, set: openSet(entry, known, [])?.set }))
  const base = baseOf(
    projectType,
    opened.flatMap(({ set }) => set ?? []),
  )
  const of = opened.find(({ set }) => set?.snapshots.some(({ projectType: type }) => type === base))
  const sources = of?.set?.snapshots.find(({ projectType: type }) => type === base)?.dataSources ?? []
  const [name, listed] = listIn(of?.entry.config, sources) ?? []
  if (of === undefined || name === undefined || listed === undefined)
    throw new WeftError('SETTINGS_INVALID', {
      problems: [
        sources.length === 0
          ? `--source: ${projectType} has no data sources of its own`
          : `--source: the data sources of ${projectType} are no list of its configuration: add to it there`,
      ],
    })
  if (isListed(source, sources)) return list
  const config = { ...(of.entry.config as object), [name]: [...listed, source] }
  return list.map((entry) => (entry === of.entry ? { ...entry, config } : entry))
}

/** The type whose data sources it has: its own, or that of what it is made from, one project each. */
function baseOf(projectType: string, sets: readonly ComputeSet[]): string {
  const aggregate = sets.flatMap(({ aggregates }) => aggregates).find((each) => each.projectType === projectType)
  const [first] = aggregate?.baseProjectTypes ?? []
  return aggregate?.aggregateOn === 'SingleProject' && first !== undefined ? baseOf(first, sets) : projectType
}

function listIn(config: unknown, sources: readonly string[]): readonly [string, readonly string[]] | undefined {
  if (sources.length === 0) return undefined
  return Object.entries((config ?? {}) as Readonly<Record<string, unknown>>).find((entry): entry is [string, readonly string[]] => {
    const [, value] = entry
    return (
      Array.isArray(value) && value.length === sources.length && value.every((text) => typeof text === 'string' && isListed(text, sources))
    )
  })
}

const isListed = (text: string, sources: readonly string[]): boolean =>
  sources.some((source) => source.toLowerCase() === text.toLowerCase())
