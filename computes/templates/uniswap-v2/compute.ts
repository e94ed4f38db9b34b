import { blocksOf, type ComputeSetModule, configOf, int, list, map, object, text } from 'weft/compute'

const config = configOf(object({ pairs: list(text()) }))
const RESERVES = 'function getReserves() view returns (uint112 reserve0, uint112 reserve1, uint32 blockTimestampLast)'
const SWAP =
  'event Swap(address indexed sender, uint256 amount0In, uint256 amount1In, uint256 amount0Out, uint256 amount1Out, address indexed to)'

/** Reserves of each pair by block, and what was swapped in the epoch; in the tokens' smallest units. */
export default {
  name: 'NAME',
  version: '0.1.0',
  config,
  create: ({ pairs }) => ({
    preloads: [],
    snapshots: [
      {
        projectType: 'NAME',
        description: 'Reserves of a pair by block, and the swaps of the epoch',
        schema: object({ reserve0: map(int(), { key: 'block' }), reserve1: map(int(), { key: 'block' }), swaps: int(), amount0: int() }),
        dataSources: pairs,
        preloads: [],
        async compute({ epoch, dataSource, source }) {
          const address = String(dataSource)
          const reserves = await Promise.all(
            blocksOf(epoch).map(async (blockNumber) => {
              const [reserve0, reserve1] = await source.read({ address, function: RESERVES, args: [], blockNumber })
              return { key: `block${blockNumber}`, reserve0: reserve0 as bigint, reserve1: reserve1 as bigint }
            }),
          )
          const swaps = await source.events({ address, events: [SWAP], fromBlock: epoch.begin, toBlock: epoch.end })
          const moved = swaps.map(({ args }) => (args['amount0In'] as bigint) + (args['amount0Out'] as bigint))
          return {
            reserve0: Object.fromEntries(reserves.map(({ key, reserve0 }) => [key, reserve0])),
            reserve1: Object.fromEntries(reserves.map(({ key, reserve1 }) => [key, reserve1])),
            swaps: BigInt(swaps.length),
            amount0: moved.reduce((sum, amount) => sum + amount, 0n),
          }
        },
      },
    ],
    aggregates: [],
  }),
} satisfies ComputeSetModule<{ readonly pairs: readonly string[] }>
