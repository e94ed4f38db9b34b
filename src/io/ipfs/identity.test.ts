import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { identityAt } from './identity.ts'

/** What is done to files, in order; a crash is a step that throws. */
const disk = vi.hoisted(() => ({ steps: [] as string[], crashAt: '' }))
vi.mock('node:fs', async (load) => {
  const real = await load<typeof import('node:fs')>()
  const step = (name: string) => {
    disk.steps.push(name)
    if (name === disk.crashAt) throw new Error('killed')
  }
  return {
    ...real,
    fsyncSync(descriptor: number) {
      step(real.fstatSync(descriptor).isDirectory() ? 'sync folder' : 'sync')
      real.fsyncSync(descriptor)
    },
    writeFileSync(descriptor: number, bytes: Uint8Array) {
      real.writeSync(descriptor, bytes.subarray(0, 10))
      step('write')
      real.writeSync(descriptor, bytes.subarray(10))
    },
    renameSync(from: string, to: string) {
      step('rename')
      real.renameSync(from, to)
    },
  }
})

let root: string
const path = () => join(root, 'below', 'peer-key')
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-identity-'))
  Object.assign(disk, { steps: [], crashAt: '' })
})
afterEach(() => rm(root, { recursive: true }))
const idOf = (key: Awaited<ReturnType<typeof identityAt>>) => key.publicKey.toString()
const modeOf = async (file: string) => (await stat(file)).mode & 0o777

describe('the identity of a node', () => {
  test('is made once, for its owner to read alone, and is on disk under its name before it is told', async () => {
    const first = await identityAt(path())
    expect(disk.steps).toEqual(['write', 'sync', 'rename', 'sync folder'])
    expect([await modeOf(path()), await readdir(join(root, 'below'))]).toEqual([0o600, ['peer-key']])
    expect(idOf(await identityAt(path()))).toBe(idOf(first))
    expect(idOf(await identityAt(join(root, 'other')))).not.toBe(idOf(first))
  })

  test.each(['write', 'sync', 'rename'])(
    'G12: a crash at `%s` leaves nothing that keeps the next start from making one',
    async (crashAt) => {
      disk.crashAt = crashAt
      await expect(identityAt(path())).rejects.toMatchObject({
        code: 'STORE_FAILED',
        facts: { path: path(), doing: 'writing the identity' },
      })
      disk.crashAt = ''
      const key = await identityAt(path())
      expect(idOf(await identityAt(path()))).toBe(idOf(key))
    },
  )

  test('is for its owner alone also where a crash has left a file that everybody may read', async () => {
    await mkdir(join(root, 'below'))
    await writeFile(`${path()}.new`, 'left behind, and longer than any key '.repeat(9))
    await chmod(`${path()}.new`, 0o644)
    const key = await identityAt(path())
    expect(await modeOf(path())).toBe(0o600)
    expect(idOf(await identityAt(path()))).toBe(idOf(key))
  })

  test.each([0, 1, 10, 67])('that is cut to %i bytes is IDENTITY_INVALID, names the file, and is not replaced', async (length) => {
    await identityAt(path())
    const cut = (await readFile(path())).subarray(0, length)
    await writeFile(path(), cut)
    const failure = await identityAt(path()).catch((each: Error) => each)
    expect(failure).toMatchObject({ code: 'IDENTITY_INVALID', kind: 'operator', facts: { path: path() } })
    expect((failure as Error).message).toContain(path())
    expect(await readFile(path())).toEqual(cut)
  })

  test('that cannot be read is STORE_PLACE_WRONG, and is not replaced', async () => {
    await mkdir(path(), { recursive: true })
    await expect(identityAt(path())).rejects.toMatchObject({
      code: 'STORE_PLACE_WRONG',
      facts: { path: path(), doing: 'reading the identity' },
    })
    expect(await readdir(path())).toEqual([])
  })
})
