import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CID } from 'multiformats/cid'
import { storeFailed } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { parseCid } from './unixfs.ts'

/** How an IPFS node keeps blocks on disk: one file each, in folders by the last two characters of its CID, so that none grows too large. */
export function placeOf(cid: CID): { readonly dir: string; readonly file: string } {
  const file = cid.toV1().toString()
  return { dir: file.slice(-2), file }
}

/** The blocks that a node has left in its folder, without the node. Nothing is checked: whoever reads them hashes them. */
export function readBlockFolder(directory: string): { block(cid: Cid): Promise<Uint8Array | undefined> } {
  return {
    async block(cid) {
      const { dir, file } = placeOf(parseCid(cid))
      const path = join(directory, dir, file)
      try {
        return await readFile(path)
      } catch (failure) {
        if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw storeFailed(path, 'reading a block', failure)
      }
    },
  }
}
