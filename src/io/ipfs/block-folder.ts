import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CID } from 'multiformats/cid'
import { isWeftError, storeFailed } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { checkBlock, parseCid } from './unixfs.ts'

/** How an IPFS node keeps blocks on disk: one file each, in folders by the last two characters of its CID, so that none grows too large. */
export function placeOf(cid: CID): { readonly dir: string; readonly file: string } {
  const file = cid.toV1().toString()
  return { dir: file.slice(-2), file }
}

/** The blocks that a node has left in its folder, without the node. What is damaged counts as absent. */
export function readBlockFolder(directory: string): { block(cid: Cid): Promise<Uint8Array | undefined> } {
  return {
    async block(cid) {
      const id = parseCid(cid)
      const { dir, file } = placeOf(id)
      const path = join(directory, dir, file)
      try {
        const block = await readFile(path)
        await checkBlock(id, block)
        return block
      } catch (failure) {
        if (isWeftError(failure, 'IPFS_CONTENT_WRONG')) return undefined
        if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw storeFailed(path, 'reading a block', failure)
      }
    },
  }
}
