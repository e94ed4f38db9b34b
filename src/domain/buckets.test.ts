import { expect, test } from 'vitest'
import { createBuckets } from './buckets.ts'

test('what is saved up is spent, comes back with time, and is nobody else’s', () => {
  let nowMs = 0
  const buckets = createBuckets({ tokensPerSecond: 2, tokensMax: 3 }, () => nowMs)
  expect([2, 2, 1, 1].map((cost) => buckets.take('a', cost))).toEqual([true, false, true, false])
  expect(buckets.take('b', 3)).toBe(true)
  nowMs = 500
  expect([1, 1].map((cost) => buckets.take('a', cost))).toEqual([true, false])
  nowMs = 60_000
  expect([3, 1].map((cost) => buckets.take('a', cost))).toEqual([true, false])
})
