import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { CID } from 'multiformats/cid'
import { isWeftError } from '#domain/errors.ts'
import { BLOCK_BYTES_MAX } from './port.ts'
import { checkBlock } from './unixfs.ts'

/**
 * How a block lies in its file: as it is, or packed by zstd where that saves much. Of a batch in JSON it saves three quarters, for a twentieth of
 * what sealing it costs. What a file holds is taken for the block only when that hashes to its CID, whichever way it lies there (G3).
 */

/** A file takes a page of the disk at least. */
const BYTES_MIN = 4_096
/** Room for a block of the usual size and what zstd asks for besides: the library's own, of 16 KiB, is filled many times over, for five times the work. */
const UNPACKED_AT_ONCE = 272 * 1024
/** What is packed must save a quarter: what does not is mostly hashes and signatures. */
const SHARE_MAX = 0.75
/** In a fifth of the time of the usual level, for as few bytes again. */
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: -3 } }
/** The first bytes of all that zstd writes. */
const MAGIC = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)

/** What is written to the block's file. */
export function packed(block: Uint8Array): Uint8Array {
  if (block.length < BYTES_MIN || block.length > BLOCK_BYTES_MAX) return block
  const small = zstdCompressSync(block, OPTIONS)
  return small.length <= SHARE_MAX * block.length ? small : block
}

/** The block that the file of `cid` holds. Throws `IPFS_CONTENT_WRONG`. */
export async function blockIn(cid: CID, file: Uint8Array): Promise<Uint8Array> {
  const block = unpacked(file)
  if (block !== undefined && (await isRight(cid, block))) return block
  await checkBlock(cid, file)
  return file
}

/** `undefined` of what is not packed, or torn. A block that looks packed may lie there as it is. */
function unpacked(file: Uint8Array): Uint8Array | undefined {
  if (!MAGIC.every((byte, index) => file[index] === byte)) return undefined
  try {
    return zstdDecompressSync(file, { maxOutputLength: BLOCK_BYTES_MAX, chunkSize: UNPACKED_AT_ONCE })
  } catch {
    return undefined
  }
}

async function isRight(cid: CID, block: Uint8Array): Promise<boolean> {
  try {
    await checkBlock(cid, block)
    return true
  } catch (failure) {
    if (isWeftError(failure, 'IPFS_CONTENT_WRONG')) return false
    throw failure
  }
}
