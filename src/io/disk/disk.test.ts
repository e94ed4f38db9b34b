import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { onDisk, replaceFile } from './disk.ts'

/** What the disk was asked for, in order; a call named in `failing` fails. */
const disk = vi.hoisted(() => ({ asked: [] as string[], failing: '', names: new Map<number, string>() }))

vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  const noted =
    <Args extends unknown[], Result>(name: string, call: (...args: Args) => Result, what: (...args: Args) => string) =>
    (...args: Args): Result => {
      disk.asked.push(`${name} ${what(...args)}`)
      if (disk.failing === name) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      return call(...args)
    }
  const ofDescriptor = (descriptor: unknown): string => disk.names.get(descriptor as number) ?? String(descriptor)
  return {
    ...real,
    openSync(path: string, ...rest: [string, number]) {
      const descriptor = real.openSync(path, ...rest)
      disk.names.set(descriptor, path.slice(path.lastIndexOf('/') + 1))
      return descriptor
    },
    writeFileSync: noted('write', real.writeFileSync, ofDescriptor),
    fsyncSync: noted('sync', real.fsyncSync, ofDescriptor),
    renameSync: noted('rename', real.renameSync, (from) => String(from).slice(String(from).lastIndexOf('/') + 1)),
  }
})

const folder = fs.mkdtempSync(join(tmpdir(), 'weft-disk-'))
const path = join(folder, 'file')
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))
beforeEach(() => {
  for (const name of fs.readdirSync(folder)) fs.rmSync(join(folder, name))
  disk.failing = ''
  replaceFile(path, 'old', 0o600)
  disk.asked.length = 0
})
const modeOf = (): number => fs.statSync(path).mode & 0o777

describe('a file that is replaced', () => {
  test('has its bytes on disk before its name, and then its name', () => {
    replaceFile(path, 'new', 0o644)
    expect(fs.readFileSync(path, 'utf8')).toBe('new')
    expect(disk.asked).toEqual(['write file.new', 'sync file.new', 'rename file.new', `sync ${folder.slice(folder.lastIndexOf('/') + 1)}`])
    expect(fs.readdirSync(folder)).toEqual(['file'])
  })

  test.each(['write', 'sync', 'rename'])('is the old one, whole, when the disk fails to %s', (call) => {
    disk.failing = call
    expect(() => replaceFile(path, 'new and longer', 0o644)).toThrow('no space left')
    expect(fs.readFileSync(path, 'utf8')).toBe('old')
    disk.failing = ''
    replaceFile(path, 'new', 0o644)
    expect(fs.readFileSync(path, 'utf8')).toBe('new')
  })

  test.each([0o600, 0o644])('has the mode asked for, %o, also when a crash has left one of another', (mode) => {
    fs.writeFileSync(`${path}.new`, 'left by a crash, and longer than what comes', { mode: 0o666 })
    fs.chmodSync(`${path}.new`, 0o666)
    replaceFile(path, 'new', mode)
    expect(modeOf()).toBe(mode)
    expect(fs.readFileSync(path, 'utf8')).toBe('new')
  })
})

test.each([
  ['ENOSPC', 'STORE_FULL'],
  ['EDQUOT', 'STORE_FULL'],
  ['EACCES', 'STORE_FORBIDDEN'],
  ['EPERM', 'STORE_FORBIDDEN'],
  ['EROFS', 'STORE_FORBIDDEN'],
  ['ENOTDIR', 'STORE_PLACE_WRONG'],
  ['EISDIR', 'STORE_PLACE_WRONG'],
  ['ENOENT', 'STORE_PLACE_WRONG'],
])('%s is %s: each asks something else of a person', (word, code) => {
  const cause = Object.assign(new Error('refused'), { code: word })
  const failing = () =>
    onDisk(path, 'writing it', () => {
      throw cause
    })
  expect(failing).toThrow(expect.objectContaining({ code, facts: { path, doing: 'writing it' }, cause }))
})

test('a cause that has no code of its own is told in the word of the system', () => {
  const failing = () =>
    onDisk(path, 'writing it', () => {
      throw Object.assign(new Error('i/o error'), { code: 'EIO' })
    })
  expect(failing).toThrow(`STORE_FAILED (path: ${path}, doing: writing it (EIO))`)
})

test('what was told once is not told again in other words', () => {
  const failing = () =>
    onDisk(path, 'opening it', () =>
      onDisk(join(path, 'below'), 'reading it', () => {
        throw Object.assign(new Error('refused'), { code: 'EACCES' })
      }),
    )
  expect(failing).toThrow(expect.objectContaining({ code: 'STORE_FORBIDDEN', facts: { path: join(path, 'below'), doing: 'reading it' } }))
})

test('what the disk refuses is STORE_FAILED, with where, what was being done, and why', () => {
  const cause = new Error('no space left on device')
  const failing = () =>
    onDisk(path, 'writing it', () => {
      throw cause
    })
  expect(failing).toThrow(expect.objectContaining({ code: 'STORE_FAILED', facts: { path, doing: 'writing it' }, cause }))
  expect(onDisk(path, 'reading it', () => 7)).toBe(7)
})
