import type { Report } from '#domain/events.ts'
import { UNREADY_REASONS, type UnreadyReason } from '#domain/reasons.ts'
import type { Unready } from './role.ts'

/** Says in the log why a role is not ready: once when it has lasted, with what to do, and once when it is over. */

const LOOK_EVERY_MS = 5_000
/**
 * So often it is seen before it is said, and missed before it is over: half a minute. A role that starts, or loses a link for a moment, says nothing,
 * and what comes and goes is one. Looks are counted, for the clock may be what is wrong.
 */
const LOOKS = 6
/** Before the first epoch nothing can be handed over, and that takes minutes. */
const LOOKS_LONGER: Partial<Record<UnreadyReason, number>> = { unproven: 120 }

/** What an event of the log has told already, or tells of every start and stop. */
const TOLD_ELSEWHERE: ReadonlySet<UnreadyReason> = new Set<UnreadyReason>([
  'starting',
  'ended',
  'not_appointed',
  'account_stuck',
  'rules_unknown',
  'store_full',
  'restored',
  'signer_failed',
  'twin_listening',
  'twin_found',
  'index_behind',
])
/** With another detail it is another loss: one more slot. */
const TOLD_BY_DETAIL: ReadonlySet<UnreadyReason> = new Set<UnreadyReason>(['slots_lost'])

interface Known {
  readonly seen: number
  readonly missed: number
  /** What was said, if it was. */
  readonly told?: Unready
}

export interface TellDeps {
  readonly unready: () => readonly Unready[]
  readonly report: Report
}

/** Looks each five seconds, until it is stopped. */
export function tellUnready({ unready, report }: TellDeps): { look(): void; stop(): void } {
  const known = new Map<UnreadyReason, Known>()

  function seen(now: Unready): void {
    const { reason, detail } = now
    const { seen = 0, told } = known.get(reason) ?? {}
    const isTold = told !== undefined && (told.detail === detail || !TOLD_BY_DETAIL.has(reason))
    const isDue = !isTold && seen + 1 >= (LOOKS_LONGER[reason] ?? LOOKS)
    if (isDue) report('unready', { reason, ...(detail !== undefined && { detail }), help: UNREADY_REASONS[reason] })
    const said = isDue ? now : told
    known.set(reason, { seen: seen + 1, missed: 0, ...(said !== undefined && { told: said }) })
  }

  function missed(reason: UnreadyReason, before: Known): void {
    if (before.told !== undefined && before.missed + 1 < LOOKS) return void known.set(reason, { ...before, missed: before.missed + 1 })
    known.delete(reason)
    if (before.told !== undefined) report('unready_over', { reason })
  }

  function look(): void {
    const now = unready().filter(({ reason }) => !TOLD_ELSEWHERE.has(reason))
    for (const each of now) seen(each)
    for (const [reason, before] of known) if (!now.some((each) => each.reason === reason)) missed(reason, before)
  }

  const timer = setInterval(look, LOOK_EVERY_MS)
  timer.unref()
  return { look, stop: () => clearInterval(timer) }
}
