import { createReadStream, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buildCommand } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { EVENTS, type LogEvent, type LogLevel } from '#domain/events.ts'
import { textLine } from '#domain/log-line.ts'
import type { Given } from '#node/settings/settings.ts'
import { givenDataDir, dataDirOrDevnets, HOME_FLAGS } from './data-dir.ts'

/** Louder ones last, by the numbers of the log's own library. */
const LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[]

interface Flags {
  readonly dataDir?: string
  readonly level: LogLevel
  readonly role?: string
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

/** Of each log of a devnet, which has one per role, in the order of time. */
async function devnetLines(dataDir: string): Promise<readonly (readonly [text: string, line: Line])[]> {
  const folder = join(dataDir, 'logs')
  if (!existsSync(folder)) throw new WeftError('DATA_DIR_EMPTY', { dataDir: folder })
  const lines: (readonly [string, Line])[] = []
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.log')))
    for await (const text of linesIn(createReadStream(join(folder, name)))) {
      const line = lineIn(text)
      if (line !== undefined) lines.push([text, { ...line, role: name.slice(0, -'.log'.length) }])
    }
  return lines.sort(([, left], [, right]) => left.time - right.time)
}

export const logsCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags) {
    const { stdin, stdout } = this.process
    const show = (text: string, line: Line): void => {
      if (!isWanted(line, flags)) return
      stdout.write(flags.json ? `${text}\n` : textLine({ ...line, at: new Date(line.time) }))
    }
    const given = givenDataDir(this.process.env as Given, flags.dataDir)
    // A pipe has what a supervisor kept; without one the devnet's own are meant.
    if (given === undefined && stdin.isTTY !== true) {
      for await (const text of linesIn(stdin)) {
        const line = lineIn(text)
        if (line !== undefined) show(text, line)
      }
      return
    }
    for (const [text, line] of await devnetLines(await dataDirOrDevnets(this.process.env as Given, given))) show(text, line)
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
      json: { kind: 'boolean', default: false, brief: 'Print the lines as they are' },
    },
  },
  docs: {
    brief: 'Show logs as a terminal shows them',
    fullDescription:
      'What roles write as JSON, a line of text for each event: the logs of a devnet, all roles in the order of time, or what is piped in, `journalctl -u weft -o cat -f | ./weft logs`. Times are local. Lines of other programs are left out. `./weft explain EVENT` says what a line means.',
  },
})
