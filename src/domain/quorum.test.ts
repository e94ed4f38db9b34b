import { expect, test } from 'vitest'
import { atLeastOneHonest, hasHonestMajority, honestMajority } from './quorum.ts'

test.each([
  [0, 0, 0],
  [1, 1, 1],
  [2, 2, 1],
  [3, 2, 1],
  [4, 3, 2],
  [7, 4, 3],
])('of %i validators %i are a majority and %i hold one honest', (n, majority, oneHonest) => {
  expect(honestMajority(n)).toBe(majority)
  expect(atLeastOneHonest(n)).toBe(oneHonest)
  expect(hasHonestMajority(majority, n)).toBe(n > 0)
  expect(hasHonestMajority(majority - 1, n)).toBe(false)
})
