import { expect, test } from 'vitest'
import { createShared, UNSHARED } from './shared.ts'

test('what is shared is opened once, and alone each opens its own', () => {
  const shared = createShared()
  expect(shared(['a', 1], () => ({}))).toBe(shared(['a', 1], () => ({})))
  expect(shared(['a', 1], () => ({}))).not.toBe(shared(['a', 2], () => ({})))
  expect(UNSHARED(['a'], () => ({}))).not.toBe(UNSHARED(['a'], () => ({})))
})

test('what failed to open is tried again', async () => {
  const shared = createShared()
  await expect(shared(['a'], () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect(await shared(['a'], () => Promise.resolve(7))).toBe(7)
})
