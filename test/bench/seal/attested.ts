import type { MarketRules } from '#domain/market-rules.ts'
import { lastBlockWith, passBlocks } from './chain-time.ts'
import { startValidator } from './validator.ts'
import { openWorld, type Size } from './world.ts'

/** Anchor blocks from the one that announces the last batch of an epoch to the one with the last attestation of a validator. */
export async function blocksToAttested(size: Size, anchoring: MarketRules['anchoring'], blockMs: number): Promise<number> {
  const world = await openWorld({ ...size, form: 'json', anchoring, isSigned: true })
  try {
    const validator = startValidator(world)
    await world.release(1)
    await world.vote(1)
    await world.close(1)
    await passBlocks(world, blockMs, () => world.ended.length > 0 && validator.attested() === world.files.length)
    await validator.stop()
    return lastBlockWith(world, 'SnapshotBatchAttestationSubmitted') - lastBlockWith(world, 'SnapshotBatchSubmitted')
  } finally {
    await world.stop()
  }
}
