import { expect, test } from 'vitest'
import { honestMajority } from './quorum.ts'

test.each([
  [0, 0],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 3],
  [7, 4],
])('of %i validators %i are a majority', (n, majority) => expect(honestMajority(n)).toBe(majority))
