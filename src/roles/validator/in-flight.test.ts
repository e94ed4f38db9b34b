import { describe, expect, test } from 'vitest'
import type { Cid, ProjectId } from '#domain/ids.ts'
import { batchOf, CID_A, CID_B, EPOCH_1, idsOf, judged, openWorld, P1, P2, VALIDATORS, type World } from './validator.test-world.ts'

const votes = (world: World) =>
  world.chain.transactions().flatMap(({ call, receipt }) => (call.kind === 'submitBatchAttestation' ? [{ call, receipt }] : []))

/** Projects of their own for that many batches. */
const projectsFor = (count: number): ProjectId[] =>
  Array.from({ length: count }, (_, index) => `pairs:0x${index.toString(16).padStart(2, '0')}:TEST` as ProjectId)
const COUNT = 20

/** Anchors the batches of an epoch, one a project, and returns the block of the last. */
async function anchorMany(world: World): Promise<number> {
  const ids: string[] = []
  for (const projectId of projectsFor(COUNT)) {
    const batch = batchOf(
      [1, 2].map((slotId) => world.submission(slotId, CID_A, projectId)),
      [[projectId, CID_A]],
      ids,
    )
    ids.push(...idsOf(batch))
    await world.anchor(batch)
  }
  return (await world.chain.head()).number
}

const nonces = (world: World) =>
  world.chain.transactions().flatMap(({ from, nonce }) => (from === VALIDATORS[0] && nonce !== undefined ? [nonce] : []))

describe('V10: the batches of an epoch', () => {
  const WIDE = { batchWindowBlocks: 60, attestationWindowBlocks: 120 }

  test('are all attested within three blocks after the last was announced, without waiting for one another’s votes', async () => {
    const world = await openWorld(WIDE)
    const last = await anchorMany(world)
    const running = await world.start()
    for (let block = 0; block < 3; block += 1) await world.mine()
    expect(running.records.filter(({ state }) => state === 'attested')).toHaveLength(COUNT)
    expect(votes(world).map(({ receipt }) => (receipt?.block.number ?? 99) - last <= 3)).toEqual(Array(COUNT).fill(true))
    expect(nonces(world)).toEqual(Array.from({ length: COUNT }, (_, index) => index))
    await running.stop()
  })

  test('V2, V3: killed with their votes on the way, are attested once each, with no nonce left out', async () => {
    const world = await openWorld(WIDE)
    await anchorMany(world)
    const first = await world.start()
    await world.clock.runUntil(() => world.chain.pendingCount() >= 7, { limitMs: 5_000 })
    const store = first.store.crash()
    // What waits for a commit that the power cut took never ends.
    await first.stop().catch(() => undefined)
    const second = await world.start({ store })
    for (let block = 0; block < 6; block += 1) await world.mine()
    expect(votes(world).map(({ receipt }) => receipt?.reverted)).toEqual(Array(COUNT).fill(undefined))
    expect(new Set(votes(world).map(({ call }) => call.batchCid)).size).toBe(COUNT)
    expect(nonces(world)).toEqual(Array.from({ length: COUNT }, (_, index) => index))
    await second.stop()
  })

  test('V2, V3: whose votes a reorganisation takes back are attested again, once each, by the same intents', async () => {
    const world = await openWorld(WIDE)
    await anchorMany(world)
    const running = await world.start()
    for (let block = 0; block < 3; block += 1) await world.mine()
    world.chain.reorg(4, { isLosingTransactions: true })
    // The last batch was in one of those blocks.
    expect(votes(world)).toEqual([])
    for (let block = 0; block < 8; block += 1) await world.mine()
    const batchCids = await world.chain.batchCids(EPOCH_1)
    const there = votes(world).filter(({ receipt }) => receipt !== undefined && receipt.reverted === undefined)
    expect(new Set(there.map(({ call }) => call.batchCid))).toEqual(new Set<Cid>(batchCids))
    expect(there).toHaveLength(batchCids.length)
    await running.stop()
  })

  test('one whose results cannot be had leaves those behind it their time', async () => {
    const world = await openWorld({ attestationWindowBlocks: 500 })
    const running = await world.start({ rules: { availability: 'required' } })
    const lost = batchOf(
      [1, 2].map((slotId) => world.submission(slotId, CID_B, P1)),
      [[P1, CID_B]],
    )
    const lostCid = await world.anchor(lost)
    const kept = await world.ipfs.node('snapshotter').add(new TextEncoder().encode('{}'))
    const batch = batchOf(
      [1, 2].map((slotId) => world.submission(slotId, kept, P2)),
      [[P2, kept]],
      idsOf(lost),
    )
    const batchCid = await world.anchor(batch)
    expect(await judged(world, running, 1, 5)).toMatchObject({ batchCid, state: 'attested' })
    expect(await judged(world, running, 2, 600)).toMatchObject({ batchCid: lostCid, state: 'withheld', reason: 'unavailable' })
    await running.stop()
  })
})
