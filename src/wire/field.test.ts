import { expect, test } from 'vitest'
import { fieldOf, parsePath } from './field.ts'

const TEXT =
  '{"pairs":[{"name":"A-B","liquidity":1.5}],"raw":123456789012345678901234567890,"count":7,"ok":true,"at":{"block9":1.0,"block10":2.5},"none":null}'

test.each([
  ['pairs.0.liquidity', 1.5],
  ['pairs.0.name', 'A-B'],
  ['pairs.*.name', 'A-B'],
  ['raw', '123456789012345678901234567890'],
  ['count', 7],
  ['ok', 'true'],
  ['at.*', 2.5],
  ['none', null],
  ['pairs', null],
  ['pairs.1.name', null],
  ['length', null],
  ['constructor', null],
])('%s is %s, also beside what JSON does not have', (path, value) => {
  expect(fieldOf(TEXT, parsePath(path) ?? [])).toBe(value)
  expect(fieldOf(`{"nan":NaN,${TEXT.slice(1)}`, parsePath(path) ?? [])).toBe(value)
})

test('what is no number is null, and what is no snapshot has no fields', () => {
  expect(['{"a":NaN}', '{"a":-Infinity}', '{"a":', ''].map((text) => fieldOf(text, ['a']))).toEqual([null, null, null, null])
})

test.each(['', '.', 'a.', 'a..b', Array(21).fill('a').join('.')])('%j is no path', (path) => {
  expect(parsePath(path)).toBeUndefined()
})
