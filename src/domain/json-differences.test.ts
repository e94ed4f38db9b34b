import { expect, test } from 'vitest'
import type { JsonValue } from './compute.ts'
import { jsonDifferences } from './json-differences.ts'

test.each<[string, JsonValue, JsonValue, string[]]>([
  ['nothing where both are alike', { a: [1n, { b: 2.5 }] }, { a: [1n, { b: 2.5 }] }, []],
  ['the kind of a number', { a: 5n }, { a: 5 }, ['a: 5, not 5.0']],
  ['a zero below zero', 0, -0, ['the snapshot: 0.0, not -0.0']],
  ['each field, by its place', { a: { b: 'x' }, c: [true, 1n] }, { a: { b: 'y' }, c: [true, 2n] }, ['a.b: "x", not "y"', 'c[1]: 1, not 2']],
  ['what only one has', { a: 1n, b: null }, { a: 1n, c: [] }, ['b: null, not nothing', 'c: nothing, not []']],
  ['a list in the place of an object', { a: [1n] }, { a: { 0: 1n } }, ['a: ["1"], not {"0":"1"}']],
])('%s', (_title, left, right, expected) => {
  expect(jsonDifferences(left, right, 20)).toEqual(expected)
})

test('no more than asked for, and no value at any length', () => {
  const many = (by: number) => Array.from({ length: 50 }, (_, index) => BigInt(index + by))
  expect(jsonDifferences(many(0), many(1), 3)).toHaveLength(3)
  expect(jsonDifferences('x'.repeat(500), 'y', 1)[0]?.length).toBeLessThan(100)
})
