import { expect, test } from 'vitest'
import { open, vote, type World } from './sequencer.test-world.ts'

/** Windows of 2, 6 and 8 blocks: an epoch of 5 blocks or more is long over after some 210 others. */
const SHORT = { snapshotWindowBlocks: 2, batchWindowBlocks: 6, attestationWindowBlocks: 8 }
/** Virtual time between two epochs: one look of the retention every sixteen. */
const EPOCH_MS = 1_000

/** Releases an epoch, lets two slots vote and one of them twice, and waits for the epoch's end here. */
async function live(world: World, epochId: number): Promise<void> {
  await world.release()
  await vote(world, 1, epochId % 3, 0, epochId)
  await vote(world, 2, epochId % 3, 0, epochId)
  await vote(world, 2, (epochId + 1) % 3, 0, epochId)
  for (let block = 0; block < 40 && world.records.at(-1)?.epochId !== epochId; block += 1) await world.mine(1)
  await world.clock.advance(EPOCH_MS)
}

/** Keys and bytes of its store, blocks and bytes of its IPFS node. */
function sizeOf(world: World) {
  const entries = world.store.scan('')
  const { count, bytes } = world.ipfs.node('sequencer').size()
  return { count: entries.length + count, bytes: bytes + entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0) }
}

test('S13, G12: five hundred epochs, and nothing of it grows any more once the first are long over', async () => {
  const world = await open({ market: SHORT, epochsKept: 100, ipfsEpochsKept: 100, isForgetful: true })
  const early = { count: 0, bytes: 0 }
  for (let epochId = 1; epochId <= 500; epochId += 1) {
    await live(world, epochId)
    if (epochId % 10 > 0) continue
    const { count, bytes } = sizeOf(world)
    if (epochId <= 300) {
      early.count = Math.max(early.count, count)
      early.bytes = Math.max(early.bytes, bytes)
      continue
    }
    // Looks and epochs are not in step, and numbers have a digit more.
    expect(count).toBeLessThanOrEqual(early.count * 1.05)
    expect(bytes).toBeLessThanOrEqual(early.bytes * 1.05)
  }
  await world.stop()
}, 60_000)

test('S13, G3: a batch that anybody may still attest is there, however few epochs are kept, and after a restart', async () => {
  const world = await open({ market: SHORT, epochsKept: 100, ipfsEpochsKept: 1 })
  for (let epochId = 1; epochId <= 100; epochId += 1) await live(world, epochId)
  const again = await world.crash(undefined, { ipfsEpochsKept: 1 })
  await again.clock.advance(60_000)
  const cids = world.records.flatMap(({ batches }) => batches.map(({ batchCid }) => batchCid))
  expect(cids).toHaveLength(100)
  expect(await Promise.all(cids.map((cid) => again.ipfs.node('sequencer').has(cid)))).toEqual(cids.map(() => true))
  await again.stop()
})
