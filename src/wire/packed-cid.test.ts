import { expect, test } from 'vitest'
import { keccak256 } from './keccak.ts'
import { packCid } from './packed-cid.ts'

/** As contracts/test/Cid.t.sol has it: the same digest in three spellings. */
const DIGEST = 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'
const RAW = 'bafkreigks6arfsq3xxfpvqrrwonchxcnu6do76auprhhfomao6c273sixm'
const keccakOf = (text: string): string => keccak256(new TextEncoder().encode(text)).toHex()

test.each([
  [RAW, 1],
  ['bafybeigks6arfsq3xxfpvqrrwonchxcnu6do76auprhhfomao6c273sixm', 2],
  ['QmbyV4BASLJCFiCfKz37eNwFX8y6hefQ7LGpzvEwJQzNft', 3],
])('%s is its digest and its kind', (text, kind) => {
  expect(packCid(text)).toEqual({ kind, word: DIGEST })
})

test.each([
  ['another codec', 'bafyreigks6arfsq3xxfpvqrrwonchxcnu6do76auprhhfomao6c273sixm'],
  ['another alphabet', 'zb2rhcE5Evqw98ue5G8ZFwKjzYrpb3zL6gNUXZQxPVTD6gKEb'],
  ['capitals', RAW.toUpperCase()],
  ['bits too many in the last digit', `${RAW.slice(0, -1)}n`],
  ['no CID', 'hello'],
])('%s is any text: its keccak256', (_what, text) => {
  expect(packCid(text)).toEqual({ kind: 4, word: keccakOf(text) })
})

test('no text is nothing', () => {
  expect(packCid('')).toEqual({ kind: 0, word: '00'.repeat(32) })
})
