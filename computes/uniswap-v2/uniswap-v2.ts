import type { ComputeSet, ComputeSetModule } from 'weft/compute'
import { blockDetails } from './block-details.ts'
import { CONFIG, type UniswapV2Config } from './config.ts'
import { ethPrice } from './eth-price.ts'
import { topPairs24h } from './top-pairs.ts'
import { totalReserves } from './total-reserves.ts'
import { tradeVolume } from './trade-volume.ts'
import { volume24h } from './volume-24h.ts'

export type { UniswapV2Config } from './config.ts'

/** The Uniswap V2 data market: reserves and trade volume of each pair, 24-hour volume per pair, and the pairs ranked (spec/08 §3–5). */
export const uniswapV2: ComputeSetModule<UniswapV2Config> = { name: 'uniswap-v2', version: '1.0.0', config: CONFIG, create }

function create(config: UniswapV2Config): ComputeSet {
  return {
    preloads: [blockDetails, ethPrice(config)],
    snapshots: [totalReserves(config), tradeVolume(config)],
    aggregates: [volume24h, topPairs24h],
  }
}
