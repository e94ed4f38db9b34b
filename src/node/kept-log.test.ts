import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { linesOf, logsIn } from './found-logs.ts'
import { keepLog } from './kept-log.ts'

let folder: string
let home: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-kept-log-'))
  home = join(folder, 'relay')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** The oldest first. */
const kept = (): string[] => logsIn(home).flatMap((log) => [...linesOf(log)].filter((line) => line !== '').reverse())

test('nothing is there before the first line; then what was kept before goes on', () => {
  const log = keepLog(home)
  expect(readdirSync(folder)).toEqual([])
  log.write('one\n')
  log.stop()
  log.stop()
  const other = keepLog(home)
  other.write('two\n')
  other.stop()
  expect(readFileSync(join(home, 'log.jsonl'), 'utf8')).toBe('one\ntwo\n')
  expect(statSync(join(home, 'log.jsonl')).mode & 0o777).toBe(0o600)
})

test('G7: never more than twice what a file may have, and that is the newest', () => {
  writeStore()
  const log = keepLog(home, 100)
  for (let count = 0; count < 1_000; count += 1) log.write(`line ${count}\n`)
  log.stop()
  expect(readdirSync(home).sort()).toEqual(['log.jsonl', 'log.old.jsonl', 'state.sqlite'])
  for (const name of ['log.jsonl', 'log.old.jsonl']) expect(statSync(join(home, name)).size).toBeLessThanOrEqual(110)
  const lines = kept()
  expect(lines).toEqual(Array.from({ length: lines.length }, (_, index) => `line ${1_000 - lines.length + index}`))
  expect(lines.length).toBeGreaterThan(10)
})

test('a line that a crash has cut takes no other with it', () => {
  writeStore()
  appendFileSync(join(home, 'log.jsonl'), 'one\nbroken o')
  const log = keepLog(home)
  log.write('two\n')
  log.write('three\n')
  log.stop()
  expect(kept()).toEqual(['one', 'broken o', 'two', 'three'])
})

test('a disk that takes nothing costs the line, and nobody else', () => {
  writeFileSync(home, 'a file where the folder belongs')
  const log = keepLog(home)
  log.write('one\n')
  rmSync(home)
  log.write('two\n')
  log.stop()
  expect(readFileSync(join(home, 'log.jsonl'), 'utf8')).toContain('two\n')
})

test('of a node whose parts have never come so far its own is found', () => {
  const log = keepLog(home)
  log.write('one\n')
  log.stop()
  expect(logsIn(home)).toEqual([{ name: undefined, paths: [join(home, 'log.jsonl')] }])
  expect(() => logsIn(join(folder, 'nowhere'))).toThrow('DATA_DIR_EMPTY')
})

/** A role has worked there. */
function writeStore(): void {
  mkdirSync(home)
  writeFileSync(join(home, 'state.sqlite'), '')
}
