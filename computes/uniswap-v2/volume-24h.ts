import {
  type AggregateCompute,
  boolean,
  type Column,
  fieldsOf,
  float,
  floatSum,
  int,
  type JsonValue,
  object,
  type SnapshotHistory,
  seriesInWindow,
  truncateTo,
} from 'weft/compute'
import { TRADE_VOLUME } from './trade-volume.ts'

export const VOLUME_24H = 'aggregate_pairContract_24h_trade_volume'
export const DAY_SECONDS = 86_400
const AGGREGATE_DIGITS = 5

const FIELDS = ['totalTrade', 'totalFee', 'token0TradeVolume', 'token1TradeVolume', 'token0TradeVolumeUSD', 'token1TradeVolumeUSD'] as const

type Field = (typeof FIELDS)[number]
type Totals = { readonly [Name in Field]: number }

/** Of the volumes of a day, and of seven. */
export const VOLUME_SCHEMA = object({
  epochId: int({ description: 'The epoch it is of' }),
  totalTrade: float({ unit: 'USD', description: 'Value of all swaps' }),
  totalFee: float({ unit: 'USD', description: 'What was charged for them' }),
  token0TradeVolume: float({ unit: 'token 0', description: 'Swapped of token 0' }),
  token1TradeVolume: float({ unit: 'token 1', description: 'Swapped of token 1' }),
  token0TradeVolumeUSD: float({ unit: 'USD', description: 'Value of what was swapped of token 0' }),
  token1TradeVolumeUSD: float({ unit: 'USD', description: 'Value of what was swapped of token 1' }),
  complete: boolean({ description: 'Whether the whole time was there to add up' }),
})

/** Trade volume of one pair over 24 hours (spec/08 §5). */
export const volume24h: AggregateCompute = {
  projectType: VOLUME_24H,
  schema: VOLUME_SCHEMA,
  description: 'Trade volume of a pair over 24 hours',
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
}): Promise<Totals & { readonly complete: boolean }> {
  const { present, history, windowEpochs } = options
  const { projectId, epochId, snapshot } = present
  const earlier = await seriesInWindow(history, { projectId, epochId, windowEpochs, fields: FIELDS })
  const columns = fieldsOf(snapshot, FIELDS).map((value, index) => [[value], ...(earlier.columns[index] ?? [])])
  return { ...totals(columns), complete: earlier.isWhole }
}

/** Each volume added up in the order of the snapshots, and cut to five digits at the end. */
export function totalsOf(snapshots: readonly JsonValue[]): Totals {
  const rows = snapshots.map((snapshot) => fieldsOf(snapshot, FIELDS))
  return totals(FIELDS.map((_, index) => [rows.map((row) => row[index] as JsonValue)]))
}

function totals(columns: readonly Column[]): Totals {
  const total = (field: Field): number => truncateTo(floatSum(columns[FIELDS.indexOf(field)] ?? [], field), AGGREGATE_DIGITS)
  return {
    totalTrade: total('totalTrade'),
    totalFee: total('totalFee'),
    token0TradeVolume: total('token0TradeVolume'),
    token1TradeVolume: total('token1TradeVolume'),
    token0TradeVolumeUSD: total('token0TradeVolumeUSD'),
    token1TradeVolumeUSD: total('token1TradeVolumeUSD'),
  }
}
