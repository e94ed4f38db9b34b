import { type AggregateCompute, type JsonValue, seriesInWindow, type SnapshotHistory, truncateTo } from 'weft/compute'
import { floatOf } from './snapshot-fields.ts'
import { TRADE_VOLUME } from './trade-volume.ts'

export const DAY_SECONDS = 86_400
const AGGREGATE_DIGITS = 5

const FIELDS = ['totalTrade', 'totalFee', 'token0TradeVolume', 'token1TradeVolume', 'token0TradeVolumeUSD', 'token1TradeVolumeUSD'] as const

/** Trade volumes of 24 hours, and whether the whole time was there to add up. */
export type DayVolume = { readonly [Field in (typeof FIELDS)[number]]: number } & { readonly complete: boolean }

/** Trade volume of one pair over 24 hours (spec/08 §5). */
export const volume24h: AggregateCompute = {
  projectType: 'aggregate_pairContract_24h_trade_volume',
  aggregateOn: 'SingleProject',
  baseProjectTypes: [TRADE_VOLUME],
  async aggregate({ epoch, base, history, epochsIn }) {
    const [present] = base
    if (present === undefined) throw new Error(`epoch ${epoch.epochId} has no trade volume to aggregate`)
    return { epochId: BigInt(epoch.epochId), ...(await dayVolume({ present, history, windowEpochs: epochsIn(DAY_SECONDS) })) }
  },
}

/**
 * Adds up the window from scratch: the present epoch first, then the earlier ones ascending. This order is the rule (spec/03 §7),
 * since doubles added in another order give other digits. `complete` is false when the window reaches back before the project's
 * first snapshot or an epoch within it ended without data.
 */
export async function dayVolume(options: {
  readonly present: { readonly projectId: string; readonly epochId: number; readonly snapshot: JsonValue }
  readonly history: SnapshotHistory
  readonly windowEpochs: number
}): Promise<DayVolume> {
  const { present, history, windowEpochs } = options
  const { projectId, epochId, snapshot } = present
  const earlier = await seriesInWindow(history, { projectId, epochId, windowEpochs, fields: FIELDS })
  const total = (field: (typeof FIELDS)[number]): number => {
    let sum = 0 + floatOf(snapshot, field)
    for (const value of earlier.columns[FIELDS.indexOf(field)] ?? []) {
      if (typeof value !== 'number') throw new Error(`${field} is not a float`)
      sum += value
    }
    return truncateTo(sum, AGGREGATE_DIGITS)
  }
  return {
    totalTrade: total('totalTrade'),
    totalFee: total('totalFee'),
    token0TradeVolume: total('token0TradeVolume'),
    token1TradeVolume: total('token1TradeVolume'),
    token0TradeVolumeUSD: total('token0TradeVolumeUSD'),
    token1TradeVolumeUSD: total('token1TradeVolumeUSD'),
    complete: earlier.isWhole,
  }
}
