import { describe, expect, test } from 'vitest'
import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import type { BlockNumber, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { AnchoredBatch } from '#io/chain/port.ts'
import { checkInclusion } from '#wire/inclusion.ts'
import { publishedRoot } from '#wire/merkle.ts'
import type { IncludedSubmission } from './inclusion.ts'
import { epoch, idOf } from './inclusion.test-world.ts'

const proved = (found: IncludedSubmission | string): IncludedSubmission => (typeof found === 'string' ? expect.fail(found) : found)

describe('G8: a submission', () => {
  test.each([true, false])('is proved to be in its batch, in a fresh tree (%s) or one that continues the epoch', async (isFresh) => {
    const { prove, anchored } = await epoch({ isFresh })
    for (const project of [0, 1, 2])
      for (const slot of [1, 2, 3]) {
        const found = proved(await prove(project, slot))
        expect(found).toMatchObject({ batchCid: anchored[project]?.batchCid, status: 'finalized', slotId: slot })
        expect(found.submission).toMatchObject({ text: idOf(project, slot), index: isFresh ? slot - 1 : 3 * project + slot - 1 })
        expect(checkInclusion(found.submission, found.submission.root)).toBe(true)
        expect(checkInclusion(found.result, anchored[project]?.rootHash ?? '')).toBe(true)
        expect(found.result.text === found.snapshotCid).toBe(slot !== 3)
      }
  })

  test('G11: of a large batch is found while others have their turn', async () => {
    const votes = Array.from({ length: 10_000 }, (_, index) => `another ${index}`)
    const large = (batch: Batch): Batch => {
      const [first] = batch.submissions as [BatchedSubmission, ...BatchedSubmission[]]
      return { ...batch, submissions: [...batch.submissions, ...votes.map((submissionId) => ({ ...first, submissionId }))] }
    }
    const { prove, breaths } = await epoch({ batch: large })
    await prove(0, 1)
    expect(breaths.length).toBeGreaterThan(0)
  })

  test('that is in no batch is told so, with what could not be read', async () => {
    const { prove } = await epoch()
    expect(await prove(7, 1)).toBe(
      'none of the 3 batches of epoch 3 holds it; one whose id other votes bear too is found by its slot and project',
    )
    const { prove: proveSoFar } = await epoch({ isOpen: true })
    expect(await proveSoFar(7, 1)).toMatch(/^none of the 3 batches of epoch 3 holds it so far, and the epoch has not ended; /)
    const { prove: proveLess } = await epoch({ missing: [1] })
    expect(await proveLess(1, 1)).toMatch(
      /^none of the 3 batches of epoch 3 holds it, as far as they can be read: batch bafk.*IPFS_NOT_FOUND/,
    )
  })

  test('of an epoch without a batch is told so, and of one to come that it is', async () => {
    const { prove, chain } = await epoch({ isOpen: true })
    chain.batchCids = async () => []
    expect(await prove(1, 1)).toMatch(/^epoch 3 has no batch so far, and the epoch has not ended; /)
    chain.currentEpoch = async () => ({ epochId: 2 as EpochId, begin: 0 as BlockNumber, end: 0 as BlockNumber })
    expect(await prove(1, 1)).toBe('epoch 3 is not released yet, the newest is 2')
  })

  test('is not told to be missing because its batch came, and ended the epoch, while it was looked for', async () => {
    const { prove, chain } = await epoch()
    let isThere = false
    const { batchCids } = chain
    chain.isEpochEnded = async () => {
      const isEnded = isThere
      isThere = true
      return isEnded
    }
    chain.batchCids = async (epochId) => {
      const there = isThere ? await batchCids(epochId) : []
      isThere = true
      return there
    }
    proved(await prove(0, 1))
  })

  test('S3: whose id others bear too has another in its batch: it is found by slot and project, and both is said', async () => {
    const { prove, anchored } = await epoch()
    const voter = { slotId: 2 as SlotId, projectId: 'pairs:1:TEST' as ProjectId }
    const found = proved(await prove(7, 1, voter))
    expect(found).toMatchObject({ ...voter, batchCid: anchored[1]?.batchCid, isRenamed: true, submission: { text: idOf(1, 2) } })
    expect(proved(await prove(1, 2, voter)).isRenamed).toBe(false)
    expect(proved(await prove(1, 2)).isRenamed).toBe(false)
    expect(await prove(1, 2, { ...voter, slotId: 9 as SlotId })).toBe('none of the 3 batches of epoch 3 holds it')
  })

  test('behind a batch that nobody serves is proved in a fresh tree, and cannot be told in one that goes on', async () => {
    const fresh = await epoch({ isFresh: true, missing: [0] })
    expect(proved(await fresh.prove(2, 1)).submission.index).toBe(0)
    const { prove } = await epoch({ missing: [0] })
    expect(await prove(2, 1)).toMatch(/its submission ids give another root, unless they continue.*IPFS_NOT_FOUND/)
  })

  test('P5: in a final batch is proved however long the files of others before it are looked for', async () => {
    const anchored = (batch: AnchoredBatch, index: number) => ({ ...batch, isFinalized: index === 2 })
    const { prove } = await epoch({ isFresh: true, missing: [0, 1], missingMs: 60_000, anchored })
    expect(proved(await prove(2, 1)).status).toBe('finalized')
  })

  test('in a file that is not what its CID says is not looked at', async () => {
    const { prove } = await epoch({ altered: [1] })
    expect(await prove(1, 1)).toMatch(/the bytes served hash to bafk/)
  })

  const elsewhere = publishedRoot(['something else']) as Hash
  test.each([
    [
      'whose root is of other ids',
      { batch: (batch: Batch) => ({ ...batch, submissionsRoot: elsewhere }) },
      /its submission ids give another root$/,
    ],
    ['whose CIDs are not those anchored', { anchored: (batch: AnchoredBatch) => ({ ...batch, rootHash: elsewhere }) }, /the chain has 0x/],
    ['without its project', { batch: (batch: Batch) => ({ ...batch, projectIds: [], snapshotCids: [] }) }, /no result for pairs:1:TEST/],
    [
      'for another epoch',
      {
        batch: (batch: Batch) => ({
          ...batch,
          submissions: batch.submissions.map((each) => ({
            ...each,
            submission: { ...each.submission, request: { ...each.submission.request, epochId: 4 as EpochId } },
          })),
        }),
      },
      /holds it for epoch 4/,
    ],
  ])('in a batch %s is not proved', async (_what, spoil, why) => {
    const { prove } = await epoch(spoil)
    expect(await prove(1, 1)).toMatch(why)
  })

  test('in a batch that was refused is disputed, and in one that is not decided pending', async () => {
    const refused = await epoch({ anchored: (batch) => ({ ...batch, isFinalized: false, isRefused: true }) })
    expect(proved(await refused.prove(1, 1)).status).toBe('disputed')
    const open = await epoch({ anchored: (batch) => ({ ...batch, isFinalized: false }) })
    expect(proved(await open.prove(1, 1)).status).toBe('pending')
  })
})
