import { createHash } from 'node:crypto'
import { aaveV3 } from 'weft/computes/aave-v3'
import { ethPriceTracking } from 'weft/computes/eth-price'
import { uniswapV2 } from 'weft/computes/uniswap-v2'
import { wallets } from 'weft/computes/wallets'
import { z } from 'zod'
import type { AggregateCompute, ComputeSet, ComputeSetModule, JsonValue, Preload, SchemaIssue, SnapshotCompute } from '#domain/compute.ts'
import { graphProblems } from '#domain/compute-graph.ts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { meant, nearest } from '#domain/nearest.ts'
import type { EpochPlan, PlannedSet } from '#roles/snapshotter/plan.ts'
import { canonicalJson } from '#wire/canonical-json.ts'

/** A set that this program has. */
export interface KnownSet extends ComputeSetModule {
  /** Where one of its types stands in its files. */
  placeOf?(word: string): string
}

/** The sets of computes that are shipped. */
export const COMPUTE_SETS: readonly ComputeSetModule[] = [uniswapV2, aaveV3, ethPriceTracking, wallets]

const NO_TEXT = { error: 'is not a text' }
/** What is said of a value that is no object with the fields that it should have. */
export const NO_OBJECT = {
  error: (issue: { readonly code?: string; readonly keys?: readonly string[] }) =>
    issue.code === 'unrecognized_keys' ? `${issue.keys?.join(', ')} has no meaning here` : 'is not an object',
}
/** How a market names its computes, in a file or on chain. Without a version whichever is shipped is meant; a set may do without configuration. */
export const COMPUTE_LIST = z
  .array(z.strictObject({ name: z.string(NO_TEXT), version: z.string(NO_TEXT).optional(), config: z.unknown().optional() }, NO_OBJECT), {
    error: 'is not a list',
  })
  .min(1, { error: 'is empty' })
export type ComputeList = z.infer<typeof COMPUTE_LIST>

/** Whether this program has that version of the set, and so knows what its configuration looks like. */
export function isShipped({ name, version }: { readonly name: string; readonly version: string }): boolean {
  return COMPUTE_SETS.some((module) => module.name === name && module.version === version)
}

/** The computes of one market, of all its sets, and what they were made from. */
export type MarketComputes = Omit<EpochPlan, 'projects' | 'namespace'>

/**
 * The computes that a market names. Throws `SETTINGS_INVALID` with all that is wrong: sets that are not shipped, or not in that version,
 * what is wrong with each configuration, and sets that do not go together.
 */
export function openComputes(list: ComputeList, shipped: readonly KnownSet[] = COMPUTE_SETS): MarketComputes {
  const problems: string[] = []
  const opened = list.flatMap((entry) => openSet(entry, shipped, problems) ?? [])
  problems.push(...clashesOf(opened))
  const computes: ComputeSet = {
    preloads: [...new Set(opened.flatMap(({ set }) => set.preloads))],
    snapshots: opened.flatMap(({ set }) => set.snapshots.map((compute) => limited(compute, set))),
    aggregates: opened.flatMap(({ set }) => set.aggregates.map((compute) => limited(compute, set))),
  }
  // What builds on a set that could not be opened would be told of what it lacks.
  if (opened.length === list.length)
    for (const { about, problem } of graphProblems(computes)) problems.push(`${placeOf(about, opened)}: ${problem}`)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return { sets: opened.map(({ id }) => id), computes }
}

/** Each compute knows what its set allows. */
function limited<Compute extends SnapshotCompute | AggregateCompute>(compute: Compute, { limits }: ComputeSet): Compute {
  return limits === undefined ? compute : { ...compute, limits }
}

/** Where a type is declared: file and line of a set from a folder, the name of one that is shipped. */
function placeOf(word: string, opened: readonly Opened[]): string {
  const declares = ({ set }: Opened): boolean =>
    set.preloads.some(({ taskType }) => taskType === word) ||
    [...set.snapshots, ...set.aggregates].some(({ projectType }) => projectType === word)
  const owner = opened.find(declares)
  return owner?.module.placeOf?.(word) ?? owner?.id.name ?? word
}

/** The same with these project types alone: another plan than with all, and so of another hash. */
export function restricted({ sets, computes }: MarketComputes, projectTypes: readonly string[]): MarketComputes {
  const wanted = new Set(projectTypes)
  const among = ({ projectType }: { readonly projectType: string }): boolean => wanted.has(projectType)
  return {
    sets: sets.map((set) => ({ ...set, hash: hashOf([set.hash, [...wanted].sort()]) })),
    computes: { ...computes, snapshots: computes.snapshots.filter(among), aggregates: computes.aggregates.filter(among) },
  }
}

