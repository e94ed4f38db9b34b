import { describe, expect, test } from 'vitest'
import { type AggregateCompute, type JsonValue, type SnapshotHistory, snapshotProblems, withSeries } from 'weft/compute'
import { planProjects } from '#roles/snapshotter/plan.ts'
import { canonicalJson, parseCanonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { aaveV3 } from './aave-v3.ts'
import { config, type Scripted, scriptedHistory, scriptedSource, vector } from './scripted.test-source.ts'

/** The computes over the made-up chain of the vectors, byte for byte as Python has it. */

const set = aaveV3.create(config)
const { epoch } = vector
const parsed = (text: string): JsonValue => parseCanonicalJson(new TextEncoder().encode(text))
const textOf = (snapshot: JsonValue): string => new TextDecoder().decode(canonicalJson(snapshot))
const idOf = (type: string, asset: string): string => `${type}:${asset.toLowerCase()}:NS`
const byProjectId = (left: { projectId: string }, right: { projectId: string }) => (left.projectId < right.projectId ? -1 : 1)

async function snapshot(projectType: string, dataSource: string | undefined, { source }: Scripted = scriptedSource()): Promise<JsonValue> {
  const compute = set.snapshots.find((each) => each.projectType === projectType)
  if (compute === undefined) throw new Error(`there is no ${projectType}`)
  const preloaded = new Map<string, unknown>()
  for (const { taskType, preload } of set.preloads)
    if (compute.preloads.includes(taskType)) preloaded.set(taskType, await preload({ epoch, source }))
  const made = await compute.compute({ epoch, dataSource, source, preloaded })
  expect(compute.schema && snapshotProblems(compute.schema, made)).toEqual([])
  return made
}

interface Input {
  readonly base: Readonly<Record<string, string>> | readonly []
  readonly baseType?: string
  readonly history?: SnapshotHistory
  readonly epochsIn?: (seconds: number) => number
}

async function aggregate(projectType: string, { base, baseType = 'base', history = scriptedHistory({}), epochsIn = () => 6 }: Input) {
  const compute = set.aggregates.find((each) => each.projectType === projectType) as AggregateCompute
  const made = await compute.aggregate({
    epoch,
    projectId: `${projectType}:own:NS`,
    base: Object.entries(base)
      .map(([asset, text]) => ({ projectId: idOf(baseType, asset), epochId: epoch.epochId, snapshot: parsed(text) }))
      .sort(byProjectId),
    history,
    source: scriptedSource().source,
    epochsIn,
  })
  expect(compute.schema && snapshotProblems(compute.schema, made)).toEqual([])
  return made
}

test('every data point of the market has its project', () => {
  const types = planProjects(set, 'NS').map(({ projectId }) => projectId.split(':')[0])
  const [per, once] = [vector.assets.length, 1]
  expect(Object.entries(Object.groupBy(types, (type) => String(type))).map(([type, ids]) => [type, ids?.length])).toEqual([
    ['poolContract_total_supply', per],
    ['poolContract_supply_volume', per],
    ['aggregate_poolContract_6h_apr', per],
    ['aggregate_poolContract_24h_apr', per],
    ['aggregate_poolContract_volume_24h', per],
    ['aggregate_top_assets', once],
    ['aggregate_24h_stats', once],
    ['aggregate_top_volume', once],
  ])
})

describe('base snapshots', () => {
  test.each(vector.assets)('of %s are those of Python, and so are their CIDs', async (asset) => {
    for (const [type, texts] of [
      ['poolContract_total_supply', vector.totalSupply],
      ['poolContract_supply_volume', vector.supplyVolume],
    ] as const) {
      const made = await snapshot(type, asset)
      expect(textOf(made)).toBe(texts[asset])
      expect(await snapshotCidOf(canonicalJson(made))).toBe(await snapshotCidOf(new TextEncoder().encode(texts[asset])))
    }
  })

  test('one request per block and one for the events serve all assets', async () => {
    const scripted = scriptedSource()
    for (const { preload } of set.preloads) await preload({ epoch, source: scripted.source })
    expect(scripted.asked.toSorted()).toEqual(['events 98..101', 'reserves 100', 'reserves 101', 'reserves 98', 'reserves 99'])
  })

  test('where nothing is supplied the utilization is 0', async () => {
    const nothing = vector.assets.at(-1) as string
    const made = (await snapshot('poolContract_total_supply', nothing)) as { rateDetails: Record<string, { utilRate: number }> }
    expect(Object.values(made.rateDetails).map(({ utilRate }) => utilRate)).toEqual([0, 0, 0, 0])
  })

  test('an asset that the pool does not list fails, naming it, and so does a project without one', async () => {
    const [asset] = vector.assets
    await expect(snapshot('poolContract_total_supply', asset, scriptedSource(asset))).rejects.toThrow(`the pool does not list ${asset}`)
    await expect(snapshot('poolContract_total_supply', undefined)).rejects.toThrow('needs its asset')
  })

  test('debt in a token that the pool does not list is worth nothing', () => {
    const liquidations = Object.values(vector.supplyVolume).flatMap(
      (text) =>
        (parsed(text) as unknown as { liquidationList: { debtAsset: string; debtToCover: { totalUSD: number } }[] }).liquidationList,
    )
    const unlisted = liquidations.filter(({ debtAsset }) => debtAsset.toLowerCase().startsWith('0xee'))
    expect(unlisted.length).toBeGreaterThan(0)
    expect(unlisted.every(({ debtToCover }) => debtToCover.totalUSD === 0)).toBe(true)
  })
})

describe('rates', () => {
  const APR = 'aggregate_poolContract_6h_apr'
  const earlier = (asset: string, epochIds: readonly number[]) => {
    const texts = vector.earlier[asset]?.totalSupply as readonly string[]
    return scriptedHistory({
      [idOf('base', asset)]: Object.fromEntries(epochIds.map((epochId) => [epochId, parsed(texts[epochId - 34] as string)])),
    })
  }

  test.each(vector.assets)('over six hours of %s: earlier epochs ascending, the present one last', async (asset) => {
    const base = { [asset]: vector.totalSupply[asset] as string }
    const made = await aggregate(APR, { base, history: earlier(asset, [34, 35, 36, 37, 38, 39]) })
    expect(textOf(made)).toBe(vector.apr6h[asset])
  })

  test('an epoch without data is left out, and the time is not complete; nor is it where the project is younger', async () => {
    const asset = vector.assets[0] as string
    const base = { [asset]: vector.totalSupply[asset] as string }
    expect(await aggregate(APR, { base, history: earlier(asset, [34, 35, 37, 38, 39]) })).toMatchObject({ complete: false })
    expect(await aggregate(APR, { base, history: earlier(asset, [35, 36, 37, 38, 39]) })).toMatchObject({ complete: false })
  })

  test('utilizations are added in the order of the bytes, in which block 10 comes before block 9', async () => {
    const rates = { block9: 0.19, block10: 0.01, block11: 0.01 }
    const present = {
      timestamp: 5n,
      liquidityRate: { block9: 1n },
      variableBorrowRate: { block9: 1n },
      stableBorrowRate: { block9: 1n },
      rateDetails: Object.fromEntries(Object.entries(rates).map(([block, utilRate]) => [block, { utilRate }])),
    }
    const compute = set.aggregates.find(({ projectType }) => projectType === APR) as AggregateCompute
    const base = [{ projectId: 'base:0xaa:NS', epochId: 40, snapshot: present }]
    const made = await compute.aggregate({
      epoch,
      projectId: 'own:0xaa:NS',
      base,
      history: scriptedHistory({}),
      source: scriptedSource().source,
      epochsIn: () => 6,
    })
    // A third of 0.01 + 0.01 + 0.19 is just below 0.07, of 0.19 + 0.01 + 0.01 it is not.
    expect(made).toMatchObject({ avgUtilizationRate: 0.06999 })
  })

  test.each(vector.assets)('over a day of %s: four quarters, going back', async (asset) => {
    const quarters = (vector.quarters[asset] as readonly string[]).map(parsed)
    const earlierOnes = { 38: quarters[1], 35: quarters[2], 32: quarters[3], 20: null } as Record<number, JsonValue>
    const made = await aggregate('aggregate_poolContract_24h_apr', {
      base: { [asset]: vector.quarters[asset]?.[0] as string },
      history: scriptedHistory({ [idOf('base', asset)]: earlierOnes }),
      epochsIn: () => 2,
    })
    expect(textOf(made)).toBe(vector.apr24h[asset])
  })

  test('the first quarter is cut where the project begins; a day of less than four is not complete', async () => {
    const asset = vector.assets[0] as string
    const [present, other] = (vector.quarters[asset] as readonly string[]).map((text) => ({ ...(parsed(text) as object), complete: true }))
    const asked: number[] = []
    const history: SnapshotHistory = withSeries({
      firstEpochId: async () => 36,
      snapshot: async (_, epochId) => {
        asked.push(epochId)
        return other as JsonValue
      },
    })
    const base = { [asset]: textOf(present as JsonValue) }
    expect(await aggregate('aggregate_poolContract_24h_apr', { base, history, epochsIn: () => 2 })).toMatchObject({ complete: false })
    expect(asked).toEqual([38, 36])
  })
})

test.each(vector.assets)('volumes over a day of %s: the present epoch first, then the earlier ones ascending', async (asset) => {
  const texts = vector.earlier[asset]?.supplyVolume as readonly string[]
  const history = scriptedHistory({ [idOf('base', asset)]: Object.fromEntries(texts.map((text, index) => [34 + index, parsed(text)])) })
  const base = { [asset]: vector.supplyVolume[asset] as string }
  expect(textOf(await aggregate('aggregate_poolContract_volume_24h', { base, history }))).toBe(vector.volume24h[asset])
})

describe('over all assets', () => {
  const own = (type: string, text: string) => scriptedHistory({ [`${type}:own:NS`]: { 34: parsed(text) } })

  test('the ranking by supply is that of Python', async () => {
    expect(textOf(await aggregate('aggregate_top_assets', { base: vector.totalSupply }))).toBe(vector.topAssets)
  })

  test('the stats are those of Python, with what a day has changed', async () => {
    const history = own('aggregate_24h_stats', vector.beforeStats)
    expect(textOf(await aggregate('aggregate_24h_stats', { base: vector.totalSupply, history }))).toBe(vector.stats)
  })

  test('without a day ago, or where it was nothing, nothing has changed', async () => {
    const none = { marketChange24h: 0, availableChange24h: 0, borrowChange24h: 0 }
    expect(await aggregate('aggregate_24h_stats', { base: vector.totalSupply })).toMatchObject({ ...none, complete: false })
    const zero = { ...(parsed(vector.beforeStats) as object), totalMarketSize: 0, totalAvailable: 0, totalBorrows: 0 }
    const history = own('aggregate_24h_stats', textOf(zero))
    expect(await aggregate('aggregate_24h_stats', { base: vector.totalSupply, history })).toMatchObject({ ...none, complete: true })
    expect(await aggregate('aggregate_24h_stats', { base: vector.totalSupply, history, epochsIn: () => 7 })).toMatchObject({
      ...none,
      complete: false,
    })
  })

  test('what is available of an asset is taken before it is added', async () => {
    const sized = (supply: number, debt: number) =>
      textOf({ totalAToken: { block101: { usd_supply: supply } }, totalVariableDebt: { block101: { usd_debt: debt } } })
    const base = { [`0x${'a'.repeat(40)}`]: sized(1e16, 0), [`0x${'b'.repeat(40)}`]: sized(1, 1) }
    expect(await aggregate('aggregate_24h_stats', { base })).toMatchObject({ totalAvailable: 1e16 })
  })

  test('nothing is asked of before the first epoch', async () => {
    const history: SnapshotHistory = withSeries({
      firstEpochId: async () => 35,
      snapshot: async (_, epochId) => {
        throw new Error(`asked for ${epochId}`)
      },
    })
    expect(await aggregate('aggregate_24h_stats', { base: vector.totalSupply, history })).toMatchObject({ complete: false })
    expect(await aggregate('aggregate_top_volume', { base: vector.volume24h, history })).toMatchObject({ complete: true })
  })

  test('the ranking by volume is that of Python; an asset that was not there a day ago has not changed', async () => {
    const history = own('aggregate_top_volume', vector.beforeVolume)
    expect(textOf(await aggregate('aggregate_top_volume', { base: vector.volume24h, history }))).toBe(vector.topVolume)
  })

  test.each(['aggregate_poolContract_6h_apr', 'aggregate_poolContract_24h_apr', 'aggregate_poolContract_volume_24h'])(
    '%s fails without the present epoch',
    async (type) => {
      await expect(aggregate(type, { base: [] })).rejects.toThrow('to aggregate')
    },
  )
})

test('a configuration is told all that is wrong with it', () => {
  const result = aaveV3.config['~standard'].validate({
    pool: '0x1',
    assets: [config.assets[0], config.assets[0]?.toUpperCase().replace('0X', '0x')],
    more: 1,
  })
  expect(result).toMatchObject({
    issues: [
      { message: 'is not an address', path: ['pool'] },
      { message: 'is not an address', path: ['poolAddressesProvider'] },
      { message: 'is not an address', path: ['uiPoolDataProvider'] },
      { message: 'comes twice', path: ['assets', 1] },
      { message: 'more has no meaning here' },
    ],
  })
})
