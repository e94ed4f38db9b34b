import { eligibleSlots } from '#domain/counts.ts'
import type { SlotId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Counting } from './count.ts'
import type { Day } from './day-book.ts'

/** What slots delivered, by day, as this sequencer counts it (S17). It only reads; of a day that is not on record nothing is known, and that is nothing. */
export interface Tallies {
  /** Days on record, ascending; the last is the current one. */
  days(): readonly Day[]
  /** How many submissions of a slot are in batches on chain of the day, and how many of those won. */
  ofSlot(slotId: SlotId, day: number): { readonly total: number; readonly eligible: number }
  /**
   * Slots that reached the quota on a day, ascending: of a day that is over the quota by which the contract was told of them, if it was; else
   * the one that the chain has now. Rejects as the chain does.
   */
  eligible(day: number): Promise<readonly SlotId[]>
}

export interface TalliesDeps {
  readonly counting: Pick<Counting, 'days' | 'totals'>
  readonly chain: Pick<AnchorChain, 'rewardRules'>
  quotaOf(day: Day): number | undefined
}

export function createTallies({ counting, chain, quotaOf }: TalliesDeps): Tallies {
  let known: { readonly day: number; readonly quota: Promise<number> } | undefined

  /** Read once a day, however often it is asked for. */
  function quota(): Promise<number> {
    const { day } = counting.days().at(-1) as Day
    if (known?.day !== day) {
      const reading = { day, quota: chain.rewardRules().then(({ dailySnapshotQuota }) => dailySnapshotQuota) }
      reading.quota.catch(() => {
        if (known === reading) known = undefined
      })
      known = reading
    }
    return known.quota
  }

  return {
    days: counting.days,
    ofSlot(slotId, day) {
      const { all, won } = counting.totals(day)
      return { total: all.get(slotId) ?? 0, eligible: won.get(slotId) ?? 0 }
    },
    async eligible(day) {
      const past = counting.days().find((each, index, { length }) => each.day === day && index < length - 1)
      return eligibleSlots(counting.totals(day).won, (past && quotaOf(past)) ?? (await quota()))
    },
  }
}
