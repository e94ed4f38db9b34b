import type { ComputeSet, ComputeSetModule } from 'weft/compute'
import { blockDetails } from './block-details.ts'
import { CONFIG, type UniswapV2Config } from './config.ts'
import { ethPrice } from './eth-price.ts'
import { ALL_PAIRS, type Over } from './over.ts'
import { stats24h } from './stats.ts'
import { topPairs24h, topPairs7d } from './top-pairs.ts'
import { topTokens24h } from './top-tokens.ts'
import { totalReserves } from './total-reserves.ts'
import { tradeVolume } from './trade-volume.ts'
import { volume24h } from './volume-24h.ts'
import { volume7d } from './volume-7d.ts'

export { PRICE_FIELDS, type PriceConfig, type UniswapV2Config } from './config.ts'
export { ETH_PRICE, ethPrice } from './eth-price.ts'

/**
 * The Uniswap V2 data market: reserves and trade volume of each pair, its volume of a day and of seven, pairs and tokens ranked, and the
 * market as a whole (spec/08 §3–5).
 */
export const uniswapV2: ComputeSetModule<UniswapV2Config> = { name: 'uniswap-v2', version: '1.2.0', config: CONFIG, create }

function create(config: UniswapV2Config): ComputeSet {
  const lite = config.lite === undefined ? [] : rankings({ suffix: '_lite', dataSources: config.lite })
  return {
    preloads: [blockDetails, ethPrice(config)],
    snapshots: [totalReserves(config), tradeVolume(config)],
    aggregates: [volume24h, volume7d, ...rankings(ALL_PAIRS), ...lite],
  }
}

const rankings = (over: Over) => [topPairs24h(over), topPairs7d(over), topTokens24h(over), stats24h(over)]
