import fs from 'node:fs'
import { mkdtemp, open, readdir, readFile, readlink, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { startNode } from './helia-node.ts'
import { type HeliaNode, startHeliaNode } from './helia.ts'
import { type Wait, wait } from './unixfs.ts'

/** What the node on disk keeps when the power goes, and what it says of files that the power cut has torn. */

const LIMITS = { bytesMax: 4 * 1024 * 1024, timeoutMs: 20_000 }
const BYTES = Uint8Array.from({ length: 600_000 }, (_, index) => (index * 31 + (index >> 8) * 7 + (index >> 16)) & 255)

let root: string
let disk: Disk
const started: HeliaNode[] = []
async function start(name: string, options: { readonly listen?: readonly string[]; readonly peers?: readonly string[] } = {}) {
  const node = await startHeliaNode({ directory: join(root, name), ...options })
  started.push(node)
  return node
}
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-ipfs-'))
  disk = await watchDisk()
})
afterEach(async () => {
  disk.stop()
  await Promise.all(started.splice(0).map((node) => node.stop()))
  await rm(root, { recursive: true })
})

interface Disk {
  /** Names of the files that were synced, in order. */
  readonly synced: readonly string[]
  /** From now on syncing fails, as on a disk that is full. */
  fail(): void
  /** Cuts the power: files below `directory` that nobody has synced since they were written are empty afterwards. */
  cut(directory: string): Promise<void>
  stop(): void
}

/** The system tells which files were synced: their handles are asked for it, or it is asked for their descriptors, by whomever. */
async function watchDisk(): Promise<Disk> {
  const probe = await open(tmpdir())
  const handles = Object.getPrototypeOf(probe) as { sync(): Promise<void>; fd: number }
  await probe.close()
  const { sync } = handles
  const { fsyncSync } = fs
  const synced: string[] = []
  const inodes = new Set<number>()
  let isFailing = false
  handles.sync = async function (this: { readonly fd: number; stat(): Promise<{ readonly ino: number }> }) {
    if (isFailing) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    await sync.call(this)
    synced.push((await readlink(`/proc/self/fd/${this.fd}`)).split('/').at(-1) ?? '')
    inodes.add((await this.stat()).ino)
  } as typeof sync
  fs.fsyncSync = (descriptor) => {
    if (isFailing) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    fsyncSync(descriptor)
    synced.push(fs.readlinkSync(`/proc/self/fd/${descriptor}`).split('/').at(-1) ?? '')
    inodes.add(fs.fstatSync(descriptor).ino)
  }
  syncBuiltinESMExports()
  return {
    synced,
    fail() {
      isFailing = true
    },
    async cut(directory) {
      for (const name of await readdir(directory, { recursive: true })) {
        const path = join(directory, name)
        const { ino, ...kind } = await stat(path).then((found) => ({ ino: found.ino, isFile: found.isFile() }))
        if (kind.isFile && !inodes.has(ino)) await truncate(path, 0)
      }
    },
    stop() {
      handles.sync = sync
      fs.fsyncSync = fsyncSync
      syncBuiltinESMExports()
    },
  }
}

const fileOf = (name: string, cid: string) => join(root, name, 'blocks', cid.slice(-2), cid)
/** The stored blocks; a node that never stored any may have no folder for them. */
const files = async (name: string) => (await readdir(join(root, name), { recursive: true })).filter((path) => /^blocks\/.*\//.test(path))
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (failure: WeftError) => failure.code ?? String(failure),
  )

describe('G3: a power cut', () => {
  test('G3: right after `add` leaves every block of the content', async () => {
    const node = await start('a')
    const cid = await node.add(BYTES)
    await disk.cut(join(root, 'a'))
    expect(await node.has(cid)).toBe(true)
    expect((await node.get(cid, LIMITS)).length).toBe(BYTES.length)
    // Two whole chunks, the rest, and the node above them.
    expect(await files('a')).toHaveLength(4)
  })

  test('G3, V4: right after `pin` leaves what was fetched from others', async () => {
    const server = await start('server')
    const cid = await server.add(BYTES)
    const node = await start('a', { peers: server.addresses() })
    expect((await node.get(cid, LIMITS)).length).toBe(BYTES.length)
    await node.pin(cid)
    await disk.cut(join(root, 'a'))
    expect(await node.has(cid)).toBe(true)
  })

  test('G3: right after `add` leaves what was here already, and on no disk yet', async () => {
    const server = await start('server')
    const cid = await server.add(BYTES)
    const node = await start('a', { peers: server.addresses() })
    await node.get(cid, LIMITS)
    await node.add(BYTES)
    await disk.cut(join(root, 'a'))
    expect(await node.has(cid)).toBe(true)
  })

  test('leaves the node its name', async () => {
    const before = await start('a')
    await disk.cut(join(root, 'a'))
    await before.stop()
    expect((await start('a')).peerId).toBe(before.peerId)
    expect((await stat(join(root, 'a', 'peer-key'))).mode & 0o777).toBe(0o600)
  })
})

