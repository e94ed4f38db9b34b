import { expect, test } from 'vitest'
import { meant, nearest } from './nearest.ts'

const KNOWN = ['deploy', 'devnet', 'doctor', 'run']

test.each([
  ['devent', ['devnet']],
  ['DEPLOY', ['deploy']],
  ['deploi', ['deploy']],
  ['dctr', ['doctor']],
  ['rn', ['run']],
  ['rum', ['run']],
  ['ra', []],
  ['something', []],
])('%j is meant to be %j', (word, names) => {
  expect(nearest(word, KNOWN)).toEqual(names)
})

test('the nearest comes first, and no more than three', () => {
  expect(nearest('abcd', ['abxy', 'abcx', 'abcd', 'xbcd'])).toEqual(['abcd', 'abcx', 'xbcd'])
})

test('what was meant ends the sentence', () => {
  expect(meant([])).toBe('.')
  expect(meant(['a', 'b'])).toBe('; did you mean a or b?')
})
