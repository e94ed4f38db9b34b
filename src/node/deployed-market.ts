import { dirname, join } from 'node:path'
import { z } from 'zod'
import { WeftError } from '#domain/errors.ts'
import { meant, nearest } from '#domain/nearest.ts'
import { type ComputeList, type MarketComputes, NO_OBJECT, openComputes, problemText, problemsIn, restricted } from './computes.ts'
import { bytesOf } from './given-file.ts'
import { MAINNET_AAVE, MAINNET_PRICES, MAINNET_UNISWAP } from './mainnet.ts'

/**
 * The three files by which deployed nodes know a market: `projects.json`, and beside it `aggregator.json` and `preloader.json` (spec/03 §4). Each
 * project type is found in a set of ours; Python modules and classes are taken as written and looked at no further.
 */

const NO_TEXT = { error: 'is not a text' }
const TEXTS = z.array(z.string(NO_TEXT), { error: 'is not a list' })
const PROCESSOR = z.strictObject({ module: z.string(NO_TEXT), class_name: z.string(NO_TEXT) }, NO_OBJECT)
const PROJECT = z.strictObject(
  {
    project_type: z.string(NO_TEXT),
    projects: TEXTS.nullish(),
    preload_tasks: TEXTS.nullish(),
    bulk_mode: z.boolean({ error: 'is neither true nor false' }).nullish(),
    processor: PROCESSOR,
  },
  NO_OBJECT,
)
const AGGREGATE = z.strictObject(
  {
    project_type: z.string(NO_TEXT),
    aggregate_on: z.enum(['SingleProject', 'MultiProject'], { error: "is neither 'SingleProject' nor 'MultiProject'" }),
    filters: z.strictObject({ projectId: z.string(NO_TEXT) }, NO_OBJECT).nullish(),
    base_project_type: z.string(NO_TEXT).nullish(),
    projects_to_wait_for: TEXTS.nullish(),
    project_types_to_wait_for: TEXTS.nullish(),
    preload_tasks: TEXTS.nullish(),
    processor: PROCESSOR,
  },
  NO_OBJECT,
)
const TASK = z.strictObject({ task_type: z.string(NO_TEXT), module: z.string(NO_TEXT), class_name: z.string(NO_TEXT) }, NO_OBJECT)
const listOf = <Entry extends z.ZodType>(entry: Entry) => z.array(entry, { error: 'is not a list' })
const PROJECTS_FILE = z.strictObject({ config: listOf(PROJECT).min(1, { error: 'is empty' }) }, NO_OBJECT)
const AGGREGATOR_FILE = z.strictObject({ config: listOf(AGGREGATE) }, NO_OBJECT)
const PRELOADER_FILE = z.strictObject(
  { preloaders: listOf(TASK), delegate_tasks: listOf(TASK).nullish(), timeout: z.number({ error: 'is not a number' }).nullish() },
  NO_OBJECT,
)
type Project = z.infer<typeof PROJECT>
type Aggregate = z.infer<typeof AGGREGATE>

/** Which set has base types of deployed nodes, and what it is configured with for their data sources. */
const SETS: readonly {
  readonly name: string
  readonly types: readonly string[]
  configOf(sources: readonly string[], lite?: readonly string[]): unknown
}[] = [
  {
    name: 'uniswap-v2',
    types: ['pairContract_pair_total_reserves', 'pairContract_trade_volume'],
    configOf: (pairs, lite) => ({ ...MAINNET_UNISWAP, pairs, ...(lite === undefined ? {} : { lite }) }),
  },
  {
    name: 'aave-v3',
    types: ['poolContract_total_supply', 'poolContract_supply_volume'],
    configOf: (assets) => ({ ...MAINNET_AAVE, assets }),
  },
  { name: 'eth-price', types: ['eth:price_tracking'], configOf: (dataSources) => ({ ...MAINNET_PRICES, dataSources }) },
]
/** Preloads that our sets have, or do without. */
const KNOWN_TASKS = ['block_details', 'eth_price', 'block_transactions', 'bulk_asset', 'bulk_event']
const KNOWN_DELEGATES = ['txreceipt']

