import { atBlock, bulk, type ComputeSet, type ComputeSetModule, float, int, object, preloadedBy } from 'weft/compute'
import { ETH_PRICE, ethPrice, PRICE_FIELDS } from 'weft/computes/uniswap-v2'
import { z } from 'zod'

const NO_TEXT = { error: 'is not a text' }
const CONFIG = z
  .strictObject(
    {
      ...PRICE_FIELDS,
      /** What projects are told apart by; the price is the same for each. */
      dataSources: z
        .array(z.string(NO_TEXT).min(1, { error: 'is empty' }), { error: 'is not a list' })
        .min(1, { error: 'is empty' })
        .readonly(),
    },
    { error: (issue) => (issue.code === 'unrecognized_keys' ? `${issue.keys.join(', ')} has no meaning here` : 'is not an object') },
  )
  .readonly()
export type EthPriceConfig = z.infer<typeof CONFIG>

const SCHEMA = object({
  block: int({ description: 'The last block of the epoch, which usually has one' }),
  price: float({ unit: 'USD', description: 'Of one ether' }),
})

/** The price of ether, by what the stablecoin pairs of Uniswap V2 hold (spec/08 §3). */
export const ethPriceTracking: ComputeSetModule<EthPriceConfig> = { name: 'eth-price', version: '1.0.0', config: CONFIG, create }

function create(config: EthPriceConfig): ComputeSet {
  const tracking = bulk({
    projectType: 'eth:price_tracking',
    schema: SCHEMA,
    description: 'Price of ether at the last block of the epoch',
    dataSources: config.dataSources,
    preloads: [ETH_PRICE],
    async all({ epoch, preloaded }) {
      const snapshot = { block: BigInt(epoch.end), price: atBlock(preloadedBy<number>(preloaded, ETH_PRICE), epoch.end) }
      return new Map(config.dataSources.map((source) => [source.toLowerCase(), snapshot]))
    },
  })
  return { preloads: [ethPrice(config)], snapshots: [tracking], aggregates: [] }
}
