import { describe, expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId } from '#domain/ids.ts'
import { createHistoryCache, type HistoryCache } from './history-cache.ts'

const blockOf = (number: number) => number as BlockNumber
const put = (cache: HistoryCache, key: string, bytes = 0) => cache.setSnapshot(key as Cid, key, bytes)

describe('the cache', () => {
  const sizeOf = (bytes: number) => bytes + 128
  const held = (cache: HistoryCache, keys: string) => [...keys].filter((key) => cache.snapshot(key as Cid) !== undefined).join('')

  test('holds as much as it may, what is decided included', () => {
    const cache = createHistoryCache(3 * sizeOf(0))
    for (const key of 'abcd') cache.setDecision(key, undefined, blockOf(1))
    expect([...'abcd'].filter((key) => cache.decision(key, blockOf(1)) !== undefined).join('')).toBe('bcd')
    put(cache, 'e')
    expect([...'abcd'].filter((key) => cache.decision(key, blockOf(1)) !== undefined).join('')).toBe('cd')
  })

  test('drops what was used longest ago', () => {
    const cache = createHistoryCache(2 * sizeOf(0))
    for (const key of 'ab') put(cache, key)
    expect(held(cache, 'a')).toBe('a')
    put(cache, 'c')
    expect(held(cache, 'abc')).toBe('ac')
  })

  test('counts an entry that is written again once', () => {
    const cache = createHistoryCache(2 * sizeOf(100))
    for (const key of 'aaaab') put(cache, key, 100)
    expect(held(cache, 'ab')).toBe('ab')
  })

  test('drops as many as it must, and no more', () => {
    const cache = createHistoryCache(3 * sizeOf(100))
    for (const key of 'abc') put(cache, key, 100)
    put(cache, 'd', 100 + sizeOf(100))
    expect(held(cache, 'abcd')).toBe('cd')
    put(cache, 'e', 100)
    expect(held(cache, 'abcde')).toBe('de')
  })

  test('an entry larger than all is not kept', () => {
    const cache = createHistoryCache(sizeOf(100))
    put(cache, 'a', 101)
    expect(held(cache, 'a')).toBe('')
    put(cache, 'b', 100)
    expect(held(cache, 'b')).toBe('b')
  })

  test('is empty after it was cleared, and holds as much again', () => {
    const cache = createHistoryCache(2 * sizeOf(100))
    for (const key of 'ab') put(cache, key, 100)
    cache.clear()
    expect(held(cache, 'ab')).toBe('')
    for (const key of 'cd') put(cache, key, 100)
    expect(held(cache, 'cd')).toBe('cd')
  })

  test('N18: keeps what is remembered of windows, however many snapshots pass through, and no more of it than it may', () => {
    const cache = createHistoryCache(2 * sizeOf(0), 2 * sizeOf(0))
    const rows = { since: new Float64Array(), hasData: new Uint8Array(), columns: [], othersBytes: 0 }
    const isHeld = (key: string) => cache.rows(key) !== undefined
    cache.setRows('x', rows, 0)
    for (const key of 'abcd') put(cache, key)
    expect([isHeld('x'), held(cache, 'abcd')]).toEqual([true, 'cd'])
    for (const key of 'yz') cache.setRows(key, rows, 0)
    expect([...'xyz'].map(isHeld)).toEqual([false, true, true])
    cache.clear()
    expect([...'xyz'].map(isHeld)).toEqual([false, false, false])
  })

  test('N5: knows nothing of blocks before the first for which it was told', () => {
    const cache = createHistoryCache()
    const cid = 'final' as Cid
    const isKnown = (block: number) => cache.decision('a', blockOf(block)) !== undefined
    cache.setDecision('a', cid, blockOf(10))
    expect([9, 10, 11].map(isKnown)).toEqual([false, true, true])
    cache.setDecision('a', cid, blockOf(20))
    expect([9, 10, 20].map(isKnown)).toEqual([false, true, true])
    cache.setDecision('a', cid, blockOf(5))
    expect([4, 5].map(isKnown)).toEqual([false, true])
    expect(cache.decision('a', blockOf(5))).toMatchObject({ snapshotCid: cid })
  })
})

describe('N13: what nobody serves', () => {
  const cidOf = (number: number) => `cid-${number}` as Cid

  test('is forgotten, the first first, when it is too much', () => {
    const { unserved } = createHistoryCache()
    for (let number = 0; number <= 8_192; number += 1) unserved.add(cidOf(number), 5 as EpochId)
    expect([0, 1, 8_192].map((number) => unserved.isDue(cidOf(number), 5 as EpochId))).toEqual([true, false, false])
  })

  test('is looked for in the next epoch, however many looked for it in this one', () => {
    const { unserved } = createHistoryCache()
    for (let aggregate = 0; aggregate < 3; aggregate += 1) unserved.add(cidOf(1), 5 as EpochId)
    expect([5, 6].map((epochId) => unserved.isDue(cidOf(1), epochId as EpochId))).toEqual([false, true])
  })

  test('is remembered through a reorganisation, which changes nothing about it', () => {
    const cache = createHistoryCache()
    cache.unserved.add(cidOf(1), 5 as EpochId)
    cache.clear()
    expect(cache.unserved.isDue(cidOf(1), 5 as EpochId)).toBe(false)
    expect(cache.unserved.isDue(cidOf(1), 6 as EpochId)).toBe(true)
  })
})
