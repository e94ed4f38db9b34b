import { expect, test } from 'vitest'
import { createPools, OWN_POOLS } from './pools.ts'

test('what is pools is opened once, and alone each opens its own', () => {
  const pools = createPools()
  expect(pools(['a', 1], () => ({}))).toBe(pools(['a', 1], () => ({})))
  expect(pools(['a', 1], () => ({}))).not.toBe(pools(['a', 2], () => ({})))
  expect(OWN_POOLS(['a'], () => ({}))).not.toBe(OWN_POOLS(['a'], () => ({})))
})

test('what failed to open is tried again', async () => {
  const pools = createPools()
  await expect(pools(['a'], () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect(await pools(['a'], () => Promise.resolve(7))).toBe(7)
})
