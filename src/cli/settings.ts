import { buildCommand } from '@stricli/core'
import { meant, nearest } from '#domain/nearest.ts'
import { ROLES, type Role } from '#node/settings/roles.ts'
import { flagOf, SETTINGS, settingsOf, unlessGiven } from '#node/settings/settings.ts'
import { wrapped } from './words.ts'

export const settingsCommand = buildCommand({
  func(this: { process: NodeJS.Process }, flags: { json: boolean }, role?: Role) {
    const names = role === undefined ? (Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]) : settingsOf(role)
    if (flags.json) {
      this.process.stdout.write(`${JSON.stringify(names.map((name) => ({ flag: flagOf(name), ...SETTINGS[name] })))}\n`)
      return
    }
    for (const name of names) {
      const row = SETTINGS[name]
      const range = 'min' in row ? `, ${row.min} to ${row.max}${'unit' in row ? ` ${row.unit}` : ''}` : ''
      this.process.stdout.write(
        `${flagOf(name)}  ${row.env}  (${row.type}${range}; ${unlessGiven(name)})\n${wrapped(row.doc, '    ')}\n    read by: ${row.roles.join(', ')}\n`,
      )
    }
  },
  parameters: {
    flags: { json: { kind: 'boolean', brief: 'Print the table as JSON', default: false } },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: `One of ${ROLES.join(', ')}`, parse: roleNamed, placeholder: 'role', optional: true }],
    },
  },
  docs: { brief: 'List every setting with its range and default' },
})

/** `beside` is what may stand in its place. */
export function roleNamed(text: string, beside?: string): Role {
  const role = ROLES.find((name) => name === text)
  if (role === undefined)
    throw new SyntaxError(
      `no role '${text}'${meant(nearest(text, ROLES))} There are ${[...ROLES, ...(beside === undefined ? [] : [beside])].join(', ')}`,
    )
  return role
}
