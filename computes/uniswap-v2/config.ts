import { z } from 'zod'

const NO_ADDRESS = { error: 'is not an address' }
const asWritten = z.string(NO_ADDRESS).regex(/^0x[0-9a-fA-F]{40}$/, NO_ADDRESS)
/** In lower case, as the chain's values are that it is compared with, and so that a configuration is the same however it is written. */
const address = asWritten.toLowerCase()
const listOf = (item: typeof asWritten) =>
  z
    .array(item, { error: 'is not a list of addresses' })
    .min(1, { error: 'is empty' })
    .check(({ value, issues }) => {
      const seen = new Set<string>()
      for (const [index, text] of value.entries()) {
        const normal = String(text).toLowerCase()
        if (seen.has(normal)) issues.push({ code: 'custom', message: 'comes twice', path: [index], input: text })
        seen.add(normal)
      }
    })
    .readonly()

/** What the price of ether is made of: the stablecoins, and their pairs with WETH (spec/08 §3). */
export const PRICE_FIELDS = {
  weth: address,
  dai: address,
  usdc: address,
  usdt: address,
  daiWethPair: address,
  usdcWethPair: address,
  wethUsdtPair: address,
} as const

/** Where one Uniswap V2 deployment lives. Addresses in any case; that of `pairs` is printed as it stands. */
export const CONFIG = z
  .strictObject(
    {
      factory: address,
      router: address,
      ...PRICE_FIELDS,
      /** Tokens through which another token is priced, in the order tried (spec/08 §4). */
      whitelist: listOf(address),
      /** The data sources, as they are to stand in `contract`. */
      pairs: listOf(asWritten),
      /** From this place in the factory's list on, the oldest pair being at 0, pairs join by themselves; without it none do. */
      pairsFrom: z
        .union([z.bigint(), z.int()], { error: 'is no whole number' })
        .transform(Number)
        .refine((place) => Number.isSafeInteger(place) && place >= 0, { error: 'is no place in a list' })
        .optional(),
      /** Those of them that the `_lite` rankings are over; without it there are none. */
      lite: listOf(address).optional(),
      /**
       * How a market charges the 0.3 % of a swap; the deployed versions differ (spec/08 §4). `trade`: on the trade's USD value, the newer
       * core. `token1`: on the USD of token 1, or of token 0 when that is zero, the older one.
       */
      feeOn: z.enum(['trade', 'token1'], { error: "is neither 'trade' nor 'token1'" }),
    },
    { error: (issue) => (issue.code === 'unrecognized_keys' ? `${issue.keys.join(', ')} has no meaning here` : 'is not an object') },
  )
  .check(({ value, issues }) => {
    const pairs = new Set(value.pairs.map((pair) => pair.toLowerCase()))
    for (const [index, pair] of (value.lite ?? []).entries())
      if (!pairs.has(pair)) issues.push({ code: 'custom', message: 'is none of the pairs', path: ['lite', index], input: pair })
  })
  .readonly()

export type UniswapV2Config = z.infer<typeof CONFIG>
export type PriceConfig = Pick<UniswapV2Config, keyof typeof PRICE_FIELDS>
