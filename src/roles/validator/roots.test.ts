import { describe, expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { contentHashOfRoots } from '#wire/content-hash.ts'
import { publishedRoot } from '#wire/merkle.ts'
import {
  batchOf,
  CID_A,
  CID_B,
  EPOCH_1,
  honest,
  honestVotes,
  idsOf,
  judged,
  openWorld,
  P1,
  P2,
  SEQUENCER,
  type World,
} from './validator.test-world.ts'

async function openRootOnly(...args: Parameters<typeof openWorld>): Promise<World> {
  const world = await openWorld(...args)
  world.chain.setRootOnlyAllowed(true)
  await world.mine()
  return world
}

const votes = (world: World) => world.chain.transactions().flatMap(({ call }) => (call.kind === 'submitBatchAttestation' ? [{ call }] : []))

describe('a batch that is anchored by its roots', () => {
  test('is attested for its root over the CIDs, with that over the projects as content', async () => {
    const world = await openRootOnly()
    const running = await world.start()
    const batch = honest(world)
    const batchCid = await world.anchor(batch, { byRoots: true })
    const rootHash = publishedRoot(batch.snapshotCids)
    expect(await judged(world, running)).toMatchObject({ state: 'attested', root: rootHash, isDivergent: false, failureCount: 0 })
    const contentHash = contentHashOfRoots(publishedRoot(batch.projectIds))
    expect(votes(world).map(({ call }) => call)).toEqual([
      { kind: 'submitBatchAttestation', epochId: EPOCH_1, batchCid, rootHash, contentHash, projectCount: 0 },
    ])
    await running.stop()
  })

  test('is attested without content where the contract keeps none', async () => {
    const world = await openRootOnly({}, { hasContents: false })
    const running = await world.start()
    await world.anchor(honest(world), { byRoots: true })
    expect(await judged(world, running)).toMatchObject({ state: 'attested' })
    expect(votes(world)[0]?.call).not.toMatchObject({ contentHash: expect.anything() })
    await running.stop()
  })

  test('V11: with another root over the projects than those of its file is not: the vote would not say so', async () => {
    const world = await openRootOnly()
    const running = await world.start()
    const batchCid = await world.anchor(honest(world), { byRoots: { projectsRootHash: publishedRoot([P2]) } })
    expect(await judged(world, running)).toMatchObject({ state: 'withheld', reason: 'integrity' })
    expect(running.validator.evidence(EPOCH_1, batchCid)?.failures).toEqual([
      { check: 'projects_root', projectId: '', slotId: 0, expected: publishedRoot([P1]), got: publishedRoot([P2]) },
    ])
    expect(votes(world)).toEqual([])
    await running.stop()
  })

  test('V11: with a project that an earlier batch of the epoch has is not, though the contract takes it', async () => {
    const world = await openRootOnly()
    const running = await world.start()
    const first = honest(world)
    await world.anchor(first, { byRoots: true })
    const again = batchOf(honestVotes(world), [[P1, CID_A]], idsOf(first))
    const batchCid = await world.anchor(again, { byRoots: true })
    expect(await judged(world, running, 2)).toMatchObject({ batchCid, state: 'withheld', reason: 'integrity' })
    expect(running.validator.evidence(EPOCH_1, batchCid)?.failures).toMatchObject([{ check: 'projects_unique', projectId: P1 }])
    await running.stop()
  })

  test('that lies about a CID is spoken against by its own root', async () => {
    const world = await openRootOnly()
    const running = await world.start()
    await world.anchor(batchOf(honestVotes(world), [[P1, CID_B]]), { byRoots: true })
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isDivergent: true, root: publishedRoot([CID_A]) })
    await running.stop()
  })

  test.each([
    [999, { state: 'attested' }],
    [1_000, { state: 'withheld', reason: 'too_many' }],
  ])('V18: behind %i others is %o', async (count, expected) => {
    const world = await openRootOnly()
    const running = await world.start()
    const rootHash = publishedRoot([])
    const junk = Array.from({ length: count }, (_, index) => ({ batchCid: `junk ${index}` as Cid, rootHash, projectsRootHash: rootHash }))
    await world.send(SEQUENCER, 'junk', { kind: 'submitRootOnlyBatches', epochId: EPOCH_1, batches: junk })
    const batchCid = await world.anchor(honest(world), { byRoots: true })
    expect(await judged(world, running, count + 1)).toMatchObject({ batchCid, ...expected })
    await running.stop()
  })

  test('V9: is not spoken for while the bytes of a CID in its file are not to be had', async () => {
    const world = await openRootOnly({ attestationWindowBlocks: 500 })
    const running = await world.start({ rules: { availability: 'required' } })
    await world.anchor(honest(world), { byRoots: true })
    expect(await judged(world, running, 1, 600)).toMatchObject({ state: 'withheld', reason: 'unavailable' })
    await running.stop()
  })
})
