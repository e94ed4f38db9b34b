// Expected texts: tools/vectors/uniswap-v2.py, an own reading of spec/08 §3–5 in Python.
import {
  type AggregateCompute,
  type BaseSnapshot,
  type JsonValue,
  type SnapshotCompute,
  type SnapshotSchema,
  snapshotProblems,
  type SourceReader,
  JOINED_MAX,
} from 'weft/compute'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { canonicalJson, parseCanonicalJson } from '../../src/wire/canonical-json.ts'
import { CONFIG, type UniswapV2Config } from './config.ts'
import * as scripted from './scripted.test-source.ts'
import { uniswapV2 } from './uniswap-v2.ts'

const vector: scripted.Vector = JSON.parse(readFileSync(new URL('../../test/vectors/uniswap-v2.json', import.meta.url), 'utf8'))
const configOf = (feeOn?: UniswapV2Config['feeOn']) => scripted.configOf(vector, feeOn)
type Override = Parameters<typeof scripted.scriptedSource>[1]
const scriptedSource = (override?: Override) => scripted.scriptedSource(vector, override)

const textOf = (value: JsonValue): string => new TextDecoder().decode(canonicalJson(value))
const parsed = (text: string): JsonValue => parseCanonicalJson(new TextEncoder().encode(text))

function named<Compute extends { projectType: string }>(computes: readonly Compute[], projectType: string): Compute {
  return computes.find((compute) => compute.projectType === projectType) as Compute
}

async function snapshot(
  projectType: string,
  options: { dataSource: string; config?: UniswapV2Config; source?: SourceReader },
): Promise<string> {
  const { dataSource, config = configOf(), source = scriptedSource() } = options
  const computes = uniswapV2.create(CONFIG.parse(config))
  const preloaded = new Map<string, unknown>()
  for (const { taskType, preload } of computes.preloads) preloaded.set(taskType, await preload({ epoch: vector.epoch, source }))
  const compute: SnapshotCompute = named(computes.snapshots, projectType)
  return textOf(await compute.compute({ epoch: vector.epoch, dataSource, source, preloaded }))
}

async function aggregate(
  projectType: string,
  options: { base: readonly BaseSnapshot[]; earlier?: Record<string, Record<number, JsonValue>>; windowEpochs: number },
): Promise<JsonValue> {
  const compute: AggregateCompute = named(uniswapV2.create(CONFIG.parse({ ...configOf(), lite: vector.sources })).aggregates, projectType)
  return compute.aggregate({
    epoch: vector.epoch,
    projectId: `${projectType}:NS`,
    base: options.base,
    history: scripted.scriptedHistory(options.earlier ?? {}),
    source: scriptedSource(),
    epochsIn: (seconds) => (seconds === 86_400 ? options.windowEpochs : Number.NaN),
  })
}

const volumeId = (source: string) => `pairContract_trade_volume:${source.toLowerCase()}:NS`
const reservesId = (source: string) => `pairContract_pair_total_reserves:${source.toLowerCase()}:NS`
const volumeBase = (source: string): BaseSnapshot => ({
  projectId: volumeId(source),
  epochId: 7,
  snapshot: parsed(vector.snapshots[source]?.feeOnTrade as string),
})
const reservesBase = (source: string): BaseSnapshot => ({
  projectId: reservesId(source),
  epochId: 7,
  snapshot: parsed(vector.snapshots[source]?.totalReserves as string),
})
/** Python's four earlier snapshots, at epochs 3 to 6. */
const earlier = Object.fromEntries(
  Object.entries(vector.history).map(([pair, texts]) => [
    volumeId(pair),
    Object.fromEntries(texts.map((text, index) => [index + 3, parsed(text)])),
  ]),
)

