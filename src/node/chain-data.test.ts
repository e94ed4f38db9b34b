import { expect, test } from 'vitest'
import type { AnchorChain } from '#io/chain/port.ts'
import { createChainData } from './chain-data.ts'

/** Epochs 1 to 8, each of the block of its number, with a window of 3 blocks; the first three were declared ended, and the head is block 8. */
function chainOf(change: object = {}): AnchorChain {
  return {
    currentEpoch: async () => ({ epochId: 8, begin: 0, end: 0 }),
    epochInfo: async (epochId: number) => ({ timestamp: 1, contractNumber: epochId === 2 ? 0 : epochId, end: epochId }),
    isEpochEnded: async (epochId: number) => epochId <= 3,
    head: async () => ({ contractNumber: 8 }),
    market: async () => ({ batchWindowBlocks: 3 }),
    batchCids: async () => [],
    ...change,
  } as unknown as AnchorChain
}
const epochsOf = (chain: AnchorChain, count: number) =>
  createChainData(chain, { gateways: [], signal: new AbortController().signal }).epochs(count)

test('epochs are listed by what may still come, for which head and market are asked once', async () => {
  const asked: string[] = []
  const { head, market } = chainOf()
  const counted = (name: string, ask: () => Promise<unknown>) => () => {
    asked.push(name)
    return ask()
  }
  const chain = chainOf({ head: counted('head', head), market: counted('market', market) })
  const epochs = await epochsOf(chain, 8)
  expect(epochs.map(({ epochId, status }) => [epochId, status])).toEqual([
    [8, 'open'],
    [7, 'open'],
    [6, 'open'],
    [5, 'open'],
    [4, 'empty'],
    [3, 'empty'],
    [2, 'skipped'],
    [1, 'empty'],
  ])
  expect(asked.sort()).toEqual(['head', 'market'])
})

test('an epoch that ends with a batch while it is looked at is not told to be empty', async () => {
  let isThere = false
  /** Whichever is asked first is answered before the batch is there. */
  const seen = async <Value>(before: Value, after: Value): Promise<Value> => {
    const value = isThere ? after : before
    isThere = true
    return value
  }
  const chain = chainOf({
    isEpochEnded: () => seen(false, true),
    batchCids: () => seen<string[]>([], ['batch']),
    batch: async () => ({ isFinalized: false }),
  })
  expect(await epochsOf(chain, 1)).toMatchObject([{ status: 'open', batches: 1 }])
})
