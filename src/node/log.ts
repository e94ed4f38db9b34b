import pino from 'pino'
import { EVENTS, type EventRow, type LogEvent } from '#domain/events.ts'
import { textLine } from '#domain/log-line.ts'
import { keepLog } from './kept-log.ts'

/** One event of a role's log: a name and its facts. */
export type WriteEvent = (event: LogEvent, facts: Readonly<Record<string, unknown>>) => void

export interface Log {
  readonly report: WriteEvent
  /** Writes what was held back. */
  stop(): void
}

export interface LogOptions {
  readonly role: string
  /** Its name in a process of several roles. */
  readonly part?: string | undefined
  /** A file; the standard error stream when not given. */
  readonly logTo?: string
  /** The folder that keeps the newest lines as well, as JSON. */
  readonly keepIn?: string | undefined
  /** `auto`: text on a terminal, JSON anywhere else. */
  readonly format?: 'auto' | 'text' | 'json' | undefined
}

/** Trouble that goes on is told this often: seen at once, and after an hour still a page. */
const REPEAT_EVERY_MS = 10_000
/** Different troubles that are counted at once; what comes beyond is told each time. */
const REPEATED_MAX = 1_000

/** Of lines that could not be written: what comes beyond is lost. */
const UNWRITTEN_BYTES_MAX = 1024 * 1024

/** Opens the log of a role. One that cannot be written, on a disk that is full, ends nobody: its lines go out with the next that can. How loud an event is stands in the table of events and nowhere else. */
export function openLog({ role, part, logTo, format, keepIn }: LogOptions): Log {
  const destination = pino.destination({ dest: logTo ?? 2, sync: true, maxLength: UNWRITTEN_BYTES_MAX })
  destination.on('error', () => undefined)
  const isText = isTextLog({ logTo, format }, process.stderr)
  const base = part === undefined || part === role ? { role } : { role, part }
  const json = pino({ base }, destination)
  const kept = keepIn === undefined ? undefined : keepLog(keepIn)
  const keeping = kept && pino({ base }, kept)
  const write: WriteEvent = (event, facts) => {
    const { level } = EVENTS[event]
    if (!isText) json[level](facts, event)
    else if (level !== 'debug') destination.write(textLine({ role: part ?? role, event, facts, at: new Date() }))
    keeping?.[level](facts, event)
  }
  const { report, stop } = summarised(write)
  return {
    report,
    stop() {
      stop()
      kept?.stop()
    },
  }
}

/** Whether people read it as it comes. */
export function isTextLog(
  { logTo, format = 'auto' }: Pick<LogOptions, 'format'> & { readonly logTo: string | undefined },
  stderr: { readonly isTTY?: boolean },
): boolean {
  return format === 'auto' ? logTo === undefined && stderr.isTTY === true : format === 'text'
}

/** What repeats, from the same place for the same reason, is told once in a while, with its number. */
export function summarised(write: WriteEvent): Log {
  const running = new Map<string, { times: number; last: () => void; timer: NodeJS.Timeout }>()

  function begin(key: string): void {
    const timer = setTimeout(() => {
      const isOver = running.get(key)?.times === 0
      finish(key)
      if (!isOver) begin(key)
    }, REPEAT_EVERY_MS)
    timer.unref()
    running.set(key, { times: 0, last: () => undefined, timer })
  }

  function finish(key: string): void {
    const kept = running.get(key)
    if (kept === undefined) return
    clearTimeout(kept.timer)
    running.delete(key)
    if (kept.times > 0) kept.last()
  }

  return {
    report(event, facts) {
      const row: EventRow = EVENTS[event]
      if (row.isRepeated !== true) return write(event, facts)
      const { code, doing, reason, address, endpoint, place } = facts
      const key = JSON.stringify([event, code, doing, reason, address, endpoint, place])
      const kept = running.get(key)
      if (kept !== undefined) {
        kept.times += 1
        kept.last = () => write(event, { ...facts, times: kept.times })
        return
      }
      write(event, facts)
      if (running.size < REPEATED_MAX) begin(key)
    },
    stop() {
      for (const key of [...running.keys()]) finish(key)
    },
  }
}
