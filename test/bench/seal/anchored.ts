import type { MarketRules } from '#domain/market-rules.ts'
import { lastBlockWith, passBlocks } from './chain-time.ts'
import { openWorld, type Size } from './world.ts'

export interface AnchoredEpoch {
  /** Anchor blocks from the one that closes the window to the one with the last of the epoch's batches. */
  readonly blocks: number
  /** Calls that told the chain of the batches. */
  readonly transactions: number
}

export async function anchored(size: Size, anchoring: MarketRules['anchoring'], blockMs: number): Promise<AnchoredEpoch> {
  const world = await openWorld({ ...size, form: 'json', anchoring })
  try {
    await world.release(1)
    await world.vote(1)
    await world.close(1)
    const { number: closed } = await world.chain.head()
    await passBlocks(world, blockMs, () => world.ended.length > 0)
    return { blocks: lastBlockWith(world, 'SnapshotBatchSubmitted') - closed, transactions: world.batchCalls() }
  } finally {
    await world.stop()
  }
}
