import { WeftError } from '#domain/errors.ts'
import type { SlotId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Asking } from '#io/http/port.ts'
import type { LastSeen, Seen } from '#roles/sequencer/counters.ts'
import type { Day } from '#roles/sequencer/days/day-book.ts'
import type { Sequencer } from '#roles/sequencer/sequencer.ts'
import type { RouteInput, SequencerRoute } from '#wire/sequencer-api.ts'
import type { ArchiveDeps } from './archive.ts'

/** What answers over HTTP are made from. */
export interface AnswerDeps extends ArchiveDeps {
  readonly sequencer: ArchiveDeps['sequencer'] & Pick<Sequencer, 'lastSeen' | 'tallies'>
  readonly chain: Pick<AnchorChain, 'chainId' | 'dataMarket' | 'protocolState'>
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

/** The day as it is on record; `undefined` when it is too old. Throws `REQUEST_INVALID` when it has not begun, `DAYS_NOT_READ`. */
export function dayOf(day: number, deps: AnswerDeps): Day | undefined {
  const current = currentDay(deps)
  if (day > current) throw new WeftError('REQUEST_INVALID', { problems: [`day: the current day is ${current}`] })
  return deps.sequencer
    .tallies()
    .days()
    .find((each) => each.day === day)
}

/** So many days, the current one first. Throws `REQUEST_INVALID`, `DAYS_NOT_READ`. */
export function daysBack(pastDays: number, deps: AnswerDeps): readonly number[] {
  const current = currentDay(deps)
  if (pastDays > current) throw new WeftError('REQUEST_INVALID', { problems: [`pastDays: the current day is ${current}`] })
  return Array.from({ length: pastDays }, (_, index) => current - index)
}

/** Slots that reached the quota, day by day: of each there may be ten thousand, so others have their turn in between (S16). */
export async function eligibleByDay(days: readonly number[], { sequencer }: AnswerDeps, asking: Asking) {
  const found: { readonly day: number; readonly slotIds: readonly SlotId[] }[] = []
  for (const day of days) {
    await asking.breathe()
    found.push({ day, slotIds: await sequencer.tallies().eligible(day) })
  }
  return found
}

const currentDay = ({ sequencer }: AnswerDeps): number => (sequencer.tallies().days().at(-1) as Day).day
