import { expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { isOpenToBatches } from './reported.ts'

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