/** Whether a JSON value is what deployed nodes have in `projects.json`. */
export const isDeployedFile = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'config' in value && !('computes' in value)

/** The computes of a market of deployed nodes, no more than its files name. Throws `SETTINGS_INVALID` with all that is wrong, by file and entry. */
export function readDeployedMarket(path: string, projects: unknown): MarketComputes {
  const problems: string[] = []
  const beside = (name: string) => join(dirname(path), name)
  const [aggregatorPath, preloaderPath] = [beside('aggregator.json'), beside('preloader.json')]
  const bases = formed(PROJECTS_FILE, projects, path, problems)?.config ?? []
  const aggregates = formed(AGGREGATOR_FILE, jsonBeside(aggregatorPath, problems), aggregatorPath, problems)?.config ?? []
  checkPreloads({ bases, aggregates, path, aggregatorPath, preloaderPath }, problems)
  const list = setsOf(bases, { aggregates, path }, problems)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  const market = openedOf(list, path)
  checkAggregates(aggregates, market, aggregatorPath, problems)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return restricted(
    market,
    [...bases, ...aggregates].map(({ project_type }) => project_type),
  )
}

/** Throws as `openComputes`, with the file's name. */
function openedOf(list: ComputeList, path: string): MarketComputes {
  try {
    return openComputes(list)
  } catch (failure) {
    throw problemsIn(path, failure)
  }
}

function formed<Form extends z.ZodType>(form: Form, value: unknown, path: string, problems: string[]): z.infer<Form> | undefined {
  if (value === undefined) return undefined
  const result = form.safeParse(value)
  if (result.success) return result.data
  problems.push(...result.error.issues.map((issue) => `${path}: ${problemText(issue)}`))
  return undefined
}

/** `undefined` for a file that is not there: nodes without aggregates have none. */
function jsonBeside(path: string, problems: string[]): unknown {
  const bytes = bytesOf(path)
  if (bytes === undefined) return undefined
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown
  } catch {
    problems.push(`${path} cannot be read as JSON`)
    return undefined
  }
}

function checkPreloads(
  files: {
    readonly bases: readonly Project[]
    readonly aggregates: readonly Aggregate[]
    readonly path: string
    readonly aggregatorPath: string
    readonly preloaderPath: string
  },
  problems: string[],
): void {
  const { preloaderPath: place } = files
  const found = formed(PRELOADER_FILE, jsonBeside(place, problems), place, problems)
  const unknown = (where: string, task: string, known: readonly string[]) => {
    if (!known.includes(task))
      problems.push(`${place}: ${where} '${task.slice(0, 80)}' is none that Weft has${meant(nearest(task, known))}`)
  }
  for (const [index, { task_type }] of found?.preloaders.entries() ?? []) unknown(`preloaders[${index}].task_type`, task_type, KNOWN_TASKS)
  for (const [index, { task_type }] of found?.delegate_tasks?.entries() ?? [])
    unknown(`delegate_tasks[${index}].task_type`, task_type, KNOWN_DELEGATES)
  const named = new Set(found?.preloaders.map(({ task_type }) => task_type))
  const entries = [
    ...files.bases.map((entry, index) => ({ entry, at: `${files.path}: config[${index}]` })),
    ...files.aggregates.map((entry, index) => ({ entry, at: `${files.aggregatorPath}: config[${index}]` })),
  ]
  for (const { entry, at } of entries)
    for (const task of entry.preload_tasks ?? [])
      if (!named.has(task)) problems.push(`${at}.preload_tasks: '${task.slice(0, 80)}' is not in ${place}`)
}

