import { createReadStream, existsSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { CarBlockIterator } from '@ipld/car/iterator'
import { CarWriter } from '@ipld/car/writer'
import { isWeftError, storeFailed, WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { blockFiles, readBlockFolder } from './block-folder.ts'
import type { Blocks } from './blocks.ts'
import { BLOCK_BYTES_MAX } from './port.ts'
import { checkBlock, parseCid } from './unixfs.ts'

/** All blocks of a node in one CAR file, to take them to another one. Nothing of it is believed: each block is hashed, on the way out and in. */

export interface Moved {
  readonly blocks: number
  readonly bytes: number
  /** What is not what its CID says, and was left out. */
  readonly damaged: number
}

/** From the folder of a node, which may be running. The file has its name when it is whole. Throws as `storeFailed`. */
export async function blocksToCar(directory: string, path: string): Promise<Moved> {
  const fresh = `${path}.new`
  const counts = { blocks: 0, bytes: 0, damaged: 0 }
  const { writer, out } = CarWriter.create([])
  const { block } = readBlockFolder(directory)
  try {
    await using handle = await open(fresh, 'w', 0o644)
    const writing = (async () => {
      for await (const part of out) await handle.write(part)
      await handle.sync()
    })()
    for (const { kind, name, path: file } of blockFiles(directory)) {
      if (kind !== 'block') continue
      const bytes = await block(name as Cid)
      if (bytes === undefined) {
        // A running node may just have let it go.
        if (existsSync(file)) counts.damaged += 1
        continue
      }
      const cid = parseCid(name)
      await Promise.race([writer.put({ cid, bytes }), writing])
      counts.blocks += 1
      counts.bytes += bytes.length
    }
    await Promise.all([writer.close(), writing])
    await rename(fresh, path)
    return counts
  } catch (cause) {
    throw isWeftError(cause) ? cause : storeFailed(path, 'writing it', cause)
  }
}

/** The largest block that a node serves, and what may be read along with it: a stranger's file has no longer a header, and no longer blocks. */
const BETWEEN_BLOCKS_BYTES_MAX = BLOCK_BYTES_MAX + 256 * 1024

/** Into the blocks of a node. Throws `IPFS_CONTENT_WRONG` when it is no CAR file, ends within a block, or has one that no node serves, and as `storeFailed`. */
export async function carToBlocks(path: string, blocks: Pick<Blocks, 'write'>): Promise<Moved> {
  const counts = { blocks: 0, bytes: 0, damaged: 0 }
  const stream = createReadStream(path)
  let waiting = 0
  /** However long a block says it is, no more than that lies in memory. */
  async function* parts(): AsyncIterable<Uint8Array> {
    for await (const part of stream as AsyncIterable<Uint8Array>) {
      waiting += part.length
      if (waiting > BETWEEN_BLOCKS_BYTES_MAX)
        throw new WeftError('IPFS_CONTENT_WRONG', {
          cid: path,
          got: `more than ${BETWEEN_BLOCKS_BYTES_MAX} bytes without the end of a block`,
        })
      yield part
    }
  }
  try {
    for await (const { cid, bytes } of await CarBlockIterator.fromIterable(parts())) {
      waiting = 0
      if (!(await isRight(cid, bytes))) {
        counts.damaged += 1
        continue
      }
      await blocks.write(cid, bytes, undefined)
      counts.blocks += 1
      counts.bytes += bytes.length
    }
    return counts
  } catch (cause) {
    if (isWeftError(cause)) throw cause
    // What the disk says has the name of a call; what a reader of bytes says has none.
    if ((cause as NodeJS.ErrnoException).syscall !== undefined) throw storeFailed(path, 'reading it', cause)
    throw new WeftError('IPFS_CONTENT_WRONG', { cid: path, got: 'no CAR file, or not all of it' }, cause)
  } finally {
    stream.destroy()
  }
}

async function isRight(cid: ReturnType<typeof parseCid>, bytes: Uint8Array): Promise<boolean> {
  try {
    await checkBlock(cid, bytes)
    return true
  } catch (failure) {
    if (isWeftError(failure)) return false
    throw failure
  }
}
