import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cid, EpochId } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { readBlockFolder } from './block-folder.ts'
import { type Blocks, openBlocks } from './blocks.ts'
import { serveGateway } from './gateway.ts'
import { openKept } from './kept.ts'

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
    await Promise.all(gateways.map((gateway) => gateway.close()))
  })

  test('G12: is replaced by what peers bring, and by what is added', async () => {
    await blocks.store.put(cid, BYTES)
    expect(new Uint8Array(await readFile(fileOf(cid)))).toEqual(BYTES)
    await writeFile(fileOf(cid), torn)
    await blocks.write(cid, BYTES, undefined)
    expect(await blocks.store.has(cid)).toBe(true)
  })
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
