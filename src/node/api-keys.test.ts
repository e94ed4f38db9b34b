import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readApiKeys } from './api-keys.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-keys-'))
afterAll(() => rmSync(folder, { recursive: true }))
const fileOf = (text: string): string => {
  const path = join(folder, 'keys')
  writeFileSync(path, text)
  return path
}

test('a line is a name and a key; others say nothing', () => {
  const keys = readApiKeys(fileOf('# of the team\n\ndesk 0123456789abcdef\r\nbot  fedcba9876543210\n'))
  expect(keys.map(({ name, key }) => [name, key.reveal()])).toEqual([
    ['desk', '0123456789abcdef'],
    ['bot', 'fedcba9876543210'],
  ])
  expect(readApiKeys('')).toEqual([])
})

test('what is wrong is told by line, and nothing of a key', () => {
  const problems = (text: string): unknown => {
    try {
      return readApiKeys(fileOf(text))
    } catch (failure) {
      return (failure as { facts: { problems: unknown } }).facts.problems
    }
  }
  expect(problems('desk short\ndesk 0123456789abcdef\ndesk 0123456789abcdef\n')).toEqual([
    '--api-keys (WEFT_API_KEYS): line 1 is not a name, a space and a key',
    '--api-keys (WEFT_API_KEYS): line 3 names desk again',
  ])
  expect(() => readApiKeys(join(folder, 'none'))).toThrow('SETTINGS_INVALID')
})
