import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { placeOf } from '#io/ipfs/block-folder.ts'
import { openBlocks } from '#io/ipfs/blocks.ts'
import { importContent, parseCid } from '#io/ipfs/unixfs.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { ipfsFolder } from './adapters.ts'
import { stateFile } from './home.ts'
import { exportIndex, importIndex } from './index-move.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-move-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (name: string): string => join(folder, name)
const blocksIn = (home: string): string => join(ipfsFolder(home), 'blocks')

/** Contents on the node in `home`, one of them of several blocks. */
async function filled(home: string): Promise<readonly string[]> {
  const blocks = openBlocks(blocksIn(home), {})
  await blocks.store.open()
  const contents = [new Uint8Array(100).fill(1), new Uint8Array(700_000).map((_, index) => index % 251)]
  return Promise.all(contents.map((bytes) => importContent(bytes, (cid, block) => blocks.write(cid, block, undefined))))
}
const filesIn = (home: string): string[] => readdirSync(blocksIn(home), { recursive: true, encoding: 'utf8' }).sort()

test('what is exported is there after the import, block for block; to do it again changes nothing', async () => {
  await filled(at('old'))
  const out = await exportIndex(at('file.car'), { dataDir: at('old') })
  expect(out).toEqual({ blocks: 5, bytes: expect.any(Number), damaged: 0 })
  expect(await importIndex(at('file.car'), { dataDir: at('new') })).toEqual(out)
  expect(await importIndex(at('file.car'), { dataDir: at('new') })).toEqual(out)
  expect(filesIn(at('new'))).toEqual(filesIn(at('old')))
  expect(readdirSync(folder).sort()).toEqual(['file.car', 'new', 'old'])
})

test('a block that is not what its CID says is left out, on the way out and in', async () => {
  const [cid = ''] = await filled(at('old'))
  const { dir, file } = placeOf(parseCid(cid))
  const path = join(blocksIn(at('old')), dir, file)
  await exportIndex(at('file.car'), { dataDir: at('old') })
  writeFileSync(path, readFileSync(path).fill(7))
  expect(await exportIndex(at('less.car'), { dataDir: at('old') })).toMatchObject({ blocks: 4, damaged: 1 })
  const car = readFileSync(at('file.car'))
  const spot = car.indexOf(Buffer.alloc(100, 1))
  writeFileSync(at('file.car'), car.fill(7, spot, spot + 1))
  expect(await importIndex(at('file.car'), { dataDir: at('new') })).toMatchObject({ blocks: 4, damaged: 1 })
  expect(filesIn(at('new'))).not.toContain(join(dir, file))
})

test.each([
  ['nothing', Buffer.alloc(0)],
  ['no CAR file', Buffer.from('something else altogether, and long enough')],
])('a file that is %s is refused', async (_, bytes) => {
  writeFileSync(at('file.car'), bytes)
  await expect(importIndex(at('file.car'), { dataDir: at('new') })).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
})

test('a file that ends early is refused, and one that is not there told as such', async () => {
  await filled(at('old'))
  await exportIndex(at('file.car'), { dataDir: at('old') })
  writeFileSync(at('file.car'), readFileSync(at('file.car')).subarray(0, -10))
  await expect(importIndex(at('file.car'), { dataDir: at('new') })).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
  await expect(importIndex(at('none'), { dataDir: at('new') })).rejects.toMatchObject({ code: 'STORE_PLACE_WRONG' })
  await expect(exportIndex(at('file.car'), { dataDir: at('none') })).rejects.toMatchObject({ code: 'DATA_DIR_EMPTY' })
})

describe('G11: a file of a stranger', () => {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))])
  const HEADER = Buffer.concat([Buffer.from([0x11]), Buffer.from('a265726f6f7473806776657273696f6e01', 'hex')])
  /** A block as it lies in such a file; it may claim to be longer. */
  const section = (cid: Uint8Array, bytes: Uint8Array, length = cid.length + bytes.length): Buffer =>
    Buffer.concat([Buffer.from(varint(length)), cid, bytes])
  const rawCid = (digest: Uint8Array): Uint8Array => Uint8Array.of(1, 0x55, 0x12, 32, ...digest)
  const tiny = (index: number): Buffer => {
    const bytes = Buffer.from(String(index))
    return section(rawCid(createHash('sha256').update(bytes).digest()), bytes)
  }

  test.each([
    ['a block', Buffer.concat([HEADER, section(rawCid(new Uint8Array(32)), new Uint8Array(64), 2 ** 45)])],
    ['the header', Buffer.from(varint(2 ** 45))],
  ])('that says that %s is larger than memory is refused before it is', async (_, begin) => {
    writeFileSync(at('bomb.car'), begin)
    // A hole: nothing of it is on the disk.
    truncateSync(at('bomb.car'), 2 ** 30)
    await expect(importIndex(at('bomb.car'), { dataDir: at('new') })).rejects.toMatchObject({
      code: 'IPFS_CONTENT_WRONG',
      facts: { got: expect.stringContaining('without the end of a block') },
    })
  })

  test('with CIDs of another kind, and of other bytes, loses those, and all others are taken', async () => {
    const identity = Uint8Array.of(1, 0x55, 0, 200, 1, ...new Uint8Array(200))
    const sha512 = Uint8Array.of(1, 0x55, 0x13, 64, ...new Uint8Array(64))
    const wrong = [identity, sha512, rawCid(new Uint8Array(32))].map((cid) => section(cid, new Uint8Array(3)))
    writeFileSync(at('file.car'), Buffer.concat([HEADER, tiny(1), ...wrong, tiny(2)]))
    expect(await importIndex(at('file.car'), { dataDir: at('new') })).toEqual({ blocks: 2, bytes: 2, damaged: 3 })
  })

  test('is taken as far as its blocks are right, or refused by one code, whichever byte of it is changed', async () => {
    const good = Buffer.concat([HEADER, tiny(1), tiny(2)])
    for (const place of good.keys()) {
      for (const change of [1, 0x80, 0xff]) {
        const bytes = Buffer.from(good)
        bytes[place] = (bytes[place] as number) ^ change
        writeFileSync(at('file.car'), bytes)
        const outcome = await importIndex(at('file.car'), { dataDir: at('new') }).catch((failure: unknown) => failure)
        expect(outcome, `byte ${place}`).toMatchObject(
          outcome instanceof Error ? { code: 'IPFS_CONTENT_WRONG' } : { blocks: expect.any(Number) },
        )
      }
    }
  })

  test('has as many blocks as it likes: they pass one by one', async () => {
    const count = 300
    writeFileSync(at('file.car'), Buffer.concat([HEADER, ...Array.from({ length: count }, (_, index) => tiny(index))]))
    expect(await importIndex(at('file.car'), { dataDir: at('new') })).toMatchObject({ blocks: count, damaged: 0 })
  })
})

test('while the api runs it takes nothing over, and may be exported', async () => {
  await filled(at('old'))
  const store = openSqliteStore({ path: stateFile(at('old')) })
  expect(await exportIndex(at('file.car'), { dataDir: at('old') })).toMatchObject({ blocks: 5 })
  await expect(importIndex(at('file.car'), { dataDir: at('old') })).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
  await store.close()
})
