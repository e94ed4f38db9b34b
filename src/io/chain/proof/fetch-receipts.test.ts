import { expect, test } from 'vitest'
import type { AskSame } from '#io/chain/rpc/judge.ts'
import { hashOf } from '#io/chain/rpc/scripted.test-node.ts'
import { fetchReceipts } from './fetch-receipts.ts'

const header = { number: 7, hash: hashOf('block 7'), logsBloom: '0x', receiptsRoot: '0x', transactions: [hashOf('transaction')] }

test.each([
  ['that it has withholds them', { hash: header.hash }, { word: 'withholds' }],
  ['that it lacks is behind, which is no fault to be told of', null, {}],
])('who has no receipts of a block %s', async (_, block, word) => {
  const ask: AskSame = async (calls) => calls.map(({ method }) => ({ isOk: true, result: method === 'eth_getBlockByHash' ? block : null }))
  expect(await fetchReceipts([header], ask)).toEqual({ ...word, method: 'eth_getBlockReceipts', detail: 'no receipts of block 7' })
})

test('a node that has come so far meanwhile is asked once more', async () => {
  let looks = 0
  const ask: AskSame = async (calls) =>
    calls.map(({ method }) => {
      if (method === 'eth_getBlockReceipts') looks += 1
      return { isOk: true, result: method === 'eth_getBlockReceipts' && looks === 2 ? [{ blockHash: header.hash }] : null }
    })
  // They are held against the root like any others.
  expect(await fetchReceipts([header], ask)).toMatchObject({ word: 'forges' })
})
