import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

test('docs/THREATS.md names tests that are there, for every threat one at least', () => {
  const rows = readFileSync(join(root, 'docs/THREATS.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| who '))
  expect(rows.length).toBeGreaterThan(15)
  for (const row of rows) {
    const named = [...(row.split('|').at(-2) ?? '').matchAll(/`([^`]+)`/g)].map(([, path = '']) => path)
    expect([row, named.length > 0, named.filter((path) => !existsSync(join(root, path)))]).toEqual([row, true, []])
  }
})
