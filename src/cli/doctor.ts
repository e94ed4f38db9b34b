import { buildCommand } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { printable } from '#domain/printable.ts'
import { type Role, ROLES } from '#node/settings/roles.ts'
import { type Given, SETTINGS, type SettingName } from '#node/settings/settings.ts'
import type { Finding } from '#operator/doctor/finding.ts'
import { CONFIG_FLAG } from './config.ts'
import { PLAIN, type Paint, paintFor } from './paint.ts'
import { askForSigner } from './password.ts'
import { roleNamed } from './settings.ts'

const SIGNS = { good: '✔', doubtful: '!', bad: '✘' } as const
const INDENT = ' '.repeat(21)

/** A finding, and behind an arrow what mends it: in one line, for whoever pastes it. */
export function findingInWords({ check, state, detail, mend }: Finding, paint: Paint = PLAIN): string {
  const line = `${paint[state](SIGNS[state])} ${check.padEnd(18)} ${printable(detail)}`
  return mend === undefined ? line : `${line}\n${INDENT}→ ${mend}`
}

const flags = (Object.keys(SETTINGS) as SettingName[]).map(
  (name) => [name, { kind: 'parsed', parse: String, optional: true, brief: `As of the role (${SETTINGS[name].env})` }] as const,
)

/** Of the settings there is one flag each. */
interface Flags {
  readonly json: boolean
  readonly config?: string
}

/** All parts of a node at once, as the file says that `./weft node` reads. */
const NODE = 'node'

export const doctorCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, { json, config, ...given }: Flags, role: Role | typeof NODE) {
    const { examine, examineNode } = await import('#operator/doctor/doctor.ts')
    const { createUnlocker } = await import('#node/key-files.ts')
    if (role !== NODE && config !== undefined)
      throw new WeftError('SETTINGS_INVALID', {
        problems: [`--config: is of \`./weft doctor ${NODE}\`, which looks at all that the file runs`],
      })
    const { stdout } = this.process
    const paint = paintFor(this.process)
    const around = { env: this.process.env as Given, unlock: createUnlocker((what) => askForSigner(this.process, what)) }
    const findings: Finding[] = []
    const say = (line: string): void => void (json || stdout.write(`${line}\n`))
    const told = new Set<string>()
    let again: string[] = []
    /** Parts of one machine have much in common: what was told of one is named of the next, and no more, unless it keeps that from working. */
    const sayAgain = (): void => {
      if (again.length > 0) say(`  ${'as above'.padEnd(18)} ${[...new Set(again)].join(', ')}`)
      again = []
    }
    for await (const finding of role === NODE ? examineNode(config ?? CONFIG_FLAG.default, around) : examine(role, given, around)) {
      if (finding.part !== findings.at(-1)?.part) {
        sayAgain()
        if (finding.part !== undefined) say(finding.part)
      }
      const line = findingInWords(finding, paint)
      if (told.has(line) && finding.state !== 'bad') again.push(finding.check)
      else say(line)
      told.add(line)
      findings.push(finding)
    }
    sayAgain()
    const isWell = findings.every(({ state }) => state !== 'bad')
    if (json) stdout.write(`${JSON.stringify({ role, isWell, findings })}\n`)
    this.process.exitCode = isWell ? 0 : 1
  },
  parameters: {
    flags: {
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print one JSON object: role, isWell, findings' },
      config: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: `Of ${NODE} alone: the file that says which roles it runs, and how; default: ${CONFIG_FLAG.default}`,
      },
      ...Object.fromEntries(flags),
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: `One of ${ROLES.join(', ')}; or ${NODE}, as where none is named: all that a file of \`./weft node\` runs`,
          parse: (text: string) => (text === NODE ? NODE : roleNamed(text, NODE)),
          placeholder: 'role',
          default: NODE,
        },
      ],
    },
  },
  docs: {
    brief: 'Look at all that a role needs, say how to mend what is wrong',
    fullDescription:
      'Before or after the role is started. Takes the flags and variables of the role as `./weft ROLE` does, those of a node from its file as `./weft node` does, and changes nothing: what it pins at a place for copies it takes away again. Looks at the settings, the disk, what an earlier life has left in the data directory, open files, ports; the RPC endpoints of both chains (head, lag, logs, old state, chain ids against the market), the clock, what the market asks for, its windows and how final the blocks of its epochs are, the account, its office, its ether and who else signs with it, the signers of slots; IPFS, by adding a file to one node and fetching it with another, by fetching from the node of a role that runs, its peers, and places for copies; the collector, the sequencers and their list; whether alerts have where to go; and, where the role runs, what it says of itself. `!` works and may not for long, `✘` must be mended: behind the arrow stands how. Exit code 1 when something must be mended.',
  },
})
