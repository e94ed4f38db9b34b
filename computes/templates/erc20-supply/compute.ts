import { type ComputeSetModule, configOf, float, int, list, object, scaled, text } from 'weft/compute'

const config = configOf(object({ tokens: list(text()) }))

/** The supply of each token at the end of an epoch, and the number of tokens that were counted. */
export default {
  name: 'NAME',
  version: '0.1.0',
  config,
  create: ({ tokens }) => ({
    preloads: [],
    snapshots: [
      {
        projectType: 'NAME',
        description: 'Supply of a token at the last block of the epoch',
        schema: object({ token: text(), block: int(), supply: float({ unit: 'tokens' }) }),
        // One project for each.
        dataSources: tokens,
        preloads: [],
        async compute({ epoch, dataSource, source }) {
          const token = String(dataSource)
          const at = { address: token, args: [], blockNumber: epoch.end }
          const [supply] = await source.read({ ...at, function: 'function totalSupply() view returns (uint256)' })
          const [decimals] = await source.read({ ...at, function: 'function decimals() view returns (uint8)' })
          // In a snapshot a bigint is an integer and a number is a float: the two are other bytes.
          return { token, block: BigInt(epoch.end), supply: scaled(supply as bigint, Number(decimals)) }
        },
      },
    ],
    aggregates: [
      {
        projectType: 'NAME_tokens',
        description: 'How many tokens were counted, and the largest supply',
        schema: object({ tokens: int(), largest: float({ unit: 'tokens' }) }),
        aggregateOn: 'MultiProject',
        baseProjectTypes: ['NAME'],
        async aggregate({ base }) {
          const supplies = base.map(({ snapshot }) => (snapshot as { readonly supply: number }).supply)
          return { tokens: BigInt(base.length), largest: Math.max(...supplies) }
        },
      },
    ],
  }),
} satisfies ComputeSetModule<{ readonly tokens: readonly string[] }>
