import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { linesFromEnd } from './lines-from-end.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-lines-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'a.log')
const read = (text: string): string[] => {
  writeFileSync(path, text)
  return [...linesFromEnd(path)]
}

test.each<[string, string[]]>([
  ['', ['']],
  ['a', ['a']],
  ['a\n', ['', 'a']],
  ['a\nb\n\nc', ['c', '', 'b', 'a']],
  ['\n', ['', '']],
])('%j has these lines, the last first', (text, lines) => {
  expect(read(text)).toEqual(lines)
})

test('pieces end within lines, and within the bytes of a letter', () => {
  const lines = Array.from({ length: 5_000 }, (_, index) => `${index} ${'é'.repeat(index % 97)}`)
  expect(read(lines.join('\n'))).toEqual(lines.toReversed())
})

test('a line that is longer than any of a log is left out, those around it are not', () => {
  expect(read(`first\n${'x'.repeat(3_000_000)}\nlast`)).toEqual(['last', 'first'])
})

test('of a file larger than any memory the last lines are there at once', () => {
  writeFileSync(path, '')
  truncateSync(path, 2 ** 36)
  appendFileSync(path, '\none\ntwo')
  const found: string[] = []
  for (const line of linesFromEnd(path)) if (found.push(line) === 2) break
  expect(found).toEqual(['two', 'one'])
})