/** The sets that have the base types, each with the data sources of its entries, which must be the same ones. */
function setsOf(
  bases: readonly Project[],
  { aggregates, path }: { readonly aggregates: readonly Aggregate[]; readonly path: string },
  problems: string[],
): ComputeList {
  const sourcesBySet = new Map<string, { readonly sources: readonly string[]; readonly at: string }>()
  const types = SETS.flatMap((set) => set.types)
  for (const [index, { project_type, projects }] of bases.entries()) {
    const at = `config[${index}]`
    const set = SETS.find((each) => each.types.includes(project_type))
    if (set === undefined) {
      const guess = meant(nearest(project_type, types))
      problems.push(
        `${path}: ${at}.project_type '${project_type.slice(0, 80)}' is none that Weft has${guess} There are ${types.join(', ')}`,
      )
      continue
    }
    if (projects == null || projects.length === 0) {
      const why = projects == null ? 'lists none' : 'leaves them to the protocol state, which names none any more'
      problems.push(`${path}: ${at}.projects ${why}: ${set.name} needs the data sources`)
      continue
    }
    const before = sourcesBySet.get(set.name)
    if (before !== undefined && !isSame(before.sources, projects))
      problems.push(`${path}: ${at}.projects are others than those of ${before.at}: in ${set.name} both types are of the same`)
    sourcesBySet.set(set.name, { sources: before?.sources ?? projects, at: before?.at ?? at })
  }
  return SETS.flatMap(({ name, configOf }) => {
    const sources = sourcesBySet.get(name)?.sources
    return sources === undefined ? [] : [{ name, config: configOf(sources, liteOf(aggregates)) }]
  })
}

const isSame = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((each, index) => each.toLowerCase() === right[index]?.toLowerCase())

/** Of the ids that a `_lite` ranking waits for, the data sources. */
function liteOf(aggregates: readonly Aggregate[]): readonly string[] | undefined {
  const ids = aggregates.filter(({ project_type }) => project_type.endsWith('_lite')).flatMap((each) => each.projects_to_wait_for ?? [])
  const sources = new Set(ids.flatMap((id) => id.split(':').at(-2)?.toLowerCase() ?? []))
  return sources.size === 0 ? undefined : [...sources]
}

/** Each aggregate is one of ours, made in the same way, and built on nothing that ours is not. */
function checkAggregates(aggregates: readonly Aggregate[], { computes }: MarketComputes, path: string, problems: string[]): void {
  const types = computes.aggregates.map(({ projectType }) => projectType)
  const idTypes = (ids: readonly string[] | null | undefined) => new Set(ids?.map((id) => id.split(':').slice(0, -2).join(':')))
  for (const [index, entry] of aggregates.entries()) {
    const at = `${path}: config[${index}]`
    const ours = computes.aggregates.find(({ projectType }) => projectType === entry.project_type)
    if (ours === undefined) {
      problems.push(
        `${at}.project_type '${entry.project_type.slice(0, 80)}' is none of the sets of projects.json${meant(nearest(entry.project_type, types))}`,
      )
      continue
    }
    if (ours.aggregateOn !== entry.aggregate_on) problems.push(`${at}.aggregate_on is ${ours.aggregateOn} in Weft`)
    const single = entry.base_project_type ?? undefined
    const named = [
      ...(single === undefined ? [] : [single]),
      ...(entry.project_types_to_wait_for ?? []),
      ...idTypes(entry.projects_to_wait_for),
    ]
    const { baseProjectTypes: own } = ours
    for (const type of new Set(named)) if (!own.includes(type)) problems.push(`${at} builds on ${type}, in Weft on ${own.join(' and ')}`)
    const filter = entry.filters?.projectId
    if (filter !== undefined && !own.some((type) => type.includes(filter) || filter.includes(type)))
      problems.push(`${at}.filters.projectId '${filter.slice(0, 80)}' fits none of ${own.join(', ')}`)
  }
}
