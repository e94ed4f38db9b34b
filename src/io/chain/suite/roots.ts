import { describe, expect, test } from 'vitest'
import type { BlockNumber, ContentHash, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { RootOnlyBatch } from '#io/chain/port.ts'
import {
  attest,
  BATCH,
  BATCH_2,
  CIDS,
  createScene,
  end,
  EPOCH_1,
  NEVER,
  OTHER_ROOT,
  PROJECTS,
  release,
  ROOT,
  submit,
  submitRoots,
  SUITE_MARKET,
} from './scene.ts'
import type { ChainWorld } from './scene.ts'

const rootsOf = (digits: string): Hash => `0x${digits.repeat(32)}` as Hash
const FIRST: RootOnlyBatch = { batchCid: BATCH, rootHash: ROOT, projectsRootHash: rootsOf('11') }
const SECOND: RootOnlyBatch = { batchCid: BATCH_2, rootHash: OTHER_ROOT, projectsRootHash: rootsOf('22') }
/** What a vote for the first may name: 31 bytes of the root over its projects. */
const FIRST_CONTENT = `0x${'11'.repeat(31)}` as ContentHash

/** Batches that are anchored by their roots alone, where the market's owner allows it (docs/CONTRACTS.md). */
export function rootsSuite(name: string, open: () => Promise<ChainWorld>): void {
  const { released } = createScene(open)
  const refused = (reason: string) => ({ kind: 'refused', reason })
  /** With epoch 1 released, and such batches allowed. */
  const allowed = async () => {
    const world = await released()
    await world.setRootOnlyAllowed(true)
    return world
  }

  describe(`batches by their roots: ${name}`, () => {
    test('are taken only where the owner allows it, from a sequencer, while the epoch takes batches', async () => {
      const { perform, chain, setRootOnlyAllowed } = await released()
      expect(await perform('sequencer', submitRoots([FIRST]))).toEqual(refused('RootOnlyBatchesNotAllowed'))
      await setRootOnlyAllowed(true)
      expect(await perform('stranger', submitRoots([FIRST]))).toEqual(refused('E04'))
      expect(await perform('sequencer', submitRoots([]))).toEqual(refused('E24'))
      expect(await perform('sequencer', submitRoots([FIRST], 7 as EpochId))).toEqual(refused('E30'))
      expect(await perform('sequencer', submitRoots([FIRST, FIRST]))).toEqual(refused('E25'))
      expect(await chain.batchCids(EPOCH_1)).toEqual([])
      expect(await perform('sequencer', submitRoots([FIRST]))).toMatchObject({ kind: 'done' })
      // All of a call or nothing.
      expect(await perform('sequencer', submitRoots([SECOND, FIRST]))).toEqual(refused('E25'))
      expect(await perform('sequencer', end)).toMatchObject({ kind: 'done' })
      expect(await perform('sequencer', submitRoots([SECOND]))).toEqual(refused('E43'))
      expect(await chain.batchCids(EPOCH_1)).toEqual([BATCH])
    })

    test('several come in one call, in its order, and name no project', async () => {
      const { perform, chain, eventsSince } = await allowed()
      const { number } = await chain.head()
      expect(await perform('sequencer', submitRoots([FIRST, SECOND]))).toMatchObject({ kind: 'done' })
      expect(await eventsSince(number + 1)).toEqual([
        { block: number + 1, kind: 'SnapshotBatchSubmitted', epochId: EPOCH_1, batchCid: BATCH },
        { block: number + 1, kind: 'SnapshotBatchSubmitted', epochId: EPOCH_1, batchCid: BATCH_2 },
      ])
      expect(await chain.batchCids(EPOCH_1)).toEqual([BATCH, BATCH_2])
      expect(await chain.batch(EPOCH_1, BATCH)).toEqual({
        ...FIRST,
        isFinalized: false,
        isRefused: undefined,
        attestationCount: 0,
        contentHash: FIRST_CONTENT,
      })
      expect(await chain.batch(EPOCH_1, BATCH_2)).toMatchObject(SECOND)
      expect(await chain.snapshotStatus(PROJECTS[0] as ProjectId, EPOCH_1)).toEqual({ status: 'absent', snapshotCid: '' })
      expect(await chain.projectFirstEpochId(PROJECTS[0] as ProjectId)).toBe(0)
    })

    test('are voted for by their root over the CIDs, with that over the projects as content', async () => {
      const { perform, chain, eventsSince } = await allowed()
      await perform('sequencer', submitRoots([FIRST, SECOND]))
      const other = `0x${'22'.repeat(31)}` as ContentHash
      expect(await perform('validator1', attest(ROOT, BATCH, other))).toEqual(refused(`BatchContentDiffers anchored=${FIRST_CONTENT}`))
      expect(await perform('validator1', attest(ROOT, BATCH, FIRST_CONTENT))).toMatchObject({ kind: 'done' })
      const before = (await chain.head()).number
      expect(await perform('validator2', attest(ROOT, BATCH))).toMatchObject({ kind: 'done' })
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isFinalized: true, attestationCount: 2 })
      expect(await chain.batch(EPOCH_1, BATCH, before)).toMatchObject({ isFinalized: false, attestationCount: 1 })
      expect(await chain.batch(EPOCH_1, BATCH, (before - 1) as BlockNumber)).toMatchObject({ isFinalized: false, attestationCount: 0 })
      expect(await chain.batch(EPOCH_1, BATCH, (before - 2) as BlockNumber)).toBeUndefined()
      expect((await eventsSince(before + 1)).map(({ kind }) => kind)).toEqual([
        'SnapshotBatchAttestationSubmitted',
        'SnapshotBatchFinalized',
      ])
      expect(await chain.batch(EPOCH_1, BATCH_2)).toMatchObject({ isFinalized: false, attestationCount: 0 })
    })

    test('refuted, one is sent again under its CID only if it says the same of the same projects', async () => {
      const { perform, chain } = await allowed()
      await perform('sequencer', submitRoots([FIRST]))
      for (const validator of ['validator1', 'validator2'] as const) await perform(validator, attest(OTHER_ROOT))
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isRefused: true })
      expect(await perform('sequencer', submitRoots([{ ...FIRST, projectsRootHash: rootsOf('33') }]))).toEqual(refused('E25'))
      expect(await perform('sequencer', submitRoots([{ ...FIRST, rootHash: OTHER_ROOT }]))).toMatchObject({ kind: 'done' })
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ rootHash: OTHER_ROOT, attestationCount: 0, isRefused: undefined })
    })

    test('stand beside batches with their projects, and refuse them nothing', async () => {
      const { perform, chain } = await allowed()
      await perform('sequencer', submitRoots([FIRST]))
      expect(await perform('sequencer', submit({ batchCid: BATCH_2 }))).toMatchObject({ kind: 'done' })
      expect(await chain.batch(EPOCH_1, BATCH_2)).toMatchObject({ projectIds: PROJECTS, snapshotCids: CIDS })
      expect(await chain.batch(EPOCH_1, BATCH_2)).not.toHaveProperty('projectsRootHash')
    })

    test('that a reorganisation has taken away go out again by the same call', async () => {
      const { perform, chain, sender, reorg, mine, run, untilPending } = await allowed()
      const journalled = sender('sequencer')
      const sending = () => journalled.send('batches/1/0', submitRoots([FIRST, SECOND]), NEVER)
      const first = sending()
      await untilPending(1)
      await mine()
      expect(await run(first)).toMatchObject({ kind: 'done' })
      await reorg(1)
      expect(await chain.batchCids(EPOCH_1)).toEqual([])
      const again = sending()
      await untilPending(1)
      await mine()
      expect(await run(again)).toMatchObject({ kind: 'done' })
      expect(await chain.batchCids(EPOCH_1)).toEqual([BATCH, BATCH_2])
      expect(await perform('epochManager', release(110, 119))).toMatchObject({ kind: 'done' })
    })

    test('too late, they are announced as such and not stored', async () => {
      const { perform, chain, pass, eventsSince } = await allowed()
      await pass(SUITE_MARKET.batchWindowBlocks)
      const { number } = await chain.head()
      expect(await perform('sequencer', submitRoots([FIRST, SECOND]))).toMatchObject({ kind: 'done' })
      expect((await eventsSince(number + 1)).map(({ kind }) => kind)).toEqual(['DelayedBatchSubmitted', 'DelayedBatchSubmitted'])
      expect(await chain.batchCids(EPOCH_1)).toEqual([])
    })
  })
}
