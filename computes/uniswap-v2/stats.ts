import { type AggregateCompute, boolean, float, floatOf, int, object } from 'weft/compute'
import { changeInPercent, dayAgo } from './change.ts'
import type { Over } from './over.ts'
import { isComplete, pairDays } from './pair-day.ts'
import { TOTAL_RESERVES } from './total-reserves.ts'
import { VOLUME_24H } from './volume-24h.ts'

const CHANGE = { unit: '%', description: 'Against a day ago; 0 when there was nothing then' } as const

const SCHEMA = object({
  epochId: int({ description: 'The epoch it is of' }),
  complete: boolean({ description: 'Whether the whole day was there to add up, of every pair' }),
  volume24h: float({ unit: 'USD', description: 'Traded in 24 hours' }),
  tvl: float({ unit: 'USD', description: 'Reserves at the last block of the epoch' }),
  fee24h: float({ unit: 'USD', description: 'Fees of 24 hours' }),
  volumeChange24h: float(CHANGE),
  tvlChange24h: float(CHANGE),
  feeChange24h: float(CHANGE),
})

/** The market as a whole: what it holds, what was traded and charged in 24 hours, and how that differs from a day ago (spec/08 §5). */
export function stats24h({ suffix, ...over }: Over): AggregateCompute {
  return {
    projectType: `aggregate_24h_stats${suffix}`,
    schema: SCHEMA,
    description: 'Liquidity, volume and fees of 24 hours over all pairs, with their change against a day ago',
    aggregateOn: 'MultiProject',
    baseProjectTypes: [TOTAL_RESERVES, VOLUME_24H],
    ...over,
    async aggregate(input) {
      const { epoch, base } = input
      const days = pairDays(base, epoch)
      const now = {
        volume24h: days.reduce((sum, { volume }) => sum + floatOf(volume, 'totalTrade'), 0),
        tvl: days.reduce((sum, { reservesUsd }) => sum + (reservesUsd[0] + reservesUsd[1]), 0),
        fee24h: days.reduce((sum, { volume }) => sum + floatOf(volume, 'totalFee'), 0),
      }
      const then = await dayAgo(input)
      const changeOf = (field: keyof typeof now) => changeInPercent(now[field], then === undefined ? undefined : floatOf(then, field))
      return {
        epochId: BigInt(epoch.epochId),
        complete: days.every(({ volume }) => isComplete(volume)),
        ...now,
        volumeChange24h: changeOf('volume24h'),
        tvlChange24h: changeOf('tvl'),
        feeChange24h: changeOf('fee24h'),
      }
    },
  }
}
