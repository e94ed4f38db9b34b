import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type * as promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { carFolder } from './car-folder.ts'
import { parseCid } from './unixfs.ts'

/** What the disk was asked for, in order; while `gate` is there a write waits for it. */
const disk = vi.hoisted(() => ({ asked: [] as string[], failing: '', gate: undefined as Promise<void> | undefined }))

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof promises>()
  const noted = async <Value>(name: string, path: string, call: () => Promise<Value>): Promise<Value> => {
    disk.asked.push(`${name} ${path.slice(path.lastIndexOf('/') + 1).replace(/^.*\.car/, 'file.car')}`)
    if (disk.failing === name) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    await disk.gate
    return call()
  }
  return {
    ...real,
    async open(path: string, ...rest: [string, number]) {
      const handle = await real.open(path, ...rest)
      return {
        writeFile: (bytes: Uint8Array) => noted('write', path, () => handle.writeFile(bytes)),
        sync: () => noted('sync', path, () => handle.sync()),
        [Symbol.asyncDispose]: () => handle.close(),
      }
    },
    rename: (from: string, to: string) => noted('rename', from, () => real.rename(from, to)),
  }
})

const directory = mkdtempSync(join(tmpdir(), 'weft-car-disk-'))
afterAll(() => rmSync(directory, { recursive: true }))
const bytes = new TextEncoder().encode('{}')
const cid = parseCid('bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri')
const content = { root: cid, blocks: [{ cid, bytes }] }
const { signal } = new AbortController()
const folder = join(directory, 'ri')

test('G3: a file is on disk before it gets its name, its name before it counts, and the folder of it likewise', async () => {
  await carFolder(directory).put(content, signal)
  expect(disk.asked).toEqual([`sync ${basename(directory)}`, 'write file.car.new', 'sync file.car.new', 'rename file.car.new', 'sync ri'])
})

test.each(['write', 'sync', 'rename'])('G3: what a %s interrupts leaves the file as it was', async (call) => {
  const before = readFileSync(join(folder, `${cid}.car`))
  disk.failing = call
  await expect(carFolder(directory).put({ root: cid, blocks: [] }, signal)).rejects.toMatchObject({ code: 'STORE_FULL' })
  disk.failing = ''
  expect(readFileSync(join(folder, `${cid}.car`))).toEqual(before)
  await carFolder(directory).put(content, signal)
  expect(readdirSync(folder)).toEqual([`${cid}.car`])
})

test('G11: a disk that hangs holds one thread: who comes after waits outside, and leaves when it has given up', async () => {
  disk.asked.length = 0
  const gate = Promise.withResolvers<void>()
  disk.gate = gate.promise
  const place = carFolder(directory)
  const first = place.put(content, signal)
  const leaving = new AbortController()
  const others = [1, 2, 3].map(() => place.put(content, leaving.signal))
  leaving.abort(new WeftError('STOPPED', { what: 'waiting' }))
  for (const other of others) await expect(other).rejects.toMatchObject({ code: 'STOPPED' })
  await vi.waitFor(() => expect(disk.asked).toEqual(['write file.car.new']))
  disk.gate = undefined
  gate.resolve()
  await first
  await place.put(content, signal)
})
