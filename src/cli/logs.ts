import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buildCommand } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { EVENTS, type LogEvent, type LogLevel } from '#domain/events.ts'
import { textLine } from '#domain/log-line.ts'
import { linesFromEnd } from '#node/lines-from-end.ts'
import type { Given } from '#node/settings/settings.ts'
import { givenDataDir, dataDirOrDevnets, HOME_FLAGS } from './data-dir.ts'
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
  readonly event: LogEvent
  readonly facts: Readonly<Record<string, unknown>>
}

/** `undefined` of a line that no role has written: another program's, or one that was cut. */
export function lineIn(text: string): Line | undefined {
  try {
    const { time, role, msg, level: _, ...facts } = JSON.parse(text) as Record<string, unknown>
    const isOurs = typeof time === 'number' && typeof role === 'string' && typeof msg === 'string' && Object.hasOwn(EVENTS, msg)
    return isOurs ? { time, role, event: msg as LogEvent, facts } : undefined
  } catch {
    return undefined
  }
}

/** What is asked for. */
const isWanted = ({ event, role }: Line, flags: Pick<Flags, 'level' | 'role'>): boolean =>
  LEVELS.indexOf(EVENTS[event].level) >= LEVELS.indexOf(flags.level) && (flags.role === undefined || role === flags.role)

async function* linesIn(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  for await (const text of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) yield text
}

type Shown = readonly [text: string, line: Line]

/** The newest lines that are asked for of each log of a devnet, which has one per role, in the order of time. */
function devnetLines(dataDir: string, flags: Pick<Flags, 'level' | 'role' | 'lines'>): readonly Shown[] {
  const folder = join(dataDir, 'logs')
  if (!existsSync(folder)) throw new WeftError('DATA_DIR_EMPTY', { dataDir: folder })
  const newestOf = (name: string): Shown[] => {
    const newest: Shown[] = []
    for (const text of linesFromEnd(join(folder, name))) {
      const line = lineIn(text)
      const named = line && { ...line, role: name.slice(0, -'.log'.length) }
      if (named !== undefined && isWanted(named, flags) && newest.push([text, named]) === flags.lines) break
    }
    return newest.reverse()
  }
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log') && (flags.role === undefined || name === `${flags.role}.log`))
    .flatMap(newestOf)
    .sort(([, left], [, right]) => left.time - right.time)
    .slice(-flags.lines)
}

export const logsCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags) {
    const { stdin, stdout } = this.process
    const paint = paintFor(this.process)
    const show = (text: string, line: Line): void => {
      const asText = () => textLine({ ...line, at: new Date(line.time), paint: paintOf(EVENTS[line.event].level, paint) })
      stdout.write(flags.json ? `${text}\n` : asText())
    }
    const given = givenDataDir(this.process.env as Given, flags.dataDir)
    // A pipe has what a supervisor kept; without one the devnet's own are meant.
    if (given === undefined && stdin.isTTY !== true) {
      for await (const text of linesIn(stdin)) {
        const line = lineIn(text)
        if (line !== undefined && isWanted(line, flags)) show(text, line)
      }
      return
    }
    for (const [text, line] of devnetLines(await dataDirOrDevnets(this.process.env as Given, given), flags)) show(text, line)
  },
  parameters: {
    flags: {
      dataDir: {
        ...HOME_FLAGS.dataDir,
        brief: 'Data directory of a devnet (WEFT_DATA_DIR); default: of the one started last, or, behind a pipe, what comes through it',
      },
      level: { kind: 'enum', values: LEVELS, default: 'info', brief: 'The quietest that is shown' },
      role: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Only of this role; of a devnet the name of its folder, `validator-1`',
      },
      lines: {
        kind: 'parsed',
        parse: integerIn(1, 1_000_000),
        default: '1000',
        brief: 'So many of the newest lines of a devnet; a pipe is shown whole',
      },
      json: { kind: 'boolean', default: false, brief: 'Print the lines as they are' },
    },
  },
  docs: {
    brief: 'Show logs as a terminal shows them',
    fullDescription:
      'What roles write as JSON, a line of text for each event: the newest of the logs of a devnet, all roles in the order of time, or what is piped in, `journalctl -u weft -o cat -f | ./weft logs`. Times are local. Lines of other programs are left out. `./weft explain EVENT` says what a line means.',
  },
})
