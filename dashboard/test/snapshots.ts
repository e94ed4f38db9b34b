import type { JsonValue } from '#domain/compute.ts'
import { canonicalJson } from '#wire/canonical-json.ts'

/** Plausible snapshots of two markets, a function of project and epoch alone. */

export const NAMESPACE = 'devnet-UNISWAPV2-ETH'
const AAVE = 'aavev3'
export const EPOCH_BLOCKS = 10

/** From 0 to 1, the same for the same seed. */
export function chance(seed: string): number {
  let hash = 2_166_136_261
  for (const char of seed) hash = Math.imul(hash ^ char.charCodeAt(0), 16_777_619)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 2_246_822_507)
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32
}

const hexOf = (seed: string, length: number): string =>
  Array.from({ length }, (_, index) => Math.floor(chance(`${seed} ${index}`) * 16).toString(16)).join('')
export const addressOf = (seed: string): string => `0x${hexOf(seed, 40)}`

/** Something that moves: a level with slow and quick waves in it. */
function wave(seed: string, epochId: number, { level, swing }: { readonly level: number; readonly swing: number }): number {
  const phase = chance(seed) * 6.28
  const slow = Math.sin(epochId / 31 + phase) + 0.5 * Math.sin(epochId / 7.3 + 2 * phase)
  return level * (1 + swing * (slow + 0.3 * (chance(`${seed} ${epochId}`) - 0.5)))
}

export const PAIRS = (
  [
    ['USDC', 'WETH', 98_400_000, 1, 2_840],
    ['WETH', 'USDT', 71_200_000, 2_840, 1],
    ['WBTC', 'WETH', 33_900_000, 64_100, 2_840],
    ['DAI', 'WETH', 21_500_000, 1, 2_840],
    ['UNI', 'WETH', 8_420_000, 7.61, 2_840],
    ['LINK', 'WETH', 6_130_000, 14.2, 2_840],
    ['PEPE', 'WETH', 3_050_000, 0.0000088, 2_840],
    ['MKR', 'WETH', 912_000, 1_520, 2_840],
  ] as const
).map(([symbol0, symbol1, liquidity, price0, price1]) => ({
  symbols: [symbol0, symbol1] as const,
  address: addressOf(`${symbol0}-${symbol1}`),
  liquidity,
  prices: [price0, price1] as const,
}))
type Pair = (typeof PAIRS)[number]

const ASSETS = [
  ['WETH', 'Wrapped Ether', 4_120_000_000, 0.83],
  ['WBTC', 'Wrapped BTC', 2_610_000_000, 0.14],
  ['USDC', 'USD Coin', 1_480_000_000, 0.9],
  ['DAI', 'Dai Stablecoin', 310_000_000, 0.71],
] as const

export interface Scripted {
  readonly projectId: string
  readonly projectType: string
  readonly dataSource?: string
  readonly namespace: string
  readonly kind: 'snapshot' | 'single' | 'multi'
  readonly valueAt: (epochId: number) => JsonValue
  readonly sources: (epochId: number) => { projectId: string; fromEpochId: number; toEpochId: number }[]
}

const idOf = (type: string, source: string | undefined, namespace = NAMESPACE): string =>
  source === undefined ? `${type}:${namespace}` : `${type}:${source}:${namespace}`

function byBlock(epochId: number, valueAt: (block: number) => JsonValue): JsonValue {
  const begin = (epochId - 1) * EPOCH_BLOCKS + 1
  return Object.fromEntries(Array.from({ length: EPOCH_BLOCKS }, (_, index) => [`block${begin + index}`, valueAt(begin + index)]))
}

const liquidityOf = ({ address, liquidity }: Pair, epochId: number): number => wave(address, epochId, { level: liquidity, swing: 0.03 })
const tradeOf = ({ address, liquidity }: Pair, epochId: number): number =>
  chance(`${address} ${epochId} quiet`) < 0.15 ? 0 : Math.abs(wave(`${address} trade`, epochId, { level: liquidity / 900, swing: 0.4 }))

function reserves(pair: Pair): Scripted {
  const { address, prices } = pair
  const price = (index: 0 | 1, block: number): number =>
    wave(`${address} ${index}`, block / EPOCH_BLOCKS, { level: prices[index], swing: prices[index] === 1 ? 0.0004 : 0.02 })
  return {
    projectId: idOf('pairContract_pair_total_reserves', address),
    projectType: 'pairContract_pair_total_reserves',
    dataSource: address,
    namespace: NAMESPACE,
    kind: 'snapshot',
    sources: () => [],
    valueAt(epochId) {
      const half = liquidityOf(pair, epochId) / 2
      return {
        contract: address,
        chainHeightRange: { begin: BigInt((epochId - 1) * EPOCH_BLOCKS + 1), end: BigInt(epochId * EPOCH_BLOCKS) },
        timestamp: BigInt(1_790_000_000 + 120 * epochId),
        token0Prices: byBlock(epochId, (block) => price(0, block)),
        token0Reserves: byBlock(epochId, (block) => half / price(0, block)),
        token0ReservesUSD: byBlock(epochId, () => half),
        token1Prices: byBlock(epochId, (block) => price(1, block)),
        token1Reserves: byBlock(epochId, (block) => half / price(1, block)),
        token1ReservesUSD: byBlock(epochId, () => half),
      }
    },
  }
}

