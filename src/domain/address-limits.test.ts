import { expect, test } from 'vitest'
import { createAddressBuckets, createAddressCounts } from './address-limits.ts'

const V4 = '203.0.113.7'
/** Blocks of one network of IPv6. */
const blockAt = (index: number): string => `2001:db8:1:${index.toString(16)}`
const ELSEWHERE = '2001:db8:2:0'

test('G7: whoever has a network of IPv6 has four times what an address has, however many addresses are in it', () => {
  let nowMs = 0
  const buckets = createAddressBuckets({ tokensPerSecond: 1, tokensMax: 10 }, () => nowMs)
  expect([V4, V4].map((address) => buckets.take(address, 6))).toEqual([true, false])
  expect(buckets.waitMs(V4, 6)).toBe(2_000)
  expect([0, 1, 2, 3, 4].map((index) => buckets.take(blockAt(index), 10))).toEqual([true, true, true, true, false])
  // Nothing was taken from the address that its network had nothing for.
  expect([buckets.waitMs(blockAt(4), 8), buckets.waitMs(blockAt(0), 8)]).toEqual([2_000, 8_000])
  nowMs = 2_000
  expect([buckets.take(blockAt(4), 8), buckets.take(ELSEWHERE, 10)]).toEqual([true, true])
})

test('what is charged afterwards is charged to the network too', () => {
  const buckets = createAddressBuckets({ tokensPerSecond: 1, tokensMax: 10 }, () => 0)
  buckets.charge(V4, 20)
  buckets.charge(blockAt(0), 45)
  expect([V4, blockAt(1), ELSEWHERE].map((address) => buckets.waitMs(address, 1))).toEqual([11_000, 1_500, 0])
})

test('G7: a network of IPv6 has four times as many as an address, and has them back', () => {
  const counts = createAddressCounts(2)
  for (const index of [0, 0, 1, 1, 2, 2, 3]) counts.change(blockAt(index), 1)
  expect([0, 3, 4].map((index) => counts.full(blockAt(index)))).toEqual([blockAt(0), undefined, undefined])
  counts.change(blockAt(3), 1)
  expect([counts.full(blockAt(4)), counts.full(ELSEWHERE)]).toEqual(['2001:db8:1::', undefined])
  counts.change(blockAt(0), -1)
  expect([0, 4].map((index) => counts.full(blockAt(index)))).toEqual([undefined, undefined])
})

test('IPv4 has no networks here, this machine none either, and where no address is known there is no limit', () => {
  const counts = createAddressCounts(1)
  for (const address of [V4, '::1', undefined]) counts.change(address, 1)
  expect([V4, '203.0.113.8', '::1', undefined].map(counts.full)).toEqual([V4, undefined, '::1', undefined])
})
