import type { EpochId } from '#domain/ids.ts'
import { mineUntil } from './sealed.ts'
import { ATTESTATION_WINDOW_BLOCKS, openWorld, type Size, type WorldOptions } from './world.ts'

/** Bytes that a submission takes at the sequencer when votes, evidence, plan and record of its epoch are gone: its part of the batch on IPFS, and what notes it. */
export async function diskAfterRetention(size: Size, form: WorldOptions['form']): Promise<number> {
  const world = await openWorld({ ...size, form, epochsKept: 1 })
  try {
    await world.release(1)
    await world.vote(1)
    await world.close(1)
    await mineUntil(world, () => world.ended.length === 1)
    // Nobody attests: after the window everything about the epoch is decided.
    world.chain.mine(ATTESTATION_WINDOW_BLOCKS + 1)
    await world.release(2)
    await world.close(2)
    await mineUntil(world, () => world.ended.length === 2)
    await world.until(() => world.sequencer.epoch(1 as EpochId) === undefined)
    // The last calls of the epochs stay on record with the sender, one of some hundred bytes each; all else is told by its keys.
    const entries = world.store.scan('').filter(({ key }) => !key.startsWith('epoch/'))
    const live = entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
    return (live + world.node.size().bytes) / (size.projects * size.slots)
  } finally {
    await world.stop()
  }
}
