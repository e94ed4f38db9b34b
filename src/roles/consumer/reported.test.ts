import { expect, test } from 'vitest'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { isOpenToBatches, reportedOf } from './reported.ts'

/** An epoch of the block 10, in which batches may come until block 20. */
test.each([
  ['in its last block', { head: 20 }, true],
  ['after its window, though nobody said that it ended', { head: 21 }, false],
  ['once it is declared ended', { head: 11, isEnded: true }, false],
  ['that was never released', { head: 11, released: 0 }, false],
])('an epoch %s', async (_, { head, isEnded = false, released = 10 }: { head: number; isEnded?: boolean; released?: number }, isOpen) => {
  const chain = {
    isEpochEnded: async () => isEnded,
    epochInfo: async () => ({ contractNumber: released }),
    head: async () => ({ contractNumber: head }),
    market: async () => ({ batchWindowBlocks: 10 }),
  } as unknown as AnchorChain
  expect(await isOpenToBatches(1 as EpochId, chain)).toBe(isOpen)
})

/** Whichever of the two is asked first is answered before the batch comes that ends the epoch, the other after that. */
test('a batch that ends the epoch while it is looked at makes no project of it missing', async () => {
  let isThere = false
  const seen = async <Value>(before: Value, after: Value): Promise<Value> => {
    const value = isThere ? after : before
    isThere = true
    return value
  }
  const [projectId, epochId] = ['reserves:0xab01:TEST' as ProjectId, 1 as EpochId]
  const chain = {
    snapshotStatus: async () => ({ status: 'absent', snapshotCid: '' }),
    isEpochEnded: () => seen(false, true),
    epochInfo: async () => ({ contractNumber: 10 }),
    head: async () => ({ contractNumber: 11 }),
    market: async () => ({ batchWindowBlocks: 10 }),
    batchCids: () => seen<string[]>([], ['batch']),
    batch: async () => ({ batchCid: 'batch', projectIds: [projectId], snapshotCids: ['cid'], isFinalized: false }),
  } as unknown as AnchorChain
  const reported = await reportedOf({ projectId, epochId }, chain, async () => 'nobody has it')
  expect(reported).toMatchObject({ status: 'pending', snapshotCid: 'cid', isOpen: true })
})
