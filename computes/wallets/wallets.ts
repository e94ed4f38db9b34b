import type { ComputeSet, ComputeSetModule } from 'weft/compute'
import { activity } from './activity.ts'
import { blockTransactions } from './block-transactions.ts'
import { CONFIG, type WalletsConfig } from './config.ts'
import { interactions } from './interactions.ts'

export { BLOCK_TRANSACTIONS, blockTransactions } from './block-transactions.ts'
export type { WalletsConfig } from './config.ts'

/** What wallets did: one look at the transactions of an epoch for all of them, in bulk mode (spec/08 §7). */
export const wallets: ComputeSetModule<WalletsConfig> = { name: 'wallets', version: '1.0.0', config: CONFIG, create }

function create(config: WalletsConfig): ComputeSet {
  const pairs = config.interactions.length === 0 ? [] : [interactions(config.interactions)]
  return { preloads: [blockTransactions], snapshots: [activity(config.wallets), ...pairs], aggregates: [] }
}
