import { WeftError } from '#domain/errors.ts'
import type { Cid, ProjectId, SlotId } from '#domain/ids.ts'

/** What is counted by day, as far as the HTTP routes ask for it. Each may throw `COUNTS_NOT_KEPT`. */
export interface SubmissionCounts {
  /** The market's day now. */
  currentDay(): number
  /** How many votes of the slot are in anchored batches of the day, and how many of those won. */
  ofSlot(slotId: SlotId, day: number): { readonly total: number; readonly eligible: number }
  /** Slots that reached the quota of the day, ascending. */
  eligibleSlots(day: number): readonly SlotId[]
  /** Votes of the slot that lost on the day, by project. */
  discardedOfSlot(slotId: SlotId, day: number): readonly DiscardedOnDay[]
}

export interface DiscardedOnDay {
  readonly projectId: ProjectId
  /** What the project was last finalized with instead. */
  readonly finalizedCid: Cid
  readonly snapshotCids: readonly Cid[]
}

function notKept(what: string): never {
  throw new WeftError('COUNTS_NOT_KEPT', { what })
}

/** Of a sequencer that counts no days. */
export const noCounts: SubmissionCounts = {
  currentDay: () => notKept('the day'),
  ofSlot: () => notKept('submissions of a day'),
  eligibleSlots: () => notKept('slots that reached the quota'),
  discardedOfSlot: () => notKept('discarded submissions of a day'),
}
