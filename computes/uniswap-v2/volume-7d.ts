import type { AggregateCompute, JsonValue } from 'weft/compute'
import { isComplete } from './pair-day.ts'
import { DAY_SECONDS, totalsOf, VOLUME_24H, VOLUME_SCHEMA } from './volume-24h.ts'

export const VOLUME_7D = 'aggregate_pairContract_7d_trade_volume'
const DAYS = 7

/** Trade volume of one pair over seven days: the present volume of 24 hours and those of the six days before, where there are any (spec/08 §5). */
export const volume7d: AggregateCompute = {
  projectType: VOLUME_7D,
  schema: VOLUME_SCHEMA,
  description: 'Trade volume of a pair over seven days',
  aggregateOn: 'SingleProject',
  baseProjectTypes: [VOLUME_24H],
  async aggregate({ epoch, base, history, epochsIn }) {
    const [present] = base
    if (present === undefined) throw new Error(`epoch ${epoch.epochId} has no volume of a day to aggregate`)
    const { projectId } = present
    const first = (await history.firstEpochId(projectId)) ?? epoch.epochId
    // A day reaches from its last epoch back to its first, both included: the one before ends one epoch earlier.
    const dayEpochs = epochsIn(DAY_SECONDS) + 1
    const ends = Array.from({ length: DAYS - 1 }, (_, index) => epoch.epochId - (index + 1) * dayEpochs)
    const earlier = await Promise.all(ends.filter((end) => end >= first).map((end) => history.snapshot(projectId, end)))
    const days: readonly JsonValue[] = [present.snapshot, ...earlier.filter((day) => day !== undefined)]
    return { epochId: BigInt(epoch.epochId), ...totalsOf(days), complete: days.length === DAYS && days.every(isComplete) }
  },
}
