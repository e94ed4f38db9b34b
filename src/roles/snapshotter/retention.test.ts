import { expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { ATTESTATION_WINDOW_BLOCKS, createLoneCompute, createWorld, OPTIONS, type World } from './snapshotter.test-world.ts'

/** More epochs than any look takes for young. */
const EPOCHS = 70
/** After so many blocks an epoch is long over. */
const LONG_BLOCKS = 2 * 4 * ATTESTATION_WINDOW_BLOCKS + 1_000

/** Releases epochs, and waits until each is computed and handed over. Returns the CIDs, one of each. */
async function live(world: World, epochs: number): Promise<readonly Cid[]> {
  const cids: Cid[] = []
  for (let count = 1; count <= epochs; count += 1) {
    const epochId = await world.release()
    await world.until(() => world.summaries.some((summary) => summary.epochId === epochId))
    const vote = world.collector.taken.find(({ request }) => request.epochId === epochId)
    cids.push(vote?.request.snapshotCid as Cid)
  }
  return cids
}

const storedOf = (world: World, cids: readonly Cid[]) => Promise.all(cids.map((cid) => world.ipfs.has(cid)))

test('N12, G10: own snapshots go when they are older than the epochs kept and long over, and not before', async () => {
  const world = createWorld()
  await world.start(createLoneCompute(), { ...OPTIONS, ipfsEpochsKept: 5 })
  const cids = await live(world, EPOCHS)
  expect(new Set(cids).size).toBe(EPOCHS)
  await world.clock.advance(60_000)
  expect(await storedOf(world, cids)).toEqual(cids.map(() => true))
  world.chain.mine(LONG_BLOCKS)
  await world.clock.advance(60_000)
  // The look that finds an epoch over is the one that is 64 back.
  expect(await storedOf(world, cids)).toEqual(cids.map((_, index) => index + 1 > EPOCHS - 64))
})

test('N12, G10: what several epochs say stays for the newest of them', async () => {
  const world = createWorld()
  const alike = createLoneCompute(async () => 'the same')
  await world.start(alike, { ...OPTIONS, ipfsEpochsKept: 5 })
  const cids = await live(world, EPOCHS)
  world.chain.mine(LONG_BLOCKS)
  await world.clock.advance(60_000)
  expect([new Set(cids).size, await world.ipfs.has(cids[0] as Cid)]).toEqual([1, true])
})
