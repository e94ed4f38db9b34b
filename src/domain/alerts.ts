import { EVENTS, type LogEvent } from './events.ts'
import { factsText } from './log-line.ts'

/** What is worth waking somebody for, of what a role tells. */

/** As deployed nodes name what they report. */
export type IssueType = 'MISSED_SNAPSHOT' | 'SUBMITTED_INCORRECT_SNAPSHOT' | 'UNHEALTHY_EPOCH_PROCESSING'

export interface Alert {
  readonly role: string
  readonly event: LogEvent | 'not_ready'
  readonly issueType: IssueType
  /** Alerts of one kind are held back for a while after the first. */
  readonly kind: string
  readonly text: string
  /** Empty where it is about none. */
  readonly projectId: string
  readonly epochId: string
  readonly atMs: number
}

type Facts = Readonly<Record<string, unknown>>

/** Warnings about what is lost, though nothing stands still, and about what will make it stand still. */
const LOSSES: ReadonlySet<LogEvent> = new Set<LogEvent>([
  'outvoted',
  'votes_left_out',
  'submissions_lost',
  'batch_withheld',
  'batch_missed',
  'batch_refuted',
  'epoch_silent',
  'account_shared',
  'money_low',
])

const isMissing = (event: LogEvent, facts: Facts): boolean =>
  event === 'epoch_done' && typeof facts['missed'] === 'string' && facts['missed'] !== ''

function issueTypeOf(event: LogEvent): IssueType {
  if (event === 'epoch_done') return 'MISSED_SNAPSHOT'
  return event === 'outvoted' ? 'SUBMITTED_INCORRECT_SNAPSHOT' : 'UNHEALTHY_EPOCH_PROCESSING'
}

const textIn = (facts: Facts, name: string): string =>
  typeof facts[name] === 'string' || typeof facts[name] === 'number' ? String(facts[name]) : ''

/** The alert that an event of the log is; `undefined` for what goes on by itself. */
export function alertOf(
  event: LogEvent,
  facts: Facts,
  { role, atMs }: { readonly role: string; readonly atMs: number },
): Alert | undefined {
  if (EVENTS[event].level !== 'error' && !LOSSES.has(event) && !isMissing(event, facts)) return undefined
  const code = textIn(facts, 'code') || textIn(facts, 'reason')
  return {
    role,
    event,
    issueType: issueTypeOf(event),
    kind: `${event} ${code}`.trimEnd(),
    text: `${role}: ${event} ${factsText(facts)}`.slice(0, 1_000).trimEnd(),
    projectId: textIn(facts, 'projectId'),
    epochId: textIn(facts, 'epochId'),
    atMs,
  }
}

/** Of a role that has not been ready for a while, for these reasons. */
export function notReadyAlert(reasons: readonly string[], { role, atMs }: { readonly role: string; readonly atMs: number }): Alert {
  const text = `${role}: not ready: ${reasons.join(', ')}`
  const issueType = 'UNHEALTHY_EPOCH_PROCESSING'
  return { role, event: 'not_ready', issueType, kind: 'not_ready', text, projectId: '', epochId: '', atMs }
}
