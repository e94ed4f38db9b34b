import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { bytesOf, contentOf, secretFrom } from './given-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-given-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const KEY = '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'

function failureOf(work: () => unknown): unknown {
  try {
    return work()
  } catch (failure) {
    return failure
  }
}

test('a file that cannot be read is told by its flag and its name', () => {
  const path = join(folder, 'nowhere')
  expect(failureOf(() => contentOf(path, '--config'))).toMatchObject({
    code: 'SETTINGS_INVALID',
    facts: { problems: [`--config: there is no file ${path}`] },
  })
})

test.each([
  ['hunter2', 'hunter2'],
  ['hunter2\n', 'hunter2'],
  ['hunter2\r\n', 'hunter2'],
  ['hunter2\n\n', 'hunter2\n'],
  [' hunter2 ', ' hunter2 '],
  ['\uFEFFhunter2\r\n', 'hunter2'],
  ['', ''],
])('of a file that holds %j the secret is %j: a byte order mark and one line end are taken off and nothing else', (content, secret) => {
  const path = join(folder, 'secret')
  writeFileSync(path, content)
  const read = secretFrom(`file:${path}`, '--password-file', {})
  expect(read.reveal()).toBe(secret)
  expect(String(read)).toBe('[secret]')
})

test.each([
  ['a pipe into which nobody writes', (path: string) => execFileSync('mkfifo', [path])],
  ['a device without an end', (path: string) => symlinkSync('/dev/zero', path)],
  ['a folder', (path: string) => symlinkSync(folder, path)],
  [
    'a file without a sensible length',
    (path: string) => {
      writeFileSync(path, '')
      truncateSync(path, 17 * 1024 * 1024)
    },
  ],
])('%s is not read, at once', (what, make) => {
  const path = join(folder, what.replaceAll(' ', '-'))
  make(path)
  expect(failureOf(() => contentOf(path, '--network'))).toMatchObject({
    code: 'SETTINGS_INVALID',
    facts: { problems: [`--network: ${path} ${what === 'a folder' ? 'is a folder, not a file' : 'cannot be read'}`] },
  })
  expect(failureOf(() => secretFrom(`file:${path}`, '--signer-key', {}))).toMatchObject({ code: 'SETTINGS_INVALID' })
  expect(bytesOf(path)).toBeUndefined()
})

test('a link is followed to its file', () => {
  const [path, link] = [join(folder, 'there'), join(folder, 'link')]
  writeFileSync(path, 'hello')
  symlinkSync(path, link)
  expect(contentOf(link, '--config')).toBe('hello')
})

test('a file that begins with a byte order mark is read without it', () => {
  const path = join(folder, 'marked')
  writeFileSync(path, '\uFEFF{}')
  expect(contentOf(path, '--config')).toBe('{}')
})

test('text that names no file is the secret itself, as it is', () => {
  expect(secretFrom('hunter2\n', 'WEFT_KEYSTORE_PASSWORD', {}).reveal()).toBe('hunter2\n')
})

test('a key that was given as the name of its file is not told, nor is any part of it', () => {
  const failure = failureOf(() => secretFrom(`file:${KEY}`, 'WEFT_DEPLOYER_KEY', {}))
  expect(failure).toMatchObject({ code: 'SETTINGS_INVALID' })
  const told = inspect(failure, { depth: 10 })
  expect(told).toContain('WEFT_DEPLOYER_KEY')
  expect(told).not.toContain(KEY.slice(0, 8))
})
