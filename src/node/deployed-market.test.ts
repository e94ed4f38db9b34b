import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import { readMarketFile } from './market-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-deployed-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const [ONE, TWO] = ['0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc', '0xbb2b8038a1640196fbe3e38816f3e67cba72d940'] as const
const processor = { module: 'snapshotter.modules.computes.pair_total_reserves', class_name: 'PairTotalReservesProcessor' }
const base = (project_type: string, change: object = {}) => ({
  project_type,
  projects: [ONE, TWO],
  preload_tasks: ['eth_price'],
  processor,
  ...change,
})
const RESERVES = 'pairContract_pair_total_reserves'
const VOLUME = 'pairContract_trade_volume'
const DAY = 'aggregate_pairContract_24h_trade_volume'
const day = { project_type: DAY, aggregate_on: 'SingleProject', filters: { projectId: VOLUME }, processor }
const preloader = { preloaders: [{ task_type: 'eth_price', module: 'a.b', class_name: 'C' }], delegate_tasks: [], timeout: 60 }

interface Files {
  readonly projects?: readonly unknown[]
  readonly aggregator?: readonly unknown[] | string
  readonly preloader?: unknown
}
function written({ projects = [base(RESERVES), base(VOLUME)], aggregator, preloader: preloads = preloader }: Files): string {
  const write = (name: string, content: unknown) =>
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  write('projects.json', { config: projects })
  if (aggregator !== undefined) write('aggregator.json', typeof aggregator === 'string' ? aggregator : { config: aggregator })
  write('preloader.json', preloads)
  return join(folder, 'projects.json')
}
const idsOf = (files: Files) => planProjects(readMarketFile(written(files)).computes, 'UNISWAPV2').map(({ projectId }) => projectId)

function problemsOf(files: Files): readonly string[] {
  const path = written(files)
  try {
    readMarketFile(path)
  } catch (failure) {
    if (!isWeftError(failure, 'SETTINGS_INVALID')) throw failure
    return [failure.facts.problems].flat().map((problem) => String(problem).replaceAll(`${folder}/`, ''))
  }
  return []
}

test('the files of a deployed node make its projects, and no others', () => {
  const bases = [RESERVES, VOLUME].flatMap((type) => [ONE, TWO].map((pair) => `${type}:${pair.toLowerCase()}:UNISWAPV2`))
  expect(idsOf({})).toEqual(bases)
  expect(idsOf({ aggregator: [day] })).toEqual([...bases, ...[ONE, TWO].map((pair) => `${DAY}:${pair.toLowerCase()}:UNISWAPV2`)])
})

test('a ranking over some pairs has the id that deployed nodes give it, which is made of what it waits for', () => {
  const waitsFor = [`${DAY}:${TWO}:UNISWAPV2`, `${RESERVES}:${TWO}:UNISWAPV2`]
  const lite = { project_type: 'aggregate_24h_top_pairs_lite', aggregate_on: 'MultiProject', projects_to_wait_for: waitsFor, processor }
  const whole = {
    project_type: 'aggregate_24h_stats',
    aggregate_on: 'MultiProject',
    project_types_to_wait_for: [RESERVES, DAY],
    processor,
  }
  const plan = planProjects(readMarketFile(written({ aggregator: [day, lite, whole] })).computes, 'UNISWAPV2')
  const basesOf = (type: string) =>
    plan.flatMap((each) => (each.kind === 'aggregate' && each.compute.projectType === type ? [each.baseIds] : []))
  expect(basesOf(lite.project_type)).toEqual([[...waitsFor].sort()])
  expect(basesOf(whole.project_type)[0]).toHaveLength(4)
})

test('Aave V3 and the price of ether come from such files as well', () => {
  const asset = base('poolContract_total_supply', { projects: [ONE], preload_tasks: [] })
  const price = base('eth:price_tracking', { projects: ['example'], preload_tasks: [], bulk_mode: true })
  const ids = planProjects(readMarketFile(written({ projects: [asset, price] })).computes, 'aavev3').map(({ projectId }) => projectId)
  expect(ids).toEqual([`poolContract_total_supply:${ONE.toLowerCase()}:aavev3`, 'eth:price_tracking:example:aavev3'])
})

