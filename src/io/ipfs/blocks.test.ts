import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cid, EpochId } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { serveGateway } from '#node/gateway.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { readBlockFolder } from './block-folder.ts'
import { type Blocks, openBlocks, type PutOptions } from './blocks.ts'
import { openKept } from './kept.ts'
import { packed } from './packing.ts'

/** Files on a real disk, torn in every way in which disks tear them. */

const BYTES = new TextEncoder().encode('as it was')
let root: string
let cid: CID
let blocks: Blocks
let damaged: string[]
const fileOf = (id: CID) => join(root, id.toString().slice(-2), id.toString())
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-blocks-'))
  cid = CID.parse(await snapshotCidOf(BYTES))
  damaged = []
  blocks = openBlocks(root, { kept: openKept(createFakeStore()), onDamaged: (id) => damaged.push(id) })
  await blocks.write(cid, BYTES, 1 as EpochId)
})
afterEach(() => rm(root, { recursive: true }))

/** Of large ones a test that fails would else spend minutes on telling how they differ. */
const isSame = (left: Uint8Array | undefined, right: Uint8Array): boolean => left !== undefined && Buffer.compare(left, right) === 0
/** A batch in JSON, as far as packing is concerned. */
const TEXT = new TextEncoder().encode(
  Array.from({ length: 2_000 }, (_, index) => `{"slotId":"${index}","projectId":"pair:0xab:N"}`).join(','),
)
/** The same bytes every time, and nothing that could be left out. */
const DENSE = new Uint8Array(10_000)
for (let [index, state] = [0, 1]; index < DENSE.length; index += 1) {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
  DENSE[index] = state >>> 24
}

describe('G3: a block that a peer brought', () => {
  let brought: CID
  beforeEach(async () => {
    brought = CID.parse(await snapshotCidOf(DENSE))
    await blocks.store.put(brought, DENSE)
  })

  test('G3: is believed once without being read; one that was here before never is', () => {
    expect([blocks.takeBrought(brought), blocks.takeBrought(brought)]).toEqual([true, false])
    expect(blocks.takeBrought(cid)).toBe(false)
  })

  test('G3: and that was let go, or is of somebody else, is not', async () => {
    await blocks.letGo(2 as EpochId, 10)
    expect(blocks.takeBrought(brought)).toBe(false)
    const passing: PutOptions = { isPassing: true }
    await blocks.store.put(brought, DENSE, passing)
    expect(blocks.takeBrought(brought)).toBe(false)
  })
})

