import { CarBufferReader } from '@ipld/car/buffer-reader'
import * as buffers from '@ipld/car/buffer-writer'
import type { CID } from 'multiformats/cid'
import { WeftError } from '#domain/errors.ts'
import { readContent } from './unixfs.ts'

/** CAR files (https://ipld.io/specs/transport/car/carv1/): content with all of its blocks, in one piece. */

export interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

export function encodeCar(root: CID, blocks: readonly Block[]): Uint8Array {
  const headerSize = buffers.headerLength({ roots: [root] })
  const bytes = blocks.reduce((sum, block) => sum + buffers.blockLength(block), headerSize)
  const writer = buffers.createWriter(new ArrayBuffer(bytes), { roots: [root], headerSize })
  for (const block of blocks) writer.write(block)
  return writer.close()
}

/** The content of the file, each block hashed. Throws `IPFS_CONTENT_WRONG` when it is no CAR file of `root`, or not all of it. */
export async function readCar(
  root: CID,
  car: Uint8Array,
  limits: { readonly bytesMax: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const wrong = (got: string, cause?: unknown) => new WeftError('IPFS_CONTENT_WRONG', { cid: root.toString(), got }, cause)
  let reader: CarBufferReader
  try {
    reader = CarBufferReader.fromBytes(car)
  } catch (failure) {
    throw wrong('no CAR file', failure)
  }
  const roots = reader.getRoots()
  if (roots.length !== 1 || roots[0]?.equals(root) !== true) throw wrong(`a CAR file of ${roots.slice(0, 3).join(', ')}`)
  return readContent(root, limits, async (cid) => {
    const block = reader.get(cid)
    if (block === undefined) throw wrong(`a CAR file without ${cid}`)
    return block.bytes
  })
}
