import { expect, test } from 'vitest'
import { createRecent } from './recent.ts'

const KILO = 1_000

test('what was used longest ago goes first, and a value that comes again counts once', () => {
  const recent = createRecent<string>(3.5 * KILO)
  for (const key of ['a', 'b', 'c']) recent.set(key, key, KILO)
  recent.set('c', 'again', KILO)
  expect(recent.get('a')).toBe('a')
  recent.set('d', 'd', KILO)
  expect(['a', 'b', 'c', 'd'].map((key) => recent.get(key))).toEqual(['a', undefined, 'again', 'd'])
})

test('one that is larger than all may be is not held, nor what was there before it', () => {
  const recent = createRecent<string>(2 * KILO)
  recent.set('a', 'a', KILO)
  recent.set('b', 'b', 3 * KILO)
  expect(['a', 'b'].map((key) => recent.get(key))).toEqual([undefined, undefined])
  recent.set('c', 'c', KILO)
  expect(recent.get('c')).toBe('c')
})

test('cleared it holds nothing, and has its whole room again', () => {
  const recent = createRecent<string>(2.5 * KILO)
  for (const key of ['a', 'b']) recent.set(key, key, KILO)
  recent.clear()
  for (const key of ['c', 'd']) recent.set(key, key, KILO)
  expect(['a', 'b', 'c', 'd'].map((key) => recent.get(key))).toEqual([undefined, undefined, 'c', 'd'])
})

test('what is taken out gives its room back', () => {
  const recent = createRecent<string>(2.5 * KILO)
  for (const key of ['a', 'b']) recent.set(key, key, KILO)
  recent.delete('a')
  recent.delete('never held')
  recent.set('c', 'c', KILO)
  expect(['a', 'b', 'c'].map((key) => recent.get(key))).toEqual([undefined, 'b', 'c'])
})
