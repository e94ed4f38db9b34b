import { blocksOf, forEachBlock, type Preload } from 'weft/compute'

export const BLOCK_DETAILS = 'block_details'

/** Timestamps, in Unix seconds, by block number. */
export const blockDetails: Preload = {
  taskType: BLOCK_DETAILS,
  preload: ({ epoch, source }) => forEachBlock(blocksOf(epoch), (block) => source.timestamp(block)),
}
