import { expect, test } from 'vitest'
import { anchorGas, splitIntoBatches } from './batch.ts'
import type { Cid, ProjectId } from './ids.ts'

const sizes = (...bytes: number[]) => bytes.map((size) => ({ bytes: size, gas: 0 }))

test.each([
  [[], { projectsMax: 2, bytesMax: 10 }, []],
  [[1, 1, 1], { projectsMax: 2, bytesMax: 10 }, [[1, 1], [1]]],
  [[4, 6, 1], { projectsMax: 9, bytesMax: 10 }, [[4, 6], [1]]],
  [[3, 50, 3, 3], { projectsMax: 9, bytesMax: 10 }, [[3], [50], [3, 3]]],
])('%j within %j becomes %j', (bytes, limits, expected) => {
  expect(splitIntoBatches(sizes(...bytes), { gasMax: 0, ...limits }).map((batch) => batch.map((project) => project.bytes))).toEqual(
    expected,
  )
})

test('G7: no batch takes more gas than a block has, unless one project alone does', () => {
  const projects = [4, 6, 1, 11, 10].map((gas) => ({ bytes: 0, gas }))
  const batches = splitIntoBatches(projects, { projectsMax: 9, bytesMax: 0, gasMax: 10 })
  expect(batches.map((batch) => batch.map(({ gas }) => gas))).toEqual([[4, 6], [1], [11], [10]])
})

test('the gas of a project is what the contract was measured with, and some', () => {
  // contracts/snapshots/GasTest.json: submitSubmissionBatch, 100 projects and 50 projects, new.
  const measured = (6_706_235 - 3_488_073) / 50
  const gas = anchorGas('x'.repeat(78) as ProjectId, 'c'.repeat(59) as Cid)
  expect(gas).toBeGreaterThan(measured)
  expect(gas).toBeLessThan(measured * 1.1)
})
