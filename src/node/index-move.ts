import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import { onDisk } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { openBlocks } from '#io/ipfs/blocks.ts'
import { blocksToCar, carToBlocks, type Moved } from '#io/ipfs/car-file.ts'
import { openKept } from '#io/ipfs/kept.ts'
import { ipfsFolder } from './adapters.ts'
import { withStore } from './homes.ts'

/**
 * What an index is made from, to and from a file: batches and snapshots, by CID. Where they belong is not in the file: an api reads it from the chain, and takes
 * a batch only when it has the anchored roots, a snapshot only under its own CID. So a file of a stranger saves the way to the peers, and can tell nothing wrong.
 */

const blocksOf = (dataDir: string): string => join(ipfsFolder(dataDir), 'blocks')

/** Writes `path`, also while the api runs. Throws `DATA_DIR_EMPTY`, and as `storeFailed`. */
export async function exportIndex(path: string, { dataDir }: { readonly dataDir: string }): Promise<Moved> {
  if (!existsSync(blocksOf(dataDir))) throw new WeftError('DATA_DIR_EMPTY', { dataDir })
  return blocksToCar(blocksOf(dataDir), path)
}

/** Throws `DATA_DIR_LOCKED` while the api runs, `IPFS_CONTENT_WRONG`, and as `storeFailed`. */
export async function importIndex(path: string, { dataDir }: { readonly dataDir: string }): Promise<Moved> {
  onDisk(dataDir, 'creating it', () => makeFolder(blocksOf(dataDir)))
  return withStore(dataDir, (store) => carToBlocks(path, openBlocks(blocksOf(dataDir), { kept: openKept(store) })))
}
