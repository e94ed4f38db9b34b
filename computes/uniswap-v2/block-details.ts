import { blocksOf, type Preload } from 'weft/compute'
import { forEachBlock } from './by-block.ts'

export const BLOCK_DETAILS = 'block_details'

/** Timestamps, in Unix seconds, by block number. */
export const blockDetails: Preload = {
  taskType: BLOCK_DETAILS,
  preload: ({ epoch, source }) => forEachBlock(blocksOf(epoch), (block) => source.timestamp(block)),
}