describe('base snapshots', () => {
  test.each(vector.sources)('total reserves of %s, byte for byte', async (dataSource) => {
    const text = await snapshot('pairContract_pair_total_reserves', { dataSource })
    expect(text).toBe(vector.snapshots[dataSource]?.totalReserves)
    expect(await snapshot('pairContract_pair_total_reserves', { dataSource })).toBe(text)
  })

  test.each(vector.sources)('trade volume of %s, byte for byte, under both fee rules', async (dataSource) => {
    expect(await snapshot('pairContract_trade_volume', { dataSource })).toBe(vector.snapshots[dataSource]?.feeOnTrade)
    expect(await snapshot('pairContract_trade_volume', { dataSource, config: configOf('token1') })).toBe(
      vector.snapshots[dataSource]?.feeOnToken1,
    )
  })

  test('addresses of the market may stand in any case, and the source may answer in any', async () => {
    const upper = (text: string) => text.toUpperCase().replace('0X', '0x')
    const { pairs, pairsFrom: _never, lite: _none, feeOn, whitelist, ...addresses } = configOf()
    const config = {
      ...Object.fromEntries(Object.entries(addresses).map(([name, text]) => [name, upper(text)])),
      pairs,
      feeOn,
      whitelist: whitelist.map(upper),
    }
    const quiet = scriptedSource()
    const source: SourceReader = {
      ...quiet,
      async read(call) {
        const answer = await quiet.read(call)
        return /token[01]|getPair/.test(call.function) ? answer.map((value) => upper(String(value))) : answer
      },
    }
    for (const dataSource of vector.sources) {
      const options = { dataSource, config: config as unknown as UniswapV2Config, source }
      expect(await snapshot('pairContract_pair_total_reserves', options)).toBe(vector.snapshots[dataSource]?.totalReserves)
      expect(await snapshot('pairContract_trade_volume', options)).toBe(vector.snapshots[dataSource]?.feeOnTrade)
    }
  })

  test('the vector holds what it is there for', () => {
    const texts = Object.values(vector.snapshots).map(({ feeOnTrade }) => feeOnTrade)
    expect(texts.some((text) => text.includes('"token0_amount":0,'))).toBe(true)
    expect(texts.some((text) => text.includes('"trade_amount_usd":0}') || text.includes('"trade_amount_usd":0,'))).toBe(true)
    expect(texts.some((text) => text.includes('"trade_amount_usd":0.0'))).toBe(true)
    expect(Object.values(vector.snapshots).some(({ feeOnTrade, feeOnToken1 }) => feeOnTrade !== feeOnToken1)).toBe(true)
    expect(vector.snapshots['0x000000000000000000000000000000000010e001']?.totalReserves).toContain('"token1Prices":{"block100":0.0')
  })

  test('a pair with one swap, checked by hand', async () => {
    // 3,000 USD per ETH in each price pair; 3 WETH in, 9,027.081 USDC out; 1 USDC = 1 / 3,000 WETH.
    const source: SourceReader = {
      ...scriptedSource(({ address, function: signature }) => {
        if (!signature.startsWith('function getReserves')) return undefined
        const wethIsFirst = address === configOf().wethUsdtPair
        const [stable, weth] = [address === configOf().daiWethPair ? 3_000_000n * 10n ** 18n : 3_000_000n * 10n ** 6n, 1_000n * 10n ** 18n]
        return wethIsFirst ? [weth, stable, 0n] : [stable, weth, 0n]
      }),
      async events() {
        const args = {
          sender: scripted.FACTORY,
          amount0In: 0n,
          amount1In: 3n * 10n ** 18n,
          amount0Out: 9_027_081_000n,
          amount1Out: 0n,
          to: scripted.FACTORY,
        }
        return [
          { name: 'Swap', args, address: configOf().usdcWethPair, blockNumber: 101, logIndex: 4, transactionHash: `0x${'ab'.repeat(32)}` },
        ]
      },
    }
    const text = await snapshot('pairContract_trade_volume', { dataSource: configOf().usdcWethPair, source })
    const account = '0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f'
    expect(parsed(text)).toEqual({
      contract: configOf().usdcWethPair,
      chainHeightRange: { begin: 100n, end: 104n },
      timestamp: 1_700_001_248n,
      totalTrade: 9_027.081,
      totalFee: 27.081243,
      token0TradeVolume: 9_027.081,
      token1TradeVolume: 3,
      token0TradeVolumeUSD: 9_027.081,
      token1TradeVolumeUSD: 9_000,
      events: {
        Swap: {
          logs: [
            {
              args: { sender: account, amount0In: 0n, amount1In: 3n * 10n ** 18n, amount0Out: 9_027_081_000n, amount1Out: 0n, to: account },
              event: 'Swap',
              logIndex: 4n,
              transactionHash: `0x${'ab'.repeat(32)}`,
              address: '0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc',
              blockNumber: 101n,
              token0_amount: 9_027.081,
              token1_amount: 3,
              timestamp: 1_700_001_212n,
              trade_amount_usd: expect.closeTo(9_027.081, 9),
            },
          ],
          trades: expect.anything(),
        },
        Mint: { logs: [], trades: expect.objectContaining({ totalTradesUSD: 0, totalFeeUSD: 0 }) },
        Burn: { logs: [], trades: expect.objectContaining({ totalTradesUSD: 0, totalFeeUSD: 0 }) },
        Trades: expect.objectContaining({ token1TradeVolume: 3, totalFeeUSD: expect.closeTo(27.081243, 9) }),
      },
    })
  })
})

