import { blocksOf, type ChainTransaction, forEachBlock, type Preload } from 'weft/compute'

export const BLOCK_TRANSACTIONS = 'block_transactions'

/** Transactions with their receipts, in order, by block number. */
export const blockTransactions: Preload = {
  taskType: BLOCK_TRANSACTIONS,
  preload: ({ epoch, source }) => forEachBlock<readonly ChainTransaction[]>(blocksOf(epoch), (block) => source.transactions(block)),
}