test('what is planned from some types of a set is another plan than that from all', () => {
  const hashOf = (files: Files) => readMarketFile(written(files)).sets.map(({ hash }) => hash)
  expect(hashOf({})).not.toEqual(hashOf({ aggregator: [day] }))
  expect(hashOf({ aggregator: [day] })).toEqual(hashOf({ projects: [base(VOLUME), base(RESERVES)], aggregator: [day] }))
})

const TYPES = [RESERVES, VOLUME, 'poolContract_total_supply', 'poolContract_supply_volume', 'eth:price_tracking'].join(', ')
test.each<[string, Files, readonly string[]]>([
  ['no entries', { projects: [] }, ['projects.json: config is empty']],
  [
    'a mistyped type',
    { projects: [base(RESERVES), base('pairContract_trade_volumes')] },
    [
      `projects.json: config[1].project_type 'pairContract_trade_volumes' is none that Weft has; did you mean ${VOLUME}? There are ${TYPES}`,
    ],
  ],
  [
    'no data sources',
    { projects: [base(RESERVES, { projects: null })] },
    ['projects.json: config[0].projects lists none: uniswap-v2 needs the data sources'],
  ],
  [
    'data sources of the protocol state',
    { projects: [base(RESERVES, { projects: [] })] },
    ['projects.json: config[0].projects leaves them to the protocol state, which names none any more: uniswap-v2 needs the data sources'],
  ],
  [
    'two types over different pairs',
    { projects: [base(RESERVES), base(VOLUME, { projects: [ONE] })] },
    ['projects.json: config[1].projects are others than those of config[0]: in uniswap-v2 both types are of the same'],
  ],
  ['a pair that is none', { projects: [base(RESERVES, { projects: ['0x1'] })] }, ['projects.json: uniswap-v2: pairs[0] is not an address']],
  [
    'a preload that no file names',
    { projects: [base(RESERVES, { preload_tasks: ['eth_price', 'gas'] })] },
    ["projects.json: config[0].preload_tasks: 'gas' is not in preloader.json"],
  ],
  [
    'a preload of somebody else',
    { preloader: { preloaders: [...preloader.preloaders, { ...preloader.preloaders[0], task_type: 'eth_prices' }] } },
    ["preloader.json: preloaders[1].task_type 'eth_prices' is none that Weft has; did you mean eth_price?"],
  ],
  [
    'an entry of another kind of node',
    { projects: [{ project_name: 'baseSnapshot:{poolAddress}:{Namespace}', processor }] },
    ['projects.json: config[0].project_type is not a text', 'projects.json: config[0] project_name has no meaning here'],
  ],
  ['aggregates that cannot be read', { aggregator: '{' }, ['aggregator.json cannot be read as JSON']],
  [
    'an aggregate of no set',
    { aggregator: [{ ...day, project_type: 'aggregate_top_assets' }] },
    ["aggregator.json: config[0].project_type 'aggregate_top_assets' is none of the sets of projects.json."],
  ],
  [
    'an aggregate made otherwise',
    { aggregator: [{ ...day, aggregate_on: 'MultiProject', filters: { projectId: 'reserves' } }] },
    [
      'aggregator.json: config[0].aggregate_on is SingleProject in Weft',
      `aggregator.json: config[0].filters.projectId 'reserves' fits none of ${VOLUME}`,
    ],
  ],
  [
    'an aggregate on something else',
    { aggregator: [{ ...day, filters: null, base_project_type: RESERVES }] },
    [`aggregator.json: config[0] builds on ${RESERVES}, in Weft on ${VOLUME}`],
  ],
])('%s is told by file and entry', (_title, files, problems) => {
  expect(problemsOf(files)).toEqual(problems)
})
