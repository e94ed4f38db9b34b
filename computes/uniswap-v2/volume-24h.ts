import { type AggregateCompute, floatOf, type JsonValue, type SnapshotHistory, truncateTo } from 'weft/compute'
import { TRADE_VOLUME } from './trade-volume.ts'

export const DAY_SECONDS = 86_400
const AGGREGATE_DIGITS = 5
/** Snapshots read at a time: a day can have 7,200 epochs, each perhaps one request. */
const READS_AT_ONCE = 32

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
  const tail = present.epochId - windowEpochs
  const first = (await history.firstEpochId(present.projectId)) ?? present.epochId
  const earlier = await snapshotsBetween(history, { projectId: present.projectId, from: Math.max(tail, first), before: present.epochId })

  const snapshots = [present.snapshot, ...earlier.filter((snapshot) => snapshot !== undefined)]
  const total = (field: (typeof FIELDS)[number]): number =>
    truncateTo(
      snapshots.reduce<number>((sum, snapshot) => sum + floatOf(snapshot, field), 0),
      AGGREGATE_DIGITS,
    )
  return {
    totalTrade: total('totalTrade'),
    totalFee: total('totalFee'),
    token0TradeVolume: total('token0TradeVolume'),
    token1TradeVolume: total('token1TradeVolume'),
    token0TradeVolumeUSD: total('token0TradeVolumeUSD'),
    token1TradeVolumeUSD: total('token1TradeVolumeUSD'),
    complete: first <= tail && !earlier.includes(undefined),
  }
}

async function snapshotsBetween(
  history: SnapshotHistory,
  range: { projectId: string; from: number; before: number },
): Promise<readonly (JsonValue | undefined)[]> {
  const snapshots: (JsonValue | undefined)[] = []
  for (let start = range.from; start < range.before; start += READS_AT_ONCE) {
    const epochIds = Array.from({ length: Math.min(READS_AT_ONCE, range.before - start) }, (_, index) => start + index)
    snapshots.push(...(await Promise.all(epochIds.map((epochId) => history.snapshot(range.projectId, epochId)))))
  }
  return snapshots
}
