import { readdirSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CID } from 'multiformats/cid'
import { isWeftError, storeFailed } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { onDisk } from '#io/disk/disk.ts'
import { blockIn } from './packing.ts'
import { parseCid } from './unixfs.ts'

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
        return await blockIn(id, await readFile(path))
      } catch (failure) {
        if (isWeftError(failure, 'IPFS_CONTENT_WRONG')) return undefined
        if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw storeFailed(path, 'reading a block', failure)
      }
    },
  }
}

/** A file below the folder of a node. */
export interface BlockFile {
  readonly path: string
  readonly bytes: number
  /** A block; a file that a process was writing when it ended; or somebody else's. */
  readonly kind: 'block' | 'unfinished' | 'foreign'
  /** Of a block its CID. */
  readonly name: string
}

/** All files of the folder, folder by folder; none where there is no such folder. */
export function* blockFiles(directory: string): Generator<BlockFile> {
  for (const dir of namesIn(directory)) {
    for (const file of namesIn(join(directory, dir))) {
      const path = join(directory, dir, file)
      const found = onDisk(path, 'looking at a block', () => statSync(path, { throwIfNoEntry: false }))
      if (found?.isFile() === true) yield { path, bytes: found.size, kind: kindOf(file), name: file }
    }
  }
}

function kindOf(name: string): BlockFile['kind'] {
  // As the library names what it will rename.
  if (/^\..+\.tmp$/.test(name)) return 'unfinished'
  try {
    parseCid(name)
    return 'block'
  } catch {
    return 'foreign' // The one failure that there is.
  }
}

function namesIn(directory: string): readonly string[] {
  const isFolder = statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true
  return isFolder ? onDisk(directory, 'reading a folder of blocks', () => readdirSync(directory)) : []
}
