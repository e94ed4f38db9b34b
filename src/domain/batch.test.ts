import { expect, test } from 'vitest'
import { splitIntoBatches } from './batch.ts'

const sizes = (...bytes: number[]) => bytes.map((size) => ({ bytes: size }))

test.each([
  [[], { projectsMax: 2, bytesMax: 10 }, []],
  [[1, 1, 1], { projectsMax: 2, bytesMax: 10 }, [[1, 1], [1]]],
  [[4, 6, 1], { projectsMax: 9, bytesMax: 10 }, [[4, 6], [1]]],
  [[3, 50, 3, 3], { projectsMax: 9, bytesMax: 10 }, [[3], [50], [3, 3]]],
])('%j within %j becomes %j', (bytes, limits, expected) => {
  expect(splitIntoBatches(sizes(...bytes), limits).map((batch) => batch.map((project) => project.bytes))).toEqual(expected)
})