describe('G3: a disk that takes no more', () => {
  test('G3: nothing is called stored, and nothing pinned, that is not on it', async () => {
    const server = await start('server')
    const cid = await server.add(BYTES)
    const node = await start('a', { peers: server.addresses() })
    disk.fail()
    expect(await codeOf(node.add(new Uint8Array(10)))).toBe('STORE_FULL')
    expect(await codeOf(node.pin(cid))).toBe('STORE_FULL')
  })

  test('a folder that is a file is STORE_PLACE_WRONG, for writing and for the identity', async () => {
    const node = await start('a')
    const cid = await node.add(new Uint8Array(10))
    await rm(join(root, 'a', 'blocks', cid.slice(-2)), { recursive: true })
    await writeFile(join(root, 'a', 'blocks', cid.slice(-2)), '')
    expect(await codeOf(node.add(new Uint8Array(10)))).toBe('STORE_PLACE_WRONG')
    await writeFile(join(root, 'b'), '')
    expect(await codeOf(start('b'))).toBe('STORE_PLACE_WRONG')
  })
})

describe('G3: a torn file', () => {
  test.each([0, 5])('G3: of %i bytes is answered to nobody, and mended by adding the content again', async (length) => {
    const node = await start('a')
    const reader = await start('reader', { peers: node.addresses() })
    const bytes = new TextEncoder().encode('as it was')
    const cid = await node.add(bytes)
    await truncate(fileOf('a', cid), length)
    expect([await node.has(cid), await codeOf(node.get(cid, { ...LIMITS, timeoutMs: 300 }))]).toEqual([false, 'IPFS_CONTENT_WRONG'])
    expect(await codeOf(reader.get(cid, { ...LIMITS, timeoutMs: 300 }))).toBe('IPFS_NOT_FOUND')
    // What the peer sent instead was hashed, and is not kept.
    expect([await reader.block(cid), await files('reader')]).toEqual([undefined, []])
    await node.add(bytes)
    expect(new Uint8Array(await readFile(fileOf('a', cid)))).toEqual(bytes)
    expect(await node.has(cid)).toBe(true)
  })
})

test('G7: content that nobody has is waited for only so long when it is to be pinned', async () => {
  const PIN_TIMEOUT_MS = 60_000
  // The minute for which pinning waits passes at once.
  const hasty: Wait = (durationMs, signal) => wait(durationMs === PIN_TIMEOUT_MS ? 300 : durationMs, signal)
  const node = await startNode({ directory: join(root, 'a') }, { wait: hasty })
  started.push(node)
  const absent = await (await start('elsewhere')).add(new Uint8Array(10))
  await expect(node.pin(absent)).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND', facts: { cid: absent, waitedMs: PIN_TIMEOUT_MS } })
})

describe('what a gateway is given', () => {
  test('is the stored block, nothing for what is not here, and a code for what is no CID', async () => {
    const server = await start('server')
    const elsewhere = await server.add(new Uint8Array(11))
    const node = await start('a', { peers: server.addresses() })
    const cid = await node.add(new Uint8Array(10))
    expect(new Uint8Array((await node.block(cid)) ?? [])).toEqual(new Uint8Array(10))
    expect(await node.block(elsewhere)).toBeUndefined()
    for (const text of ['nonsense', '../peer-key', '']) expect(await codeOf(node.block(text))).toBe('ID_MALFORMED')
  })
})

describe('the end', () => {
  test('ends what waits, lets the port go, and is dialled by nobody and dials nobody', async () => {
    const server = await start('server')
    const reader = await start('reader', { peers: server.addresses() })
    const absent = (await server.add(new Uint8Array(10))) as Cid
    await rm(fileOf('server', absent))
    const waiting = codeOf(reader.get(absent, LIMITS))
    await reader.stop()
    expect(await waiting).toBe('STOPPED')
    expect(await codeOf(reader.get(absent, LIMITS))).toBe('STOPPED')
    const port = Number(/tcp\/(\d+)/.exec(server.addresses()[0] ?? '')?.[1])
    await server.stop()
    await expect(
      new Promise((resolve, reject) => {
        connect(port, '127.0.0.1', () => resolve('open')).on('error', reject)
      }),
    ).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
