import { expect, test } from 'vitest'
import { createPairs, digestIn, PAIR_BYTES, pairsOf, signatureIn } from './signed-pairs.ts'

const signed = [1, 2, 3].map((byte) => ({ digest: new Uint8Array(32).fill(byte), signature: new Uint8Array(65).fill(0x10 + byte) }))

test('each pair has its place, and takes nothing of its neighbours', () => {
  const pairs = pairsOf(signed)
  expect(pairs.length).toBe(3 * PAIR_BYTES)
  expect(signed.map((_, index) => ({ digest: digestIn(pairs, index), signature: signatureIn(pairs, index) }))).toEqual(signed)
})

test('what was never put is zeros', () => {
  const pairs = createPairs(2)
  signatureIn(pairs, 1).fill(7)
  expect([digestIn(pairs, 0), signatureIn(pairs, 0), digestIn(pairs, 1)]).toEqual([
    new Uint8Array(32),
    new Uint8Array(65),
    new Uint8Array(32),
  ])
})