describe('what cannot be known fails', () => {
  const dataSource = vector.sources[1] as string // UNI-DAI, priced through DAI and the router.
  const type = 'pairContract_pair_total_reserves'

  test.each<[string, NonNullable<Override>, string]>([
    [
      'an empty price pair',
      (call) =>
        call.address === configOf().daiWethPair && call.blockNumber === 103 && call.function.includes('getReserves')
          ? [0n, 1n, 0n]
          : undefined,
      'is empty at block 103',
    ],
    ['reserves of the wrong shape', (call) => (call.function.includes('getReserves') ? ['0x'] : undefined), 'are not integers'],
    ['a router without amounts', (call) => (call.function.includes('getAmountsOut') ? [[]] : undefined), 'returned no amounts'],
    ['tokens that are no addresses', (call) => (call.function.includes('token0') ? [1n] : undefined), 'returned no address'],
    ['absurd decimals', (call) => (call.function.includes('decimals') ? [78n] : undefined), 'more than 77'],
    ['decimals of the wrong type', (call) => (call.function.includes('decimals') ? ['6'] : undefined), 'returned no integer'],
  ])('%s', async (_name, override, message) => {
    await expect(snapshot(type, { dataSource, source: scriptedSource(override) })).rejects.toThrow(message)
  })

  test('a failing read is passed on', async () => {
    const source = scriptedSource((call) => {
      if (call.function.includes('getAmountsOut')) throw new Error('reverted')
      return undefined
    })
    await expect(snapshot(type, { dataSource, source })).rejects.toThrow('reverted')
  })

  test('a preload that did not run, a data source that is missing, an event that was not asked for', async () => {
    const compute = named(uniswapV2.create(configOf()).snapshots, type)
    const input = { epoch: vector.epoch, source: scriptedSource(), preloaded: new Map() }
    await expect(compute.compute({ ...input, dataSource })).rejects.toThrow('preload eth_price did not run')
    await expect(compute.compute({ ...input, dataSource: undefined })).rejects.toThrow('data source')
    const strange: SourceReader = {
      ...scriptedSource(),
      events: async () => [{ name: 'Sync', args: {}, address: scripted.NOBODY, blockNumber: 100, logIndex: 0, transactionHash: '0x' }],
    }
    await expect(snapshot('pairContract_trade_volume', { dataSource, source: strange })).rejects.toThrow('Sync was not asked for')
  })
})