function trades(pair: Pair): Scripted {
  const { address, symbols } = pair
  return {
    projectId: idOf('pairContract_trade_volume', address),
    projectType: 'pairContract_trade_volume',
    dataSource: address,
    namespace: NAMESPACE,
    kind: 'snapshot',
    sources: () => [],
    valueAt(epochId) {
      const total = tradeOf(pair, epochId)
      const log = {
        event: 'Swap',
        address,
        logIndex: 41n,
        blockNumber: BigInt(epochId * EPOCH_BLOCKS),
        trade_amount_usd: total,
        pool: symbols.join('-'),
      }
      return {
        contract: address,
        chainHeightRange: { begin: BigInt((epochId - 1) * EPOCH_BLOCKS + 1), end: BigInt(epochId * EPOCH_BLOCKS) },
        timestamp: BigInt(1_790_000_000 + 120 * epochId),
        totalTrade: total,
        totalFee: total * 0.003,
        token0TradeVolume: total / pair.prices[0],
        token1TradeVolume: total / pair.prices[1],
        token0TradeVolumeUSD: total,
        token1TradeVolumeUSD: total,
        events: { Swap: { logs: total === 0 ? [] : [log], trades: { totalTradesUSD: total } } },
      }
    },
  }
}

const DAY_EPOCHS = 720
const dayOf = (pair: Pair, epochId: number): number => wave(`${pair.address} day`, epochId, { level: pair.liquidity / 6, swing: 0.08 })

function day(pair: Pair): Scripted {
  const { address } = pair
  return {
    projectId: idOf('aggregate_pairContract_24h_trade_volume', address),
    projectType: 'aggregate_pairContract_24h_trade_volume',
    dataSource: address,
    namespace: NAMESPACE,
    kind: 'single',
    sources: (epochId) => [{ projectId: trades(pair).projectId, fromEpochId: Math.max(1, epochId - DAY_EPOCHS), toEpochId: epochId }],
    valueAt: (epochId) => ({
      epochId: BigInt(epochId),
      totalTrade: dayOf(pair, epochId),
      totalFee: dayOf(pair, epochId) * 0.003,
      complete: epochId > DAY_EPOCHS,
    }),
  }
}

function ranking(): Scripted {
  return {
    projectId: idOf('aggregate_24h_top_pairs', hexOf('ranking', 64)),
    projectType: 'aggregate_24h_top_pairs',
    dataSource: hexOf('ranking', 64),
    namespace: NAMESPACE,
    kind: 'multi',
    sources: (epochId) =>
      PAIRS.flatMap((pair) => [
        { projectId: day(pair).projectId, fromEpochId: epochId, toEpochId: epochId },
        { projectId: reserves(pair).projectId, fromEpochId: epochId, toEpochId: epochId },
      ]),
    valueAt: (epochId) => ({
      epochId: BigInt(epochId),
      complete: epochId > DAY_EPOCHS,
      pairs: PAIRS.map((pair) => ({
        name: pair.symbols.join('-'),
        address: pair.address,
        liquidity: liquidityOf(pair, epochId),
        volume24h: dayOf(pair, epochId),
        fee24h: dayOf(pair, epochId) * 0.003,
      })).toSorted((left, right) => right.liquidity - left.liquidity),
    }),
  }
}

function tokens(): Scripted {
  const symbols = [...new Set(PAIRS.flatMap((pair) => pair.symbols))]
  return {
    projectId: idOf('aggregate_24h_top_tokens', hexOf('tokens', 64)),
    projectType: 'aggregate_24h_top_tokens',
    dataSource: hexOf('tokens', 64),
    namespace: NAMESPACE,
    kind: 'multi',
    sources: () => [],
    valueAt: (epochId) => ({
      complete: true,
      tokens: symbols.map((symbol) => ({
        symbol,
        name: `${symbol} Token`,
        decimals: 18n,
        address: addressOf(symbol),
        price: wave(symbol, epochId, {
          level: symbol === 'USDT' ? 1 : (PAIRS.find((pair) => pair.symbols[0] === symbol)?.prices[0] ?? 2_840),
          swing: 0.01,
        }),
        priceChange24h: wave(`${symbol} change`, epochId, { level: 2, swing: 3 }) - 2,
        volume24h: chance(symbol) * 9e6,
        liquidity: chance(`${symbol} liquidity`) * 8e7,
      })),
    }),
  }
}

