import { join } from 'node:path'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { EpochId } from '#domain/ids.ts'
import { blockFiles } from '#io/ipfs/block-folder.ts'
import { openBlocks } from '#io/ipfs/blocks.ts'
import { importContent } from '#io/ipfs/unixfs.ts'
import { mineUntil } from './sealed.ts'
import { ATTESTATION_WINDOW_BLOCKS, openWorld, type Size, type WorldOptions } from './world.ts'

/** Bytes that a submission takes at the sequencer when votes, evidence, plan and record of its epoch are gone: its part of the batch on IPFS, and what notes it. */
export async function diskAfterRetention(size: Size, form: WorldOptions['form']): Promise<number> {
  // Signed, for the node packs what repeats itself.
  const world = await openWorld({ ...size, form, epochsKept: 1, isSigned: true })
  try {
    await world.release(1)
    await world.vote(1)
    await world.close(1)
    await mineUntil(world, () => world.ended.length === 1)
    // Nobody attests: after the window everything about the epoch is decided.
    world.chain.mine(ATTESTATION_WINDOW_BLOCKS + 1)
    await world.release(2)
    await world.close(2)
    await mineUntil(world, () => world.ended.length === 2)
    await world.until(() => world.sequencer.epoch(1 as EpochId) === undefined)
    // The last calls of the epochs stay on record with the sender, one of some hundred bytes each; all else is told by its keys.
    const entries = world.store.scan('').filter(({ key }) => !key.startsWith('epoch/'))
    const live = entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
    return (live + (await folderBytes(world.files, form))) / (size.projects * size.slots)
  } finally {
    await world.stop()
  }
}

/** What the files take in the folder of a node, which the bench has none of. */
async function folderBytes(files: readonly Uint8Array[], form: WorldOptions['form']): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  try {
    const blocks = openBlocks(directory, {})
    for (const file of files)
      await importContent(file, (cid, block) => blocks.write(cid, block, undefined), form === 'dag-cbor' ? form : undefined)
    return [...blockFiles(directory)].reduce((sum, { bytes }) => sum + bytes, 0)
  } finally {
    rmSync(directory, { recursive: true })
  }
}
