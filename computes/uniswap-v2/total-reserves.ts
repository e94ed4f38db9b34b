import {
  atBlock,
  blockKey,
  blocksOf,
  type ByBlock,
  float,
  forEachBlock,
  int,
  type JsonValue,
  map,
  object,
  preloadedBy,
  scaled,
  text,
  type SnapshotCompute,
  type SourceReader,
} from 'weft/compute'
import { BLOCK_DETAILS } from './block-details.ts'
import type { UniswapV2Config } from './config.ts'
import { reservesOf, tokensOf } from './contracts.ts'
import { ETH_PRICE } from './eth-price.ts'
import { joiningPairs } from './joining.ts'
import { tokenPrices } from './token-price.ts'

export const TOTAL_RESERVES = 'pairContract_pair_total_reserves'

const byBlock = (unit: string, description: string) => map(float({ unit }), { key: 'block', description })

/** What the snapshots of a pair begin with. */
export const PAIR_FIELDS = {
  contract: text({ description: 'The pair, as the market writes it' }),
  chainHeightRange: object({ begin: int(), end: int() }, { description: 'Blocks of the epoch, both included' }),
  timestamp: int({ unit: 'seconds', description: 'Of the last block, Unix time' }),
} as const

const SCHEMA = object({
  ...PAIR_FIELDS,
  token0Reserves: byBlock('token 0', 'What the pair holds of token 0'),
  token1Reserves: byBlock('token 1', 'What the pair holds of token 1'),
  token0ReservesUSD: byBlock('USD', 'Value of its token 0'),
  token1ReservesUSD: byBlock('USD', 'Value of its token 1'),
  token0Prices: byBlock('USD', 'Price of token 0; 0 where nothing prices it'),
  token1Prices: byBlock('USD', 'Price of token 1; 0 where nothing prices it'),
})

/** Reserves of a pair at every block of the epoch, in tokens and in USD (spec/08 §4). */
export function totalReserves(config: UniswapV2Config): SnapshotCompute {
  return {
    projectType: TOTAL_RESERVES,
    schema: SCHEMA,
    description: 'Reserves and prices of a pair at every block of the epoch',
    dataSources: config.pairs,
    ...joiningPairs(config),
    preloads: [BLOCK_DETAILS, ETH_PRICE],
    async compute({ epoch, dataSource, source, preloaded }) {
      const contract = pairAddress(dataSource)
      const pair = contract.toLowerCase()
      const ethPrices = preloadedBy<number>(preloaded, ETH_PRICE)
      const [token0, token1] = await tokensOf(pair, { source, blockNumber: epoch.begin })
      const [prices0, prices1, reserves] = await Promise.all([
        tokenPrices({ token: token0, epoch, source, config, ethPrices }),
        tokenPrices({ token: token1, epoch, source, config, ethPrices }),
        forEachBlock(blocksOf(epoch), (block) => scaledReserves(pair, { source, block, decimals: [token0.decimals, token1.decimals] })),
      ])
      const reserves0 = mapped(reserves, (pairReserves) => pairReserves[0])
      const reserves1 = mapped(reserves, (pairReserves) => pairReserves[1])
      return {
        contract,
        chainHeightRange: { begin: BigInt(epoch.begin), end: BigInt(epoch.end) },
        timestamp: BigInt(atBlock(preloadedBy<number>(preloaded, BLOCK_DETAILS), epoch.end)),
        token0Reserves: byBlockName(reserves0),
        token1Reserves: byBlockName(reserves1),
        token0ReservesUSD: byBlockName(mapped(reserves0, (amount, block) => amount * atBlock(prices0, block))),
        token1ReservesUSD: byBlockName(mapped(reserves1, (amount, block) => amount * atBlock(prices1, block))),
        token0Prices: byBlockName(prices0),
        token1Prices: byBlockName(prices1),
      }
    },
  }
}

/** The data source of a pair project. */
export function pairAddress(dataSource: string | undefined): string {
  if (dataSource === undefined) throw new Error('a pair project needs its pair as data source')
  return dataSource
}

async function scaledReserves(
  pair: string,
  options: { source: SourceReader; block: number; decimals: readonly [number, number] },
): Promise<readonly [number, number]> {
  const { reserve0, reserve1 } = await reservesOf(pair, { source: options.source, blockNumber: options.block })
  return [scaled(reserve0, options.decimals[0]), scaled(reserve1, options.decimals[1])]
}

function mapped<From>(values: ByBlock<From>, change: (value: From, block: number) => number): ByBlock<number> {
  return new Map(Array.from(values, ([block, value]) => [block, change(value, block)]))
}

function byBlockName(values: ByBlock<number>): JsonValue {
  return Object.fromEntries(Array.from(values, ([block, value]) => [blockKey(block), value]))
}