describe('24-hour volume of a pair', () => {
  const type = 'aggregate_pairContract_24h_trade_volume'
  const source = vector.sources[0] as string
  const base = [volumeBase(source)]

  test.each(vector.sources)('%s, byte for byte: the present epoch first, then ascending', async (pair) => {
    expect(textOf(await aggregate(type, { base: [volumeBase(pair)], earlier, windowEpochs: 4 }))).toBe(vector.dayVolumes[pair])
  })

  test('is incomplete when the window reaches before the first snapshot, or over a gap', async () => {
    expect(await aggregate(type, { base, earlier, windowEpochs: 5 })).toMatchObject({ complete: false })
    expect(await aggregate(type, { base, windowEpochs: 5 })).toMatchObject({ complete: false, totalTrade: expect.any(Number) })
    const { [5]: _missing, ...rest } = earlier[volumeId(source)] as Record<number, JsonValue>
    expect(await aggregate(type, { base, earlier: { [volumeId(source)]: rest }, windowEpochs: 4 })).toMatchObject({ complete: false })
  })

  test('reads nothing outside of the window', async () => {
    const spoilt = { ...earlier[volumeId(source)], 3: 'not a snapshot' }
    expect(await aggregate(type, { base, earlier: { [volumeId(source)]: spoilt }, windowEpochs: 3 })).toMatchObject({ complete: true })
    await expect(aggregate(type, { base, earlier: { [volumeId(source)]: spoilt }, windowEpochs: 4 })).rejects.toThrow('has no totalTrade')
  })
})

/** What Python has of the pairs' days and weeks, as base of the rankings. */
const dayId = (source: string) => `aggregate_pairContract_24h_trade_volume:${source.toLowerCase()}:NS`
const weekId = (source: string) => `aggregate_pairContract_7d_trade_volume:${source.toLowerCase()}:NS`
const dayBase = (source: string): BaseSnapshot => ({
  projectId: dayId(source),
  epochId: 7,
  snapshot: parsed(vector.dayVolumes[source] as string),
})
const byId = (base: readonly BaseSnapshot[]) => base.toSorted((left, right) => (left.projectId < right.projectId ? -1 : 1))
const rankingBase = byId([...vector.sources.map(reservesBase), ...vector.sources.map(dayBase)])
/** The same snapshot but for one member. */
const changed = ({ snapshot, ...rest }: BaseSnapshot, members: Readonly<Record<string, JsonValue>>): BaseSnapshot => ({
  ...rest,
  snapshot: { ...(snapshot as object), ...members },
})

describe('seven-day volume of a pair', () => {
  const type = 'aggregate_pairContract_7d_trade_volume'
  const source = vector.sources[0] as string
  /** With a window of no epoch a day is one epoch long, and the days before are those of epochs 6 to 1. */
  const weekOf = (pair: string, days = vector.week[pair.toLowerCase()] as readonly string[]) => ({
    [dayId(pair)]: Object.fromEntries(days.map((text, index) => [6 - index, parsed(text)])),
  })
  const week = weekOf(source)

  test.each(vector.sources)('%s, byte for byte: the present day first, then back', async (pair) => {
    const text = textOf(await aggregate(type, { base: [dayBase(pair)], earlier: weekOf(pair), windowEpochs: 0 }))
    expect(text).toBe(vector.weekVolumes[pair.toLowerCase()])
  })

  test('the day before ends one epoch before the window of the present one begins', async () => {
    const days = Object.fromEntries([5, 3, 1].map((epochId) => [epochId, week[dayId(source)]?.[epochId] as JsonValue]))
    const found = await aggregate(type, { base: [dayBase(source)], earlier: { [dayId(source)]: days }, windowEpochs: 1 })
    const total = [dayBase(source).snapshot, ...Object.values(days).toReversed()].reduce<number>(
      (sum, day) => sum + (day as { totalTrade: number }).totalTrade,
      0,
    )
    expect(found).toMatchObject({ totalTrade: expect.closeTo(total, 4), complete: false })
  })

  test('is incomplete without one of the days, also one before the first, and when one of them is', async () => {
    const days = week[dayId(source)] as Record<number, JsonValue>
    const incomplete = async (base: BaseSnapshot, days: Record<number, JsonValue>) =>
      expect(await aggregate(type, { base: [base], earlier: { [dayId(source)]: days }, windowEpochs: 0 })).toMatchObject({
        complete: false,
      })
    const { 4: _missing, ...gap } = days
    const { 1: _first, ...young } = days
    await incomplete(dayBase(source), gap)
    await incomplete(dayBase(source), young)
    await incomplete(dayBase(source), {})
    await incomplete(dayBase(source), { ...days, 3: { ...(days[3] as object), complete: false } })
    await incomplete(changed(dayBase(source), { complete: false }), days)
  })
})

