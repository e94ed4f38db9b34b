import type { ComputeSet, ComputeSetModule } from 'weft/compute'
import { apr24h, apr6h } from './apr.ts'
import { type AaveV3Config, CONFIG } from './config.ts'
import { bulkEvent } from './pool-events.ts'
import { bulkAsset } from './reserves.ts'
import { stats24h } from './stats.ts'
import { supplyVolume } from './supply-volume.ts'
import { topAssets } from './top-assets.ts'
import { topVolume } from './top-volume.ts'
import { totalSupply } from './total-supply.ts'
import { volume24h } from './volume-24h.ts'

export type { AaveV3Config } from './config.ts'

/** The Aave V3 data market: supply, debt, rates and volumes of each asset, over six hours and a day, and the assets ranked (spec/08 §6). */
export const aaveV3: ComputeSetModule<AaveV3Config> = { name: 'aave-v3', version: '1.1.0', config: CONFIG, create }

function create(config: AaveV3Config): ComputeSet {
  return {
    preloads: [bulkAsset(config), bulkEvent(config)],
    snapshots: [totalSupply(config), supplyVolume(config)],
    aggregates: [apr6h, apr24h, volume24h, topAssets(config), stats24h, topVolume(config)],
  }
}
