import { expect, test } from 'vitest'
import { meant, nearest } from './meant.ts'

const KNOWN = ['volume', 'reserves:0xac:TEST', 'reserves:0xab:TEST']

test.each([
  ['reserves:0xAB:TEST', ['reserves:0xab:TEST', 'reserves:0xac:TEST']],
  ['reserve:0xab:TEST', ['reserves:0xab:TEST', 'reserves:0xac:TEST']],
  ['reserves:0xac:TSET', ['reserves:0xac:TEST', 'reserves:0xab:TEST']],
  ['voulme', ['volume']],
  ['vol', []],
  ['', []],
])('%j may have been meant to be %j', (word, words) => {
  expect(nearest(word, KNOWN)).toEqual(words)
})

test('three words are enough', () => {
  expect(nearest('name0', ['name1', 'name2', 'name3', 'name4'])).toEqual(['name1', 'name2', 'name3'])
  expect([meant(['a', 'b']), meant([])]).toEqual(['; did you mean a or b?', '.'])
})
