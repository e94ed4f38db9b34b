import { WeftError } from '#domain/errors.ts'
import type { SlotId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Asking } from '#io/http/port.ts'
import type { RouteInput, SequencerRoute } from '#wire/sequencer-api.ts'
import type { ArchiveDeps } from './archive.ts'
import type { LastSeen, Seen } from './counters.ts'
import type { Sequencer } from './sequencer.ts'
import type { SubmissionCounts } from './submission-counts.ts'

/** What answers over HTTP are made from. */
export interface AnswerDeps extends ArchiveDeps {
  readonly sequencer: ArchiveDeps['sequencer'] & Pick<Sequencer, 'lastSeen'>
  readonly chain: Pick<AnchorChain, 'chainId' | 'dataMarket' | 'protocolState'>
  readonly counts: SubmissionCounts
}

/** One per route. What it returns is written as JSON. */
export type Answers = { readonly [Name in SequencerRoute]: (input: RouteInput<Name>, asking: Asking) => unknown }

/** RFC 3339, in whole seconds as deployed servers write it. */
export const timestampOf = ({ atMs }: Seen): string => new Date(atMs).toISOString().replace(/\.\d+/, '')

/** The last submission of a slot: of the kind, or of any. Throws `SLOT_NOT_SEEN`. */
export function seenOf(slotId: SlotId, kind: keyof LastSeen | 'any', { sequencer }: AnswerDeps): Seen {
  const { simulated, snapshot } = sequencer.lastSeen(slotId)
  const newest = (simulated?.atMs ?? 0) > (snapshot?.atMs ?? 0) ? simulated : snapshot
  const seen = { simulated, snapshot, any: newest }[kind]
  if (seen === undefined) throw new WeftError('SLOT_NOT_SEEN', { slotId })
  return seen
}

/** The day, if it has begun. Throws `REQUEST_INVALID`, `COUNTS_NOT_KEPT`. */
export function begun(day: number, { counts }: AnswerDeps): number {
  const current = counts.currentDay()
  if (day > current) throw new WeftError('REQUEST_INVALID', { problems: [`day: the current day is ${current}`] })
  return day
}

/** So many days, the current one first. Throws `REQUEST_INVALID`, `COUNTS_NOT_KEPT`. */
export function daysBack(pastDays: number, { counts }: AnswerDeps): readonly number[] {
  const current = counts.currentDay()
  if (pastDays > current) throw new WeftError('REQUEST_INVALID', { problems: [`pastDays: the current day is ${current}`] })
  return Array.from({ length: pastDays }, (_, index) => current - index)
}
