import { expect, test } from 'vitest'
import { lateAfterSeconds } from './beat.ts'

test.each([
  [undefined, 120],
  [0.25, 120],
  [12, 120],
  [24, 120],
  [60, 300],
  [600, 3_000],
  [86_400, 3_600],
])('a chain with a block every %s s is late after %i s', (blockSeconds, seconds) => {
  expect(lateAfterSeconds(blockSeconds)).toBe(seconds)
})
