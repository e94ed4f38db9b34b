import { type AggregateCompute, boolean, type ComputeEpoch, float, floatOf, int, list, object, type SourceReader, text } from 'weft/compute'
import { symbolOf, tokenAddressesOf } from './contracts.ts'
import type { Over } from './over.ts'
import { byPair, isComplete, pairDays } from './pair-day.ts'
import { TOTAL_RESERVES } from './total-reserves.ts'
import { VOLUME_24H } from './volume-24h.ts'
import { VOLUME_7D } from './volume-7d.ts'

const NAME = text({ description: 'Symbols of token 0 and token 1' })
const ADDRESS = text({ description: 'The pair, in lower case' })
const EPOCH = int({ description: 'The epoch it is of' })
const COMPLETE = boolean({ description: 'Whether the whole time was there to add up, of every pair' })

const SCHEMA_24H = object({
  epochId: EPOCH,
  complete: COMPLETE,
  pairs: list(
    object({
      name: NAME,
      address: ADDRESS,
      liquidity: float({ unit: 'USD', description: 'Both reserves at the last block of the epoch' }),
      volume24h: float({ unit: 'USD', description: 'Traded in 24 hours' }),
      fee24h: float({ unit: 'USD', description: 'Fees of 24 hours' }),
    }),
    { description: 'By liquidity, the largest first' },
  ),
})

const SCHEMA_7D = object({
  epochId: EPOCH,
  complete: COMPLETE,
  pairs: list(
    object({
      name: NAME,
      address: ADDRESS,
      volume7d: float({ unit: 'USD', description: 'Traded in seven days' }),
      fee7d: float({ unit: 'USD', description: 'Fees of seven days' }),
    }),
    { description: 'By volume, the largest first' },
  ),
})

/** Pairs by liquidity, with their volume of 24 hours (spec/08 §5). */
export function topPairs24h({ suffix, ...over }: Over): AggregateCompute {
  return {
    projectType: `aggregate_24h_top_pairs${suffix}`,
    schema: SCHEMA_24H,
    description: 'Pairs by liquidity, with what was traded and charged in 24 hours',
    aggregateOn: 'MultiProject',
    baseProjectTypes: [TOTAL_RESERVES, VOLUME_24H],
    ...over,
    async aggregate({ epoch, base, source }) {
      const days = pairDays(base, epoch)
      const rows = await Promise.all(
        days.map(async ({ address, reservesUsd, volume }) => ({
          name: await pairName(address, { epoch, source }),
          address,
          liquidity: reservesUsd[0] + reservesUsd[1],
          volume24h: floatOf(volume, 'totalTrade'),
          fee24h: floatOf(volume, 'totalFee'),
        })),
      )
      return {
        epochId: BigInt(epoch.epochId),
        complete: days.every(({ volume }) => isComplete(volume)),
        // Stable: equal ones stay in the order of their addresses.
        pairs: rows.toSorted((left, right) => right.liquidity - left.liquidity),
      }
    },
  }
}

/** Pairs by their volume of seven days (spec/08 §5). */
export function topPairs7d({ suffix, ...over }: Over): AggregateCompute {
  return {
    projectType: `aggregate_7d_top_pairs${suffix}`,
    schema: SCHEMA_7D,
    description: 'Pairs by what was traded in seven days, with what was charged',
    aggregateOn: 'MultiProject',
    baseProjectTypes: [VOLUME_7D],
    ...over,
    async aggregate({ epoch, base, source }) {
      const volumes = Array.from(byPair(base, VOLUME_7D)).sort(([left], [right]) => (left < right ? -1 : 1))
      const rows = await Promise.all(
        volumes.map(async ([address, volume]) => ({
          name: await pairName(address, { epoch, source }),
          address,
          volume7d: floatOf(volume, 'totalTrade'),
          fee7d: floatOf(volume, 'totalFee'),
        })),
      )
      return {
        epochId: BigInt(epoch.epochId),
        complete: volumes.every(([, volume]) => isComplete(volume)),
        pairs: rows.toSorted((left, right) => right.volume7d - left.volume7d),
      }
    },
  }
}

/** A ranking without one of its pairs would be another one, so one that cannot be named ends it: the reason says which. */
async function pairName(pair: string, { epoch, source }: { epoch: ComputeEpoch; source: SourceReader }): Promise<string> {
  const at = { source, blockNumber: epoch.begin }
  try {
    const tokens = await tokenAddressesOf(pair, at)
    return (await Promise.all(tokens.map((token) => symbolOf(token, at)))).join('-')
  } catch (cause) {
    throw new Error(`pair ${pair}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
