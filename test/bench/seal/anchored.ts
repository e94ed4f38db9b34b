import { lastBlockWith, passBlocks } from './chain-time.ts'
import { openWorld, type Size, type WorldOptions } from './world.ts'

/** Anchor blocks from the one that closes the window to the one with the last of the epoch's batches. */
export async function blocksToAnchored(size: Size, form: WorldOptions['form'], blockMs: number): Promise<number> {
  const world = await openWorld({ ...size, form })
  try {
    await world.release(1)
    await world.vote(1)
    await world.close(1)
    const { number: closed } = await world.chain.head()
    await passBlocks(world, blockMs, () => world.ended.length > 0)
    return lastBlockWith(world, 'SnapshotBatchSubmitted') - closed
  } finally {
    await world.stop()
  }
}
