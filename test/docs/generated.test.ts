import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cliPage } from '../../tools/docs/generate.ts'
import { invariants, invariantsPage, numberedTests } from '../../tools/docs/invariants.ts'

const docs = join(import.meta.dirname, '../../docs')

test.each([
  ['CLI.md', cliPage],
  ['INVARIANTS.md', invariantsPage],
])('docs/%s is what the tables say', (name, page) => {
  expect(readFileSync(join(docs, name), 'utf8')).toBe(page())
})

test('every invariant of a role names the guarantees that it serves', () => {
  expect(invariants().filter(({ guarantees }) => guarantees.length === 0)).toEqual([])
})

test('every invariant of a role has a test that names it, and every number that a test names is one', () => {
  const known = invariants().map(({ id }) => id)
  const named = new Set(numberedTests().flatMap(({ ids }) => ids))
  expect(known.filter((id) => !named.has(id))).toEqual([])
  expect([...named].filter((id) => !/^G/.test(id) && !known.includes(id))).toEqual([])
  expect(new Set(known).size).toBe(known.length)
})
