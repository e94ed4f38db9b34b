import { expect, test } from 'vitest'
import { isRecord, parseJson, unlessThrown } from './untrusted.ts'

test.each([
  [{}, true],
  [Object.create(null), true],
  [[], false],
  [null, false],
  [undefined, false],
  ['{}', false],
  [7, false],
  [() => ({}), false],
])('%o is a record: %s', (value, expected) => {
  expect(isRecord(value)).toBe(expected)
})

test('text that is not JSON is undefined, null stays null', () => {
  expect([parseJson('{"a":[1]}'), parseJson('null'), parseJson('{"a"'), parseJson('')]).toEqual([{ a: [1] }, null, undefined, undefined])
})

test('what throws gives undefined, what does not gives its value', () => {
  const fails = () => {
    throw new Error('malformed')
  }
  expect([unlessThrown(fails), unlessThrown(() => 0)]).toEqual([undefined, 0])
})