describe.each(['', '_lite'])('rankings%s', (suffix) => {
  const top = `aggregate_24h_top_pairs${suffix}`
  const tokens = `aggregate_24h_top_tokens${suffix}`
  const stats = `aggregate_24h_stats${suffix}`
  const options = { base: rankingBase, windowEpochs: 4 }
  const then = (type: string, text: string, epochId = 3) => ({ [`${type}:NS`]: { [epochId]: parsed(text) } })

  test('pairs by liquidity, byte for byte', async () => {
    expect(textOf(await aggregate(top, options))).toBe(vector.topPairs)
  })

  test('pairs by volume of seven days, byte for byte', async () => {
    const base = vector.sources.map((source) => ({
      projectId: weekId(source),
      epochId: 7,
      snapshot: parsed(vector.weekVolumes[source.toLowerCase()] as string),
    }))
    const type = `aggregate_7d_top_pairs${suffix}`
    expect(textOf(await aggregate(type, { base: byId(base), windowEpochs: 4 }))).toBe(vector.topPairs7d)
    const [first, ...others] = base as [BaseSnapshot, ...BaseSnapshot[]]
    expect(await aggregate(type, { base: [changed(first, { complete: false }), ...others], windowEpochs: 4 })).toMatchObject({
      complete: false,
    })
  })

  test('tokens by liquidity, byte for byte: their price in the pair that holds most of them, their change against a day ago', async () => {
    expect(textOf(await aggregate(tokens, { ...options, earlier: then(tokens, vector.then.tokens) }))).toBe(vector.topTokens)
  })

  test('the market as a whole, byte for byte; where there was nothing a day ago nothing has changed', async () => {
    expect(textOf(await aggregate(stats, { ...options, earlier: then(stats, vector.then.stats) }))).toBe(vector.stats)
    const nothing = { volumeChange24h: 0, tvlChange24h: 0, feeChange24h: 0, complete: true }
    expect(await aggregate(stats, options)).toMatchObject(nothing)
    // There was the project, and it said nothing in the epoch of a day ago.
    expect(await aggregate(stats, { ...options, earlier: then(stats, vector.then.stats, 2) })).toMatchObject(nothing)
  })

  test.each([top, tokens, stats])('are the same in whatever order the base comes: %s', async (type) => {
    const inOrder = textOf(await aggregate(type, options))
    for (const turn of [3, 5, 8])
      expect(textOf(await aggregate(type, { ...options, base: [...rankingBase.slice(turn), ...rankingBase.slice(0, turn)] }))).toBe(inOrder)
    expect(textOf(await aggregate(type, { ...options, base: rankingBase.toReversed() }))).toBe(inOrder)
  })

  test.each([top, tokens, stats])('are incomplete when one pair is, and fail without the volume of a pair: %s', async (type) => {
    const base = rankingBase.map((snapshot) =>
      snapshot.projectId === dayId(vector.sources[2] as string) ? changed(snapshot, { complete: false }) : snapshot,
    )
    expect(await aggregate(type, { ...options, base })).toMatchObject({ complete: false })
    await expect(aggregate(type, { ...options, base: rankingBase.slice(1) })).rejects.toThrow('has no volume of pair')
  })

  test('equal liquidity keeps the order of addresses', async () => {
    const same = rankingBase.map((snapshot) =>
      snapshot.projectId.startsWith('pairContract_pair')
        ? { ...snapshot, snapshot: reservesBase(vector.sources[0] as string).snapshot }
        : snapshot,
    )
    const { pairs } = (await aggregate(top, { ...options, base: same })) as { pairs: { address: string }[] }
    expect(pairs.map(({ address }) => address)).toEqual(vector.sources.map((pair) => pair.toLowerCase()).sort())
  })
})

