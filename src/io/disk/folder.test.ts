import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { makeFolder } from './folder.ts'

const scratch = mkdtempSync(join(tmpdir(), 'weft-folder-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

test('a folder is made with those above it, each for its user alone; one that is there is left as it is', () => {
  mkdirSync(join(scratch, 'there'), { mode: 0o755 })
  makeFolder(join(scratch, 'there', 'a', 'b'))
  for (const name of ['there/a', 'there/a/b']) expect(statSync(join(scratch, name)).mode & 0o777).toBe(0o700)
  makeFolder(join(scratch, 'there'))
  expect(statSync(join(scratch, 'there')).mode & 0o777).toBe(0o755)
})

test('a file is no folder, and nothing is below it', () => {
  writeFileSync(join(scratch, 'file'), '')
  expect(() => makeFolder(join(scratch, 'file'))).toThrow('EEXIST')
  expect(() => makeFolder(join(scratch, 'file', 'below', 'it'))).toThrow(/ENOTDIR|EEXIST/)
})

test.runIf(existsSync('/proc/self'))('where no folder can be made it is refused at once', () => {
  expect(() => makeFolder('/proc/weft/below')).toThrow('ENOENT')
})
