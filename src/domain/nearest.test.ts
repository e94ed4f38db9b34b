import fc from 'fast-check'
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

test('G11: words of any length are compared in no more than so many steps a letter', () => {
  const long = 'a'.repeat(100_000)
  expect(nearest(`b${long}`, [long, `${long}bbb`])).toEqual([long])
})

test('what was meant ends the sentence', () => {
  expect(meant([])).toBe('.')
  expect(meant(['a', 'b'])).toBe('; did you mean a or b?')
})

/** Slips between two short words, by their definition. */
function slips(left: string, right: string): number {
  if (left === '' || right === '') return left.length + right.length
  const isSame = left.at(-1) === right.at(-1)
  const isSwapped = left.length > 1 && right.length > 1 && left.at(-1) === right.at(-2) && left.at(-2) === right.at(-1)
  return Math.min(
    slips(left.slice(0, -1), right) + 1,
    slips(left, right.slice(0, -1)) + 1,
    slips(left.slice(0, -1), right.slice(0, -1)) + (isSame ? 0 : 1),
    isSwapped ? slips(left.slice(0, -2), right.slice(0, -2)) + 1 : Number.POSITIVE_INFINITY,
  )
}

test('those a slip or two away are meant, nearest first, as the definition of a slip says', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(word, fc.uniqueArray(word, { maxLength: 4 }), (asked, known) => {
      const near = known.map((name) => ({ name, away: slips(asked, name) })).filter(({ away }) => away <= (asked.length <= 3 ? 1 : 2))
      const sorted = near.sort((left, right) => left.away - right.away).map(({ name }) => name)
      expect(nearest(asked, known)).toEqual(sorted.slice(0, 3))
    }),
    { numRuns: 500 },
  )
})
