import type { SourceReader } from '#domain/compute.ts'
import { parseAddress, parseBlockNumber } from '#domain/ids.ts'
import type { SourceChain } from '#io/chain/port.ts'

/** The source chain as a compute sees it, without the limits and caches of a node. */
export function readerOf(chain: SourceChain): SourceReader {
  return {
    timestamp: async (block) => (await chain.block(parseBlockNumber(block)))?.timestamp as number,
    read: (call) => chain.read({ ...call, address: parseAddress(call.address), blockNumber: parseBlockNumber(call.blockNumber) }),
    transactions: (block) => chain.transactions({ blockNumber: parseBlockNumber(block) }),
    events: (filter) => {
      const range = { fromBlock: parseBlockNumber(filter.fromBlock), toBlock: parseBlockNumber(filter.toBlock) }
      return chain.events({ ...filter, address: parseAddress(filter.address), ...range })
    },
  }
}
