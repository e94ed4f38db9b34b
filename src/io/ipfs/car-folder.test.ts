import { existsSync, mkdirSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CarBufferReader } from '@ipld/car/buffer-reader'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { carFilesIn, carFolder } from './car-folder.ts'
import { openPlace } from './place.ts'
import { createSourceNode, describePlace } from './suite/place.ts'
import { parseCid } from './unixfs.ts'

const fileOf = (directory: string, cid: Cid) => join(directory, cid.slice(-2), `${cid}.car`)

describePlace('a folder of CAR files', {
  async open() {
    const root = await mkdtemp(join(tmpdir(), 'weft-cars-'))
    const directory = join(root, 'not', 'there', 'yet')
    const adapter = carFolder(directory)
    let lying: string | undefined
    return {
      adapter: {
        ...adapter,
        async put(content, signal) {
          await adapter.put(content, signal)
          // Between the write and the reading, as a disk does it that lies about what it has written.
          const path = fileOf(directory, content.root.toString() as Cid)
          const car = await readFile(path)
          if (lying === 'forgets what it has written') await rm(path)
          if (lying === 'loses the end') await writeFile(path, car.subarray(0, car.length - 10))
          if (lying === 'flips a bit')
            await writeFile(
              path,
              Uint8Array.from(car, (byte, index) => (index === car.length - 9 ? byte ^ 1 : byte)),
            )
          if (lying === 'gives another file') await adapterWrite(path)
        },
      },
      holds: async (cid: Cid) => existsSync(fileOf(directory, cid)),
      async lie(how) {
        if (how === 'is no folder') {
          if (existsSync(directory)) await rename(directory, `${directory}.away`)
          else mkdirSync(join(directory, '..'), { recursive: true })
          await writeFile(directory, '')
        } else if (lying === 'is no folder') {
          await rm(directory)
          if (existsSync(`${directory}.away`)) await rename(`${directory}.away`, directory)
        }
        lying = how
      },
      close: () => rm(root, { recursive: true }),
    }
  },
  lies: {
    'is no folder': 'STORE_PLACE_WRONG',
    'forgets what it has written': 'STORE_PLACE_WRONG',
    'loses the end': 'IPFS_CONTENT_WRONG',
    'flips a bit': 'IPFS_CONTENT_WRONG',
    'gives another file': 'IPFS_CONTENT_WRONG',
  },
})

/** A CAR file in order, of other content. */
async function adapterWrite(path: string): Promise<void> {
  const { encodeCar } = await import('./car.ts')
  const source = createSourceNode()
  const cid = parseCid(await source.add(new TextEncoder().encode('another')))
  await writeFile(path, encodeCar(cid, [{ cid, bytes: new TextEncoder().encode('another') }]))
}

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-cars-'))
})
afterEach(() => rm(directory, { recursive: true }))

test('one file holds one content, its CID the root and the name; nothing unfinished is beside it, and all are counted', async () => {
  const source = createSourceNode()
  const place = openPlace(carFolder(directory), { store: createFakeStore(), blocks: source })
  const cid = await source.add(new Uint8Array(300_000).fill(7))
  await place.pin(cid, undefined, new AbortController().signal)
  expect(await readdir(join(directory, cid.slice(-2)))).toEqual([`${cid}.car`])
  const file = await readFile(fileOf(directory, cid))
  expect(CarBufferReader.fromBytes(file).getRoots().map(String)).toEqual([cid])
  expect(carFilesIn(directory)).toEqual({ count: 1, bytes: file.length })
  expect(carFilesIn(join(directory, 'nowhere'))).toEqual({ count: 0, bytes: 0 })
})
