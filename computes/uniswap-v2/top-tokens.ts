import {
  type AggregateCompute,
  boolean,
  checksummed,
  float,
  floatOf,
  int,
  type JsonValue,
  list,
  memberOf,
  object,
  type SourceReader,
  text,
} from 'weft/compute'
import { changeInPercent, dayAgo } from './change.ts'
import { nameOf, symbolOf, tokenAddressesOf, tokenAt } from './contracts.ts'
import type { Over } from './over.ts'
import { isComplete, type PairDay, pairDays } from './pair-day.ts'
import { TOTAL_RESERVES } from './total-reserves.ts'
import { VOLUME_24H } from './volume-24h.ts'

const SCHEMA = object({
  epochId: int({ description: 'The epoch it is of' }),
  complete: boolean({ description: 'Whether the whole day was there to add up, of every pair' }),
  tokens: list(
    object({
      name: text({ description: 'What the token calls itself, else its address' }),
      symbol: text({ description: 'Its symbol, else its address' }),
      decimals: int({ description: 'Digits behind the point of its amounts' }),
      address: text({ description: 'With EIP-55 capitals' }),
      price: float({ unit: 'USD', description: 'At the last block of the epoch, in the pair that holds most of it' }),
      priceChange24h: float({ unit: '%', description: 'Against a day ago; 0 when it had no price then' }),
      volume24h: float({ unit: 'USD', description: 'Traded in 24 hours, in all pairs' }),
      liquidity: float({ unit: 'USD', description: 'Reserves in all pairs at the last block of the epoch' }),
    }),
    { description: 'By liquidity, the largest first' },
  ),
})

/** What all pairs hold of a token, and trade of it. */
interface Holding {
  readonly address: string
  readonly price: number
  /** USD that the pair with that price holds of the token. */
  readonly deepestUsd: number
  readonly volume24h: number
  readonly liquidity: number
}

/**
 * Tokens by their liquidity in all pairs (spec/08 §5). A token's price is that of the pair which holds most of it, of equal ones the one with
 * the lowest address: the order in which pairs come makes no difference.
 */
export function topTokens24h({ suffix, ...over }: Over): AggregateCompute {
  return {
    projectType: `aggregate_24h_top_tokens${suffix}`,
    schema: SCHEMA,
    description: 'Tokens by liquidity over all pairs, with price and volume of 24 hours',
    aggregateOn: 'MultiProject',
    baseProjectTypes: [TOTAL_RESERVES, VOLUME_24H],
    ...over,
    async aggregate(input) {
      const { epoch, base, source } = input
      const at = { source, blockNumber: epoch.begin }
      const days = pairDays(base, epoch)
      const before = pricesIn(await dayAgo(input))
      const tokens = await Promise.all(
        (await holdingsIn(days, at)).map(async ({ address, price, volume24h, liquidity }) => ({
          name: await nameOf(address, at),
          symbol: await symbolOf(address, at),
          decimals: BigInt((await tokenAt(address, at)).decimals),
          address: checksummed(address),
          price,
          priceChange24h: changeInPercent(price, before.get(checksummed(address))),
          volume24h,
          liquidity,
        })),
      )
      return {
        epochId: BigInt(epoch.epochId),
        complete: days.every(({ volume }) => isComplete(volume)),
        tokens: tokens.toSorted((left, right) => right.liquidity - left.liquidity),
      }
    },
  }
}

/** By address ascending, each summed up over the pairs in their order. */
async function holdingsIn(
  days: readonly PairDay[],
  at: { readonly source: SourceReader; readonly blockNumber: number },
): Promise<readonly Holding[]> {
  const holdings = new Map<string, Holding>()
  const pairs = await Promise.all(days.map(async (day) => ({ day, tokens: await tokenAddressesOf(day.address, at) })))
  for (const { day, tokens } of pairs)
    for (const side of [0, 1] as const) {
      const address = tokens[side]
      const [usd, price] = [day.reservesUsd[side], day.prices[side]]
      const known = holdings.get(address)
      const isDeepest = known === undefined || usd > known.deepestUsd
      holdings.set(address, {
        address,
        price: isDeepest ? price : known.price,
        deepestUsd: isDeepest ? usd : known.deepestUsd,
        volume24h: (known?.volume24h ?? 0) + floatOf(day.volume, `token${side}TradeVolumeUSD`),
        liquidity: (known?.liquidity ?? 0) + usd,
      })
    }
  return Array.from(holdings.values()).sort((left, right) => (left.address < right.address ? -1 : 1))
}

/** Prices by address in an earlier snapshot of this type. */
function pricesIn(snapshot: JsonValue | undefined): ReadonlyMap<JsonValue, number> {
  if (snapshot === undefined) return new Map()
  const tokens = memberOf(snapshot, 'tokens')
  if (!Array.isArray(tokens)) throw new Error('tokens is not a list')
  return new Map(tokens.map((token: JsonValue) => [memberOf(token, 'address'), floatOf(token, 'price')] as const))
}
