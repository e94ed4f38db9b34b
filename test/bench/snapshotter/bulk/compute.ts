import { atBlock, blocksOf, bulk, type ComputeSet, configOf, forEachBlock, int, list, object, text } from 'weft/compute'

const RESERVES = 'function getReserves() view returns (uint112, uint112, uint32)'
const SWAP =
  'event Swap(address indexed sender, uint256 amount0In, uint256 amount1In, uint256 amount0Out, uint256 amount1Out, address indexed to)'

/** One pass over all pairs: what each holds at every block of the epoch, summed up, and how often it was traded. */
export function bulkReserves(pairs: readonly string[]): ComputeSet {
  const all = bulk({
    projectType: 'bulk_reserves',
    schema: object({ reserve0: int(), reserve1: int(), swaps: int() }),
    dataSources: pairs,
    preloads: [],
    async all({ epoch, source }) {
      const blocks = blocksOf(epoch)
      const snapshots = pairs.map(async (address) => {
        const [reserves, swaps] = await Promise.all([
          forEachBlock(blocks, (blockNumber) => source.read({ address, function: RESERVES, args: [], blockNumber })),
          source.events({ address, events: [SWAP], fromBlock: epoch.begin, toBlock: epoch.end }),
        ])
        const sum = (index: 0 | 1) => blocks.reduce((total, block) => total + BigInt(atBlock(reserves, block)[index] as bigint), 0n)
        return [address, { reserve0: sum(0), reserve1: sum(1), swaps: BigInt(swaps.length) }] as const
      })
      return new Map(await Promise.all(snapshots))
    },
  })
  return { preloads: [], snapshots: [all], aggregates: [] }
}

/** The same as a folder's set, which computes in an isolate. */
export default {
  name: 'bulk-reserves',
  version: '1.0.0',
  config: configOf(object({ pairs: list(text()) })),
  create: ({ pairs }: { readonly pairs: readonly string[] }) => bulkReserves(pairs),
}
