import type { Batch, BatchedSubmission } from './batch.ts'
import type { EpochId, SlotId } from './ids.ts'

/** By slot. A slot with nothing is not in it. */
export type SlotCounts = Map<SlotId, number>

/** What slots delivered, in a batch or on a day: submissions in batches on chain. */
export interface Delivered {
  /** One for each project that a slot submitted, whatever won. */
  readonly all: SlotCounts
  /** Those for what became final: these are paid for. */
  readonly won: SlotCounts
}

export const nothingDelivered = (): Delivered => ({ all: new Map(), won: new Map() })

/** What of a batch counts: its projects with their winners, and the submissions for them. */
export interface CountedBatch extends Pick<Batch, 'projectIds' | 'snapshotCids'> {
  readonly submissions: readonly Pick<BatchedSubmission, 'submission'>[]
}

/**
 * What each slot delivered in a batch of the epoch: it won 1 for every project whose winner it voted for (spec/06 §6). Pure, and of the batch file
 * alone, so that anyone finds the same from chain and IPFS. Of a slot's submissions for one project one counts.
 */
export function deliveredIn({ submissions, projectIds, snapshotCids }: CountedBatch, epochId: EpochId): Delivered {
  /** Of each project, by slot, whether it won. */
  const projects = new Map(
    projectIds.map((projectId, index) => [projectId, { winner: snapshotCids[index], slots: new Map<SlotId, boolean>() }]),
  )
  for (const { submission } of submissions) {
    const { slotId, projectId, snapshotCid, epochId: votedIn } = submission.request
    const project = projects.get(projectId)
    if (votedIn !== epochId || project === undefined) continue
    project.slots.set(slotId, snapshotCid === project.winner || project.slots.get(slotId) === true)
  }
  const delivered = nothingDelivered()
  for (const { slots } of projects.values())
    for (const [slotId, hasWon] of slots) {
      increase(delivered.all, slotId, 1)
      if (hasWon) increase(delivered.won, slotId, 1)
    }
  return delivered
}

/** Adds to `totals` what was delivered, or takes it back. */
export function credit(totals: Delivered, delivered: Delivered, times: 1 | -1): void {
  for (const [slotId, count] of delivered.all) increase(totals.all, slotId, times * count)
  for (const [slotId, count] of delivered.won) increase(totals.won, slotId, times * count)
}

function increase(counts: SlotCounts, slotId: SlotId, by: number): void {
  const count = (counts.get(slotId) ?? 0) + by
  if (count === 0) counts.delete(slotId)
  else counts.set(slotId, count)
}

/** The slots that reached the quota, ascending: the day's eligible nodes. */
export function eligibleSlots(totals: SlotCounts, quota: number): readonly SlotId[] {
  return [...totals].flatMap(([slotId, count]) => (count >= quota ? [slotId] : [])).sort((left, right) => left - right)
}

/** What one `updateRewards` says of a day. Counts are in all, not since the last. */
export interface CountsUpdate {
  readonly slotIds: readonly SlotId[]
  readonly submissions: readonly number[]
  readonly eligibleNodes: number
}

/** What has been told of a day, and what is to be told now. */
export interface ToldDay {
  readonly totals: SlotCounts
  /** As the chain has them. */
  readonly told: SlotCounts
  /** The contract refuses every further word about these. */
  readonly rewarded: ReadonlySet<SlotId>
  readonly quota: number
  /** The last word about the day: it names the number of eligible slots, by which they are rewarded. */
  readonly isFinal: boolean
}

/**
 * The updates after which the chain has the day's totals: what differs, ascending by slot, at most `slotsMax` in each. Those that name the number
 * of eligible slots come last and hold nobody else: after the last of them is rewarded the contract refuses to hear the number (E47).
 */
export function updatesOf({ totals, told, rewarded, quota, isFinal }: ToldDay, slotsMax: number): readonly CountsUpdate[] {
  const slotIds = [...new Set([...totals.keys(), ...told.keys()])]
    .filter((slotId) => !rewarded.has(slotId))
    .sort((left, right) => left - right)
  const countOf = (slotId: SlotId) => totals.get(slotId) ?? 0
  const isEligible = (slotId: SlotId) => isFinal && countOf(slotId) >= quota
  const differing = slotIds.filter((slotId) => !isEligible(slotId) && countOf(slotId) !== (told.get(slotId) ?? 0))
  const chunks = (list: readonly SlotId[], eligibleNodes: number) =>
    Array.from({ length: Math.ceil(list.length / slotsMax) }, (_, index) => {
      const part = list.slice(index * slotsMax, (index + 1) * slotsMax)
      return { slotIds: part, submissions: part.map(countOf), eligibleNodes }
    })
  return [...chunks(differing, 0), ...chunks(slotIds.filter(isEligible), eligibleSlots(totals, quota).length)]
}