test('a token is priced in the pair that holds most of it, of equal ones in the one with the lowest address', async () => {
  const priced = async (usd: readonly [number, number]) => {
    const [low, high] = ['0x00000000000000000000000000000000000D41F1', '0x000000000000000000000000000000000010e001']
    const base = [low, high].flatMap((source, index) => {
      const block = { block104: usd[index] as number }
      return [
        changed(reservesBase(source as string), { token0ReservesUSD: block, token0Prices: { block104: index + 1 } }),
        dayBase(source as string),
      ]
    })
    // Both have UNI as token 0.
    const found = (await aggregate('aggregate_24h_top_tokens', { base: byId(base), windowEpochs: 4 })) as {
      tokens: { symbol: string; price: number; liquidity: number }[]
    }
    return found.tokens.find(({ symbol }) => symbol === 'UNI')
  }
  expect(await priced([5, 7])).toMatchObject({ price: 2, liquidity: 12 })
  expect(await priced([7, 5])).toMatchObject({ price: 1, liquidity: 12 })
  expect(await priced([6, 6])).toMatchObject({ price: 1, liquidity: 12 })
})

test('every snapshot of the set has the form that its compute declares', async () => {
  const { snapshots, aggregates } = uniswapV2.create(CONFIG.parse({ ...configOf(), lite: vector.sources }))
  const formOf = (type: string) => [...snapshots, ...aggregates].find(({ projectType }) => projectType === type)?.schema as SnapshotSchema
  for (const source of vector.sources) {
    expect(snapshotProblems(formOf('pairContract_pair_total_reserves'), reservesBase(source).snapshot)).toEqual([])
    expect(snapshotProblems(formOf('pairContract_trade_volume'), volumeBase(source).snapshot)).toEqual([])
    expect(snapshotProblems(formOf('aggregate_pairContract_24h_trade_volume'), dayBase(source).snapshot)).toEqual([])
    const week = parsed(vector.weekVolumes[source.toLowerCase()] as string)
    expect(snapshotProblems(formOf('aggregate_pairContract_7d_trade_volume'), week)).toEqual([])
  }
  for (const suffix of ['', '_lite']) {
    expect(snapshotProblems(formOf(`aggregate_24h_top_pairs${suffix}`), parsed(vector.topPairs))).toEqual([])
    expect(snapshotProblems(formOf(`aggregate_7d_top_pairs${suffix}`), parsed(vector.topPairs7d))).toEqual([])
    expect(snapshotProblems(formOf(`aggregate_24h_top_tokens${suffix}`), parsed(vector.topTokens))).toEqual([])
    expect(snapshotProblems(formOf(`aggregate_24h_stats${suffix}`), parsed(vector.stats))).toEqual([])
  }
})

test('lite rankings are over the pairs that the configuration names, and there are none without', () => {
  const lite = vector.sources.slice(0, 2)
  const over = (config: unknown) =>
    uniswapV2.create(CONFIG.parse(config)).aggregates.filter(({ projectType }) => projectType.endsWith('_lite'))
  expect(over(configOf())).toEqual([])
  expect(over({ ...configOf(), lite }).map(({ projectType, dataSources }) => [projectType, dataSources])).toEqual(
    ['aggregate_24h_top_pairs', 'aggregate_7d_top_pairs', 'aggregate_24h_top_tokens', 'aggregate_24h_stats'].map((type) => [
      `${type}_lite`,
      lite.map((pair) => pair.toLowerCase()),
    ]),
  )
  const { error } = CONFIG.safeParse({ ...configOf(), lite: [lite[0], scripted.NOBODY] })
  expect(error?.issues).toMatchObject([{ message: 'is none of the pairs', path: ['lite', 1] }])
})

test('more pairs than may join are asked for one by one by nobody', async () => {
  const asked: string[] = []
  const source = { read: async ({ function: name }: { readonly function: string }) => [BigInt(asked.push(name) * (JOINED_MAX + 6))] }
  const [reserves] = uniswapV2.create(CONFIG.parse({ ...configOf(), pairsFrom: 5 })).snapshots
  const joined = reserves?.joining?.({
    epoch: vector.epoch,
    source: source as unknown as SourceReader,
    history: scripted.scriptedHistory({}),
  })
  await expect(joined).rejects.toThrow(`${JOINED_MAX + 1} pairs join from place 5 on`)
  expect(asked).toHaveLength(1)
})
