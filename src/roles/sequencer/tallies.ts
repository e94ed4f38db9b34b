import { eligibleSlots, type SlotCounts } from '#domain/counts.ts'
import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Store } from '#io/store/port.ts'
import { decodeBallot } from './ballot.ts'
import type { Counting } from './count.ts'
import { votesPrefix } from './keys.ts'
import type { Ledger } from './ledger.ts'

/** A project of an epoch, and who submitted something else than what won. */
export interface DiscardedVotes {
  readonly projectId: ProjectId
  readonly snapshotCid: Cid
  readonly discarded: readonly { readonly slotId: SlotId; readonly snapshotCid: Cid }[]
}

export interface SlotTally {
  readonly slotId: SlotId
  readonly submissions: number
}

/** What slots have delivered, as this sequencer knows it. It only reads. */
export interface Tallies {
  /** Days on record, ascending; the last is the current one. `isWhole`: every epoch of it was followed here. */
  days(): readonly { readonly day: number; readonly isWhole: boolean; readonly firstEpochId: EpochId; readonly lastEpochId: EpochId }[]
  /** Snapshots of one slot on a day. */
  ofSlot(slotId: SlotId, day: number): number
  /** Those of all slots that have any, ascending by slot. */
  ofDay(day: number): readonly SlotTally[]
  /** The same for one epoch; empty once it is long over. */
  ofEpoch(epochId: EpochId): readonly SlotTally[]
  /** The slots that have reached the quota on a day, ascending. */
  eligible(day: number, quota: number): readonly SlotId[]
  /** Submissions of an epoch that did not win, by project; empty once its votes are let go. Reads them all from disk. */
  discarded(epochId: EpochId): readonly DiscardedVotes[]
}

const PAGE_LENGTH = 5_000

export function createTallies({
  counting,
  ledger,
  store,
}: {
  readonly counting: Pick<Counting, 'days' | 'totals' | 'ofEpoch'>
  readonly ledger: Pick<Ledger, 'get'>
  readonly store: Pick<Store, 'scan'>
}): Tallies {
  return {
    days: () => counting.days().map(({ day, isWhole, firstEpochId, lastEpochId }) => ({ day, isWhole, firstEpochId, lastEpochId })),
    ofSlot: (slotId, day) => counting.totals(day).get(slotId) ?? 0,
    ofDay: (day) => inOrder(counting.totals(day)),
    ofEpoch: (epochId) => inOrder(counting.ofEpoch(epochId)),
    eligible: (day, quota) => eligibleSlots(counting.totals(day), quota),
    discarded(epochId) {
      const winners = new Map(ledger.get(epochId)?.projects.map(({ projectId, snapshotCid }) => [projectId, snapshotCid]))
      const found = new Map<ProjectId, { slotId: SlotId; snapshotCid: Cid }[]>()
      for (const { slotId, projectId, snapshotCid } of requestsOf(epochId, store)) {
        const winner = winners.get(projectId)
        if (winner === undefined || winner === snapshotCid) continue
        const list = found.get(projectId)
        if (list === undefined) found.set(projectId, [{ slotId, snapshotCid }])
        else list.push({ slotId, snapshotCid })
      }
      return [...found].map(([projectId, discarded]) => ({ projectId, snapshotCid: winners.get(projectId) as Cid, discarded }))
    },
  }
}

const inOrder = (counts: SlotCounts): SlotTally[] =>
  [...counts].map(([slotId, submissions]) => ({ slotId, submissions })).sort((left, right) => left.slotId - right.slotId)

function* requestsOf(epochId: EpochId, store: Pick<Store, 'scan'>) {
  const prefix = votesPrefix(epochId)
  let page = store.scan(prefix, { limit: PAGE_LENGTH })
  while (page.length > 0) {
    for (const { value } of page) yield decodeBallot(value).submission.request
    page = store.scan(prefix, { after: page.at(-1)?.key ?? prefix, limit: PAGE_LENGTH })
  }
}