/** What `openComputes` threw, told of the file that names the sets. */
export function problemsIn(path: string, failure: unknown): unknown {
  if (!isWeftError(failure, 'SETTINGS_INVALID')) return failure
  return new WeftError('SETTINGS_INVALID', { problems: [failure.facts.problems].flat().map((problem) => `${path}: ${problem}`) }, failure)
}

/** `pairs[3] is not an address`: where, then what. */
export function problemText({ message, path = [] }: SchemaIssue): string {
  const keys = path.map((part) => (typeof part === 'object' ? part.key : part))
  const where = keys.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, '')
  return where === '' ? message : `${where} ${message}`
}

interface Opened {
  readonly id: PlannedSet
  readonly module: KnownSet
  readonly set: ComputeSet
}

/** One of them; `undefined` when it cannot be, with what is wrong added to the problems. */
export function openSet(
  { name, version, config }: ComputeList[number],
  shipped: readonly KnownSet[],
  problems: string[],
): Opened | undefined {
  const named = shipped.filter((each) => each.name === name)
  // A devnet that watches a folder has several versions of one set.
  const module = named.find((each) => each.version === version) ?? named[0]
  if (module === undefined) {
    const names = shipped.map((each) => each.name)
    problems.push(
      `there is no compute set '${name.slice(0, 80)}'${meant(nearest(name, names))} There are ${names.join(', ')}; one of a folder is given with --computes`,
    )
    return undefined
  }
  // What the configuration of another version looks like is not known here.
  if (version !== undefined && version !== module.version) {
    problems.push(`${name}: version ${version.slice(0, 80)} is asked for, this Weft has ${module.version}`)
    return undefined
  }
  const result = module.config['~standard'].validate(config)
  if (result instanceof Promise) throw new TypeError(`the form of ${name} answers with a promise`)
  if (result.issues !== undefined) {
    problems.push(...result.issues.map((issue) => `${name}: ${problemText(issue)}`))
    return undefined
  }
  return { id: { name, version: module.version, hash: hashOf(result.value) }, module, set: module.create(result.value) }
}

/** What `openComputes` calls a set, without opening it. The configuration of a version that is not shipped is taken as it is written. */
export function plannedSetOf(
  { name, version, config }: Omit<ComputeList[number], 'version'> & { readonly version: string },
  shipped: readonly ComputeSetModule[] = COMPUTE_SETS,
): PlannedSet {
  const form = shipped.find((each) => each.name === name && each.version === version)?.config
  const result = form?.['~standard'].validate(config)
  const isParsed = result !== undefined && !(result instanceof Promise) && result.issues === undefined
  return { name, version, hash: hashOf(isParsed ? result.value : config) }
}

/** Of what a form makes of it, which is JSON. The same whether it came from canonical JSON, where integers are `bigint`, or from any other. */
function hashOf(config: unknown): string {
  return createHash('sha256')
    .update(canonicalJson(withIntegers((config ?? null) as JsonValue)))
    .digest('hex')
}

function withIntegers(value: JsonValue): JsonValue {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(withIntegers)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withIntegers(item)]))
}

/**
 * Project types, and task types of preloads, that more than one set brings: ids must name one thing. A preload that sets share is one thing. The
 * id of an aggregate over many projects says over which: each set may bring an `aggregate_24h_stats`, as long as nobody builds on it.
 */
function clashesOf(opened: readonly Opened[]): string[] {
  const owners = new Map<string, { readonly name: string; readonly thing: Preload | SnapshotCompute | AggregateCompute }>()
  const shared = new Set<string>()
  const problems: string[] = []
  for (const { id, set } of opened) {
    const things = [
      ...set.preloads.map((thing) => [`preload ${thing.taskType}`, thing] as const),
      ...[...set.snapshots, ...set.aggregates].map((thing) => [`project type ${thing.projectType}`, thing] as const),
    ]
    for (const [what, thing] of things) {
      const owner = owners.get(what)
      if (owner === undefined) owners.set(what, { name: id.name, thing })
      else if (isApart(owner.thing, thing)) shared.add(what)
      else if (owner.thing !== thing) problems.push(`${id.name}: ${what} is there already, of ${owner.name}`)
    }
  }
  for (const { id, set } of opened)
    for (const { projectType, baseProjectTypes } of set.aggregates)
      for (const base of baseProjectTypes.filter((type) => shared.has(`project type ${type}`)))
        problems.push(`${id.name}: ${projectType} builds on ${base}, which more than one set brings`)
  return problems
}

function isApart(left: object, right: object): boolean {
  const basesOf = (thing: object): string | undefined =>
    'aggregateOn' in thing && thing.aggregateOn === 'MultiProject'
      ? (thing as AggregateCompute).baseProjectTypes.toSorted().join()
      : undefined
  const [one, other] = [basesOf(left), basesOf(right)]
  return one !== undefined && other !== undefined && one !== other
}
