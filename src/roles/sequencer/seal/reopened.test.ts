import { describe, expect, test } from 'vitest'
import type { BatchedSubmission } from '#domain/batch.ts'
import type { Cid } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { CIDS, EPOCH_1, open, sealed, VALIDATOR, vote, type World } from '#roles/sequencer/sequencer.test-world.ts'
import { decodeBatch } from '#wire/batch-json.ts'
import { publishedRoot } from '#wire/merkle.ts'

/** Two votes in a plan that is on chain; then all above the release goes, their blocks too, and the chain in its place is two blocks long. */
async function reopened(): Promise<World> {
  const world = await open()
  await world.release()
  await world.mine(1)
  await vote(world, 1, 0)
  await vote(world, 2, 0)
  const { release } = await sealed(world)
  world.chain.reorg((await world.chain.head()).number - release.number, { blocks: 1 })
  await world.mine(1)
  return world
}

async function submissionsOf(world: World, batchCid: Cid): Promise<readonly BatchedSubmission[]> {
  const file = await world.ipfs.node('sequencer').get(batchCid, { bytesMax: 10_000, timeoutMs: 1_000 })
  return decodeBatch(file)?.submissions ?? []
}

async function refute(world: World, batchCid: Cid): Promise<void> {
  const sender = world.chain.sender({ address: VALIDATOR, journal: createFakeStore() })
  const rootHash = publishedRoot(['no result'])
  const sent = sender.send('refute', { kind: 'submitBatchAttestation', epochId: EPOCH_1, batchCid, rootHash }, new AbortController().signal)
  await world.until(() => world.chain.pendingCount() > 0)
  await world.mine(1)
  await world.clock.runUntil(sent, { limitMs: 5_000 })
}

describe('S10: in a window that is open again after the votes were fixed', () => {
  test('a vote that has lost its block may name another, and none is added or changed', async () => {
    const world = await reopened()
    const codes = [await vote(world, 1, 0), await vote(world, 1, 0), await vote(world, 2, 1), await vote(world, 3, 0)].map(
      ({ code }) => code,
    )
    expect(codes).toEqual(['accepted', 'duplicate', 'window_closed', 'window_closed'])
    expect(world.sequencer.epoch(EPOCH_1)).toMatchObject({ state: 'ended', accepted: 2 })
    await world.stop()
  })

  test('votes that are given again are in the batch that takes the place of one refuted for theirs that are gone', async () => {
    const world = await reopened()
    await vote(world, 1, 0)
    const [batch] = world.sequencer.epoch(EPOCH_1)?.batches ?? []
    await refute(world, batch?.batchCid as Cid)
    await world.mine(2)
    const corrected = world.sequencer.epoch(EPOCH_1)?.batches.at(-1)
    expect(corrected).toMatchObject({ isAnchored: true, round: 1 })
    const hashes = world.chain.blocks().map(({ block }) => block.hash as string)
    const submissions = await submissionsOf(world, corrected?.batchCid as Cid)
    expect(
      submissions.map(({ submission: { request, header } }) => [request.slotId, request.snapshotCid, hashes.includes(header)]),
    ).toEqual([[1, CIDS[0], true]])
    await world.stop()
  })
})