describe('a block that is mostly the same over and over', () => {
  let text: CID
  beforeEach(async () => {
    text = CID.parse(await snapshotCidOf(TEXT))
    await blocks.write(text, TEXT, 1 as EpochId)
  })

  test('takes a small part of its bytes on the disk, and is read as it was by the node, its peers and whoever reads its folder', async () => {
    expect((await stat(fileOf(text))).size).toBeLessThan(TEXT.length / 4)
    expect(isSame(await blocks.read(text), TEXT)).toBe(true)
    const served = await blocks.store.get(text)[Symbol.asyncIterator]().next()
    expect(isSame(served.value as Uint8Array, TEXT)).toBe(true)
    expect(isSame(await readBlockFolder(root).block(text.toString() as Cid), TEXT)).toBe(true)
  })

  test('is read as well where an earlier version has left it as it is', async () => {
    await writeFile(fileOf(text), TEXT)
    expect(isSame(await blocks.read(text), TEXT)).toBe(true)
  })

  test.each([
    ['half written', (file: Uint8Array) => file.subarray(0, file.length >> 1)],
    ['with a bit flipped', (file: Uint8Array) => file.map((byte, index) => (index === file.length >> 1 ? byte ^ 1 : byte))],
    ['in the file of another', () => packed(TEXT.map((byte, index) => (index === 4 ? byte ^ 1 : byte)))],
  ])('G3: is told, and replaced, when its file is torn: %s', async (_, tear) => {
    await writeFile(fileOf(text), tear(await readFile(fileOf(text))))
    await expect(blocks.read(text)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
    expect(damaged).toEqual([text.toString()])
    expect(await readBlockFolder(root).block(text.toString() as Cid)).toBeUndefined()
    await blocks.write(text, TEXT, undefined)
    expect(await blocks.store.has(text)).toBe(true)
  })
})

test.each([
  ['is small', BYTES],
  ['has nothing to save', DENSE],
  ['looks packed itself', Uint8Array.of(...packed(TEXT), ...DENSE)],
])('a block that %s lies there as it is, and is read', async (_, block) => {
  const id = CID.parse(await snapshotCidOf(block))
  await blocks.write(id, block, undefined)
  expect(isSame(await readFile(fileOf(id)), block)).toBe(true)
  expect(isSame(await blocks.read(id), block)).toBe(true)
})

test('a block that is packed itself is read as it was', async () => {
  const block = packed(TEXT)
  const id = CID.parse(await snapshotCidOf(block))
  await blocks.write(id, block, undefined)
  expect(isSame(await blocks.read(id), block)).toBe(true)
})

const flipped = Uint8Array.from(BYTES, (byte, index) => (index === 4 ? byte ^ 1 : byte))
const longer = new Uint8Array([...BYTES, 0])

describe.each([
  ['empty', new Uint8Array(0)],
  ['half written', BYTES.subarray(0, 4)],
  ['with a bit flipped', flipped],
  ['with something behind it', longer],
])('G3, G12: a file that is %s', (_, torn) => {
  beforeEach(() => writeFile(fileOf(cid), torn))

  test('G3: is found and told, and nothing for Bitswap, which hashes nothing that it sends', async () => {
    expect(damaged).toEqual([])
    await expect(blocks.read(cid)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG', facts: { cid: cid.toString() } })
    expect(damaged).toEqual([cid.toString()])
    expect(await blocks.readRight(cid)).toBeUndefined()
    expect(await blocks.store.has(cid)).toBe(false)
    await expect(blocks.store.get(cid)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ name: 'NotFoundError' })
  })

  test('G3: is not served by a gateway, whether its node runs or not', async () => {
    const gateways = [
      await serveGateway({ blocks: { block: (text) => blocks.readRight(CID.parse(text)) } }),
      await serveGateway({ blocks: { block: (text) => readBlockFolder(root).block(text as Cid) } }),
    ]
    const answers = await Promise.all(gateways.map(({ url }) => fetch(`${url}/ipfs/${cid}?format=raw`)))
    expect(answers.map(({ status }) => status)).toEqual([404, 404])
    await Promise.all(gateways.map((gateway) => gateway.stop()))
  })

  test('G12: is replaced by what peers bring, and by what is added', async () => {
    await blocks.store.put(cid, BYTES)
    expect(new Uint8Array(await readFile(fileOf(cid)))).toEqual(BYTES)
    await writeFile(fileOf(cid), torn)
    await blocks.write(cid, BYTES, undefined)
    expect(await blocks.store.has(cid)).toBe(true)
  })
})

test('a block that came as a piece of a message does not hold the message', async () => {
  const bytes = new Uint8Array(1_000).fill(7).subarray(0, 10)
  const piece = CID.parse(await snapshotCidOf(bytes))
  await blocks.store.put(piece, bytes)
  for await (const served of blocks.store.get(piece)) expect(served.buffer.byteLength).toBe(10)
})

test('a block that was unpacked does not hold the room that it was unpacked in', async () => {
  const unpacked = CID.parse(await snapshotCidOf(TEXT))
  await blocks.write(unpacked, TEXT, 1 as EpochId)
  expect(await blocks.store.has(unpacked)).toBe(true)
  for await (const served of blocks.store.get(unpacked)) {
    expect(isSame(served, TEXT)).toBe(true)
    expect(served.buffer.byteLength).toBe(TEXT.length)
  }
})

test('what is to be let go and is gone already is no failure', async () => {
  await rm(fileOf(cid))
  expect(await blocks.letGo(2 as EpochId, 10)).toBe(1)
  expect(await blocks.letGo(2 as EpochId, 10)).toBe(0)
})

test('a crash between the file and its note leaves a note, never a file that nobody knows', async () => {
  const store = createFakeStore()
  const gate = Promise.withResolvers<void>()
  const held = <Value>(work: Promise<Value>) => Promise.all([work, gate.promise]).then(() => undefined)
  const kept = openKept({ ...store, commit: (writes) => held(store.commit(writes)), flush: () => held(store.flush()) })
  const other = new TextEncoder().encode('another')
  const id = CID.parse(await snapshotCidOf(other))
  const writing = openBlocks(root, { kept }).write(id, other, 7 as EpochId)
  const storing = openBlocks(root, { kept }).store.put(id, other)
  // As long as it takes others, and nothing is there before the note is on disk.
  for (let count = 0; count < 5; count += 1) await blocks.write(cid, BYTES, undefined)
  await expect(readFile(fileOf(id))).rejects.toMatchObject({ code: 'ENOENT' })
  gate.resolve()
  await Promise.all([writing, storing])
  expect(openKept(store.crash()).has(id.toString())).toBe(true)
})
