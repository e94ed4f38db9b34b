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

test('what a sender owes comes back before it may take again', () => {
  let nowMs = 0
  const buckets = createBuckets({ tokensPerSecond: 2, tokensMax: 3 }, () => nowMs)
  buckets.charge('a', 5)
  expect([buckets.take('a', 1), buckets.take('b', 3), buckets.waitMs('a', 1)]).toEqual([false, true, 1_500])
  nowMs = 1_500
  expect([1, 1].map((cost) => buckets.take('a', cost))).toEqual([true, false])
})

test('how long a sender waits for what it needs is known before it takes it', () => {
  let nowMs = 0
  const buckets = createBuckets({ tokensPerSecond: 2, tokensMax: 3 }, () => nowMs)
  expect([buckets.waitMs('a', 3), buckets.waitMs('a', 3)]).toEqual([0, 0])
  buckets.take('a', 3)
  expect([1, 3, 4].map((cost) => buckets.waitMs('a', cost))).toEqual([500, 1_500, Number.POSITIVE_INFINITY])
  nowMs = 500
  expect([buckets.waitMs('a', 1), buckets.take('a', 1)]).toEqual([0, true])
})
