import { buildCommand, buildRouteMap } from '@stricli/core'
import type { ShownSetting } from '#node/show-config.ts'
import { type Given, unknownVariables } from '#node/settings/settings.ts'
import { printable } from '#domain/printable.ts'

export const CONFIG_FLAG = {
  kind: 'parsed',
  parse: String,
  default: 'weft.json',
  brief: 'The file that says which roles to run, and how',
} as const

interface ShowFlags {
  readonly config: string
  readonly origin: boolean
  readonly json: boolean
}

const ORIGINS: Readonly<Record<ShownSetting['origin'], string>> = {
  flag: 'flag',
  environment: 'environment',
  file: 'file',
  'network file': 'network file',
  default: 'default',
  market: 'the market says it',
  optional: 'not needed',
  missing: 'missing: needed',
}

function inWords(rows: readonly ShownSetting[], isWithOrigin: boolean): string {
  const width = Math.max(...rows.map(({ setting }) => setting.length))
  const lines: string[] = []
  for (const [index, { part, setting, value, origin }] of rows.entries()) {
    if (rows[index - 1]?.part !== part) lines.push(...(index === 0 ? [] : ['']), part)
    lines.push(`  ${setting.padEnd(width)}  ${printable(value) || '-'}${isWithOrigin ? `  (${ORIGINS[origin]})` : ''}`)
  }
  return lines.join('\n')
}

const showCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: ShowFlags) {
    const { readConfig } = await import('#node/node-config.ts')
    const { shownSettings } = await import('#node/show-config.ts')
    const env = this.process.env as Given
    const rows = shownSettings(readConfig(flags.config), env)
    // Nobody would find it in the table, and the node does not start with it.
    for (const problem of unknownVariables(env)) this.process.stderr.write(`weft: ${problem}\n`)
    this.process.stdout.write(`${flags.json ? JSON.stringify(rows) : inWords(rows, flags.origin)}\n`)
  },
  parameters: {
    flags: {
      config: CONFIG_FLAG,
      origin: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Say of each value whether it is the default, or comes from the file, the environment or the network file',
      },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print one JSON list and nothing else' },
    },
  },
  docs: { brief: 'Show every setting of every part of a node; secrets are not shown' },
})

const checkCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, { config, json }: Pick<ShowFlags, 'config' | 'json'>) {
    const { readConfig } = await import('#node/node-config.ts')
    const { readParts } = await import('#node/node.ts')
    const parts = readParts(readConfig(config), this.process.env as Given).map(({ name, role, settings }) => ({
      name,
      role,
      dataDir: settings.dataDir,
      ...(role === 'snapshotter' && { slots: settings.slots.length, collector: settings.collector }),
    }))
    if (json) this.process.stdout.write(`${JSON.stringify(parts)}\n`)
    else
      for (const { name, role, dataDir, slots, collector } of parts)
        this.process.stdout.write(
          `${name.padEnd(12)} ${role.padEnd(12)} ${dataDir}${slots === undefined ? '' : `, ${slots} ${slots === 1 ? 'slot' : 'slots'}, hands over to ${collector}`}\n`,
        )
  },
  parameters: {
    flags: {
      config: CONFIG_FLAG,
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print one JSON list and nothing else' },
    },
  },
  docs: { brief: 'Say what is wrong with the file of a node, and start nothing' },
})

const schemaCommand = buildCommand({
  async func(this: { process: NodeJS.Process }) {
    const { configSchema } = await import('#node/node-config.ts')
    this.process.stdout.write(`${JSON.stringify(configSchema(), undefined, 2)}\n`)
  },
  parameters: {},
  docs: { brief: 'Print the form of the file of a node, as JSON Schema' },
})

export const configRoutes = buildRouteMap({
  routes: { show: showCommand, check: checkCommand, schema: schemaCommand },
  docs: { brief: 'Look at the file of a node' },
})