const RAY = 10n ** 27n
const ray = (fraction: number): bigint => (BigInt(Math.round(fraction * 1e12)) * RAY) / 10n ** 12n

function aaveSupply([symbol]: (typeof ASSETS)[number]): Scripted {
  const address = addressOf(symbol)
  const rate = (block: number) => wave(`${symbol} rate`, block / EPOCH_BLOCKS, { level: 0.031, swing: 0.2 })
  return {
    projectId: idOf('poolContract_total_supply', address, AAVE),
    projectType: 'poolContract_total_supply',
    dataSource: address,
    namespace: AAVE,
    kind: 'snapshot',
    sources: () => [],
    valueAt: (epochId) => ({
      contract: address,
      timestamp: BigInt(1_790_000_000 + 120 * epochId),
      liquidityRate: byBlock(epochId, (block) => ray(rate(block))),
      variableBorrowRate: byBlock(epochId, (block) => ray(rate(block) * 1.42)),
      rateDetails: byBlock(epochId, (block) => ({ utilRate: Math.min(0.98, rate(block) * 24), optimalRate: 0.9 })),
    }),
  }
}

function aaveVolume([symbol]: (typeof ASSETS)[number]): Scripted {
  const address = addressOf(symbol)
  return {
    projectId: idOf('poolContract_supply_volume', address, AAVE),
    projectType: 'poolContract_supply_volume',
    dataSource: address,
    namespace: AAVE,
    kind: 'snapshot',
    sources: () => [],
    valueAt: (epochId) => ({
      contract: address,
      liquidation: { totalUSD: 0, totalToken: 0n },
      liquidationList:
        chance(`${symbol} ${epochId}`) < 0.06
          ? [
              {
                collateralAsset: address,
                debtAsset: addressOf('USDC'),
                debtToCover: { totalUSD: 4_000 + 90_000 * chance(`${symbol} ${epochId} debt`), totalToken: 1n },
                liquidatedCollateral: { totalUSD: 4_300 + 94_000 * chance(`${symbol} ${epochId} debt`), totalToken: 1n },
                blockNumber: BigInt(epochId * EPOCH_BLOCKS),
              },
            ]
          : [],
    }),
  }
}

function aaveTop(): Scripted {
  return {
    projectId: idOf('aggregate_top_assets', hexOf('assets', 64), AAVE),
    projectType: 'aggregate_top_assets',
    dataSource: hexOf('assets', 64),
    namespace: AAVE,
    kind: 'multi',
    sources: () => [],
    valueAt: (epochId) => ({
      complete: true,
      assets: ASSETS.map(([symbol, name, supply, utilisation]) => ({
        symbol,
        name,
        decimals: 18n,
        address: addressOf(symbol),
        totalAToken: { token_supply: 10n ** 24n, usd_supply: wave(symbol, epochId, { level: supply, swing: 0.01 }) },
        totalVariableDebt: { token_debt: 10n ** 23n, usd_debt: wave(symbol, epochId, { level: supply * utilisation, swing: 0.01 }) },
        liquidityApy: utilisation * 3.4,
        variableApy: utilisation * 4.9,
        isIsolated: symbol === 'WBTC',
      })),
    }),
  }
}

function aaveStats(): Scripted {
  return {
    projectId: idOf('aggregate_24h_stats', hexOf('stats', 64), AAVE),
    projectType: 'aggregate_24h_stats',
    dataSource: hexOf('stats', 64),
    namespace: AAVE,
    kind: 'multi',
    sources: () => [],
    valueAt: (epochId) => ({
      complete: true,
      totalMarketSize: wave('size', epochId, { level: 8.52e9, swing: 0.01 }),
      totalAvailable: wave('available', epochId, { level: 3.1e9, swing: 0.01 }),
      totalBorrows: wave('borrows', epochId, { level: 5.42e9, swing: 0.01 }),
      marketChange24h: 1.24,
      availableChange24h: -0.61,
      borrowChange24h: 2.08,
    }),
  }
}

export const UNISWAP: readonly Scripted[] = [...PAIRS.flatMap((pair) => [reserves(pair), trades(pair), day(pair)]), ranking(), tokens()]
export const AAVE_V3: readonly Scripted[] = [...ASSETS.flatMap((asset) => [aaveSupply(asset), aaveVolume(asset)]), aaveTop(), aaveStats()]

export const textOf = ({ valueAt }: Scripted, epochId: number): string => new TextDecoder().decode(canonicalJson(valueAt(epochId)))
