import { ERRORS, type ErrorRow } from './errors.ts'
import { EVENTS, type EventRow, type LogEvent, type LogLevel } from './events.ts'
import { ENDPOINT_TROUBLES, GATEWAY_TROUBLES } from './reasons.ts'
import { REJECTIONS, type RejectionRow } from './rejection.ts'

/** What is wrong now, from what a role tells: events that go on until another takes them back, or that come again while they last. */

type Facts = Readonly<Record<string, unknown>>

export interface Trouble {
  readonly event: LogEvent
  readonly level: LogLevel
  /** Of the first and the last time. */
  readonly sinceMs: number
  readonly lastMs: number
  readonly times: number
  /** Of the last time. */
  readonly facts: Facts
}

export interface Troubles {
  note(event: LogEvent, facts: Facts): void
  /** Goes on as far as is known, the oldest first. */
  now(): readonly Trouble[]
  /** Warnings and errors of the last hour that are over, or happened once: the newest first. */
  lately(): readonly Trouble[]
}

/** What repeats is told at least this often while it lasts: the longest pause between two attempts is half of it. */
const REPEATED_LASTS_MS = 60_000
const LATELY_MS = 3_600_000
/** Different troubles that are remembered; the ones that were silent longest go first. */
const KEPT_MAX = 200

/** By these facts two lines are about the same thing. */
const ABOUT = ['chain', 'endpoint', 'gateway', 'trouble', 'doing', 'account', 'address', 'place', 'cid', 'code', 'reason', 'means'] as const

export function createTroubles(nowMs: () => number): Troubles {
  const known = new Map<string, Trouble & { isOver: boolean }>()

  function end(by: LogEvent, facts: Facts): void {
    const over = [...known.values()].filter(
      (trouble) => !trouble.isOver && (EVENTS[trouble.event] as EventRow).until === by && isSame(trouble.facts, facts),
    )
    for (const trouble of known.values()) if (over.some((cause) => cause === trouble || isFollowing(trouble, cause))) trouble.isOver = true
  }

  function isNow({ event, lastMs, isOver }: Trouble & { readonly isOver: boolean }): boolean {
    const row: EventRow = EVENTS[event]
    if (isOver) return false
    return row.isRepeated === true ? nowMs() - lastMs < REPEATED_LASTS_MS : row.until !== undefined
  }

  return {
    note(event, facts) {
      const { level } = EVENTS[event]
      end(event, facts)
      if (level !== 'warn' && level !== 'error') return
      const key = JSON.stringify([event, ...ABOUT.map((name) => facts[name])])
      const before = known.get(key)
      const isGoing = before !== undefined && isNow(before)
      known.delete(key)
      known.set(key, {
        event,
        level,
        sinceMs: isGoing ? before.sinceMs : nowMs(),
        lastMs: nowMs(),
        times: (before?.times ?? 0) + 1,
        facts,
        isOver: false,
      })
      const [silent] = known.keys()
      if (known.size > KEPT_MAX && silent !== undefined) known.delete(silent)
    },
    now() {
      const going = [...known.values()].filter(isNow)
      return going
        .filter((trouble) => !going.some((cause) => isFollowing(trouble, cause)))
        .map(told)
        .sort((left, right) => left.sinceMs - right.sinceMs)
    },
    lately: () =>
      [...known.values()]
        .filter((trouble) => !isNow(trouble) && nowMs() - trouble.lastMs < LATELY_MS)
        .map(told)
        .reverse(),
  }
}

const told = ({ isOver: _, ...trouble }: Trouble & { readonly isOver: boolean }): Trouble => trouble

/** What says of a step that it failed, whatever the reason. */
const STEPS: readonly LogEvent[] = ['will_try_again', 'anchor_chain_trouble']
/** The word for what an endpoint does, of which a step fails with that code. */
const ENDPOINT_CODES: Readonly<Record<string, string>> = { unreachable: 'CHAIN_UNREACHABLE', wrong_chain: 'CHAIN_EXCHANGED' }

/** Whether a step waits for what another line tells already, with what to do: an endpoint that does not answer, an account without ether. */
function isFollowing({ event, facts }: Trouble, { event: by, facts: told }: Trouble): boolean {
  if (!STEPS.includes(event) || STEPS.includes(by) || facts['code'] === undefined) return false
  if (told['trouble'] !== undefined)
    return facts['endpoint'] === told['endpoint'] && facts['code'] === ENDPOINT_CODES[String(told['trouble'])]
  return facts['account'] !== undefined && facts['account'] === told['account'] && facts['code'] === told['code']
}

/** Whether two lines agree about everything that both of them name. */
const isSame = (left: Facts, right: Facts): boolean =>
  ABOUT.every((name) => left[name] === undefined || right[name] === undefined || left[name] === right[name])

/** What to do: of the event, and of the code or the word that it tells. */
export function helpOf({ event, facts: { code, trouble } }: Pick<Trouble, 'event' | 'facts'>): string {
  const { [String(code)]: failure } = ERRORS as Readonly<Record<string, ErrorRow>>
  const { [String(code)]: rejection } = REJECTIONS as Readonly<Record<string, RejectionRow>>
  const { [String(trouble)]: misbehaviour } = { ...ENDPOINT_TROUBLES, ...GATEWAY_TROUBLES } as Readonly<Record<string, string>>
  return [EVENTS[event].help, misbehaviour, failure?.help ?? rejection?.help].filter((help) => help !== undefined).join(' ')
}
