import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { errorsPage } from '../../tools/docs/codes.ts'

// Apart from the other pages: it needs the tables of `src/domain` only, so their every word is held by a test that starts at once.
test('docs/ERRORS.md names nothing that a reader cannot open, and commands as they are typed', () => {
  expect(errorsPage().match(/spec\/|`weft [a-z-]+/g)).toBeNull()
})

test('docs/ERRORS.md is what the tables say', () => {
  expect(readFileSync(join(import.meta.dirname, '../../docs/ERRORS.md'), 'utf8')).toBe(errorsPage())
})
