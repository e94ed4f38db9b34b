import { expect, test } from 'vitest'
import { rangesOf } from './ranges.ts'

test.each([
  [[], []],
  [[7], ['7']],
  [
    [3, 1, 2, 7, 9, 8, 3],
    ['1-3', '7-9'],
  ],
])('%j is written as %j', (ids, ranges) => {
  expect(rangesOf(ids)).toEqual(ranges)
})
