import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cliPage, errorsPage } from '../../tools/docs/generate.ts'

const docs = join(import.meta.dirname, '../../docs')

test.each([
  ['ERRORS.md', errorsPage],
  ['CLI.md', cliPage],
])('docs/%s is what the tables say', (name, page) => {
  expect(readFileSync(join(docs, name), 'utf8')).toBe(page())
})
