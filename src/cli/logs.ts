import { fstatSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { buildCommand } from '@stricli/core'
import { EVENTS, type LogEvent, type LogLevel } from '#domain/events.ts'
import { printable } from '#domain/printable.ts'
import { textLine } from '#domain/log-line.ts'
import type { FoundLog } from '#node/found-logs.ts'
import type { Given } from '#node/settings/settings.ts'
import { givenDataDir, dataDirHere, HOME_FLAGS } from './data-dir.ts'
import { paintFor, paintOf } from './paint.ts'
import { integerIn } from './parse.ts'

/** Louder ones last, by the numbers of the log's own library. */
const LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[]

interface Flags {
  readonly dataDir?: string
  readonly level: LogLevel
  readonly role?: string
  readonly lines: number
  readonly json: boolean
}

/** A line of JSON, as a role writes it. */
interface Line {
  readonly time: number
  readonly role: string
  /** Its name in a process of several; the role, where it is alone. */
  readonly part: string
  readonly event: LogEvent
  readonly facts: Readonly<Record<string, unknown>>
}

/** `undefined` of a line that no role has written: another program's, or one that was cut. */
export function lineIn(text: string): Line | undefined {
  try {
    const { time, role, msg, level: _, ...facts } = JSON.parse(text) as Record<string, unknown>
    const isOurs = typeof time === 'number' && typeof role === 'string' && typeof msg === 'string' && Object.hasOwn(EVENTS, msg)
    if (!isOurs) return undefined
    const { part, ...others } = facts
    // What a node tells of a part is a fact.
    const isNamed = role !== 'node' && typeof part === 'string'
    return { time, role, part: isNamed ? part : role, event: msg as LogEvent, facts: isNamed ? others : facts }
  } catch {
    return undefined
  }
}

/** What is asked for. */
const isWanted = ({ event, role, part }: Line, flags: Pick<Flags, 'level' | 'role'>): boolean =>
  LEVELS.indexOf(EVENTS[event].level) >= LEVELS.indexOf(flags.level) &&
  (flags.role === undefined || flags.role === role || flags.role === part)

async function* linesIn(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  for await (const text of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) yield text
}

/** Whether something comes in: neither a terminal nor `/dev/null`, which scripts and timers have there, is a pipe. */
export function isFed(fd: number): boolean {
  try {
    const stat = fstatSync(fd)
    return stat.isFIFO() || stat.isFile() || stat.isSocket()
  } catch {
    return false
  }
}

type Shown = readonly [text: string, line: Line]

/** The newest lines that are asked for of each log of a data directory, in the order of time. */
async function keptLines(dataDir: string, flags: Pick<Flags, 'level' | 'role' | 'lines'>): Promise<readonly Shown[]> {
  const { linesOf, logsIn } = await import('#node/found-logs.ts')
  const newestOf = (log: FoundLog): Shown[] => {
    const newest: Shown[] = []
    for (const text of linesOf(log)) {
      const line = lineIn(text)
      const named = line && { ...line, part: log.name ?? line.part }
      if (named !== undefined && isWanted(named, flags) && newest.push([text, named]) === flags.lines) break
    }
    return newest.reverse()
  }
  return logsIn(dataDir)
    .flatMap(newestOf)
    .sort(([, left], [, right]) => left.time - right.time)
    .slice(-flags.lines)
}

/** Whose lines there are, for who has asked for somebody else's. */
async function whose(dataDir: string): Promise<string> {
  const all = await keptLines(dataDir, { level: 'debug', lines: Number.POSITIVE_INFINITY })
  const names = new Set(all.flatMap(([, { role, part }]) => [role, part]))
  return names.size === 0 ? '' : `: there are those of ${[...names].sort().map(printable).join(', ')}`
}

export const logsCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags) {
    const { stdin, stdout } = this.process
    const paint = paintFor(this.process)
    const show = (text: string, line: Line): void => {
      const asText = () => textLine({ ...line, role: line.part, at: new Date(line.time), paint: paintOf(EVENTS[line.event].level, paint) })
      stdout.write(flags.json ? `${text}\n` : asText())
    }
    const given = givenDataDir(this.process.env as Given, flags.dataDir)
    // A pipe has what a supervisor kept; without one those of the node or the devnet are meant.
    if (given === undefined && isFed(stdin.fd)) {
      for await (const text of linesIn(stdin)) {
        const line = lineIn(text)
        if (line !== undefined && isWanted(line, flags)) show(text, line)
      }
      return
    }
    const dataDir = await dataDirHere(this.process.env as Given, given)
    const lines = await keptLines(dataDir, flags)
    for (const [text, line] of lines) show(text, line)
    if (lines.length === 0)
      this.process.stderr.write(`no line of this is kept in ${dataDir}${flags.role === undefined ? '' : await whose(dataDir)}\n`)
  },
  parameters: {
    flags: {
      dataDir: {
        ...HOME_FLAGS.dataDir,
        brief:
          'Data directory of a role, of a node or of a devnet (WEFT_DATA_DIR); default: of the node whose weft.json lies here, or else of the devnet started last; behind a pipe, what comes through it',
      },
      level: { kind: 'enum', values: LEVELS, default: 'info', brief: 'The quietest that is shown' },
      role: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Only of this role, or of the part or the folder of this name: `validator-1`',
      },
      lines: {
        kind: 'parsed',
        parse: integerIn(1, 1_000_000),
        default: '1000',
        brief: 'So many of the newest lines of a data directory; a pipe is shown whole',
      },
      json: { kind: 'boolean', default: false, brief: 'Print the lines as they are' },
    },
  },
  docs: {
    brief: 'Show logs as a terminal shows them',
    fullDescription:
      'What roles write as JSON, a line of text for each event: the newest that roles, the parts of a node or a devnet have kept in their data directories, all in the order of time, or what is piped in, `journalctl -u weft -o cat -f | ./weft logs`. Times are local. Lines of other programs are left out. `./weft explain EVENT` says what a line means.',
  },
})
