import { existsSync } from 'node:fs'
import { WeftError } from '#domain/errors.ts'
import type { NodeHome } from '#node/node-config.ts'
import { type Given, SETTINGS, unknownVariables } from '#node/settings/settings.ts'

/** The data directory that a flag or else the environment names, if any. Throws `SETTINGS_INVALID`, also for variables that Weft does not know. */
export function givenDataDir(env: Given, flag: string | undefined): string | undefined {
  const problems = unknownVariables(env)
  const given = flag ?? env[SETTINGS.dataDir.env]
  if (given?.trim() === '') problems.push(`--data-dir (${SETTINGS.dataDir.env}): is empty`)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return given
}

/** The same, where nothing else will do. Throws `SETTINGS_INVALID`. */
export function neededDataDir(env: Given, flag: string | undefined): string {
  const given = givenDataDir(env, flag)
  if (given === undefined) throw new WeftError('SETTINGS_INVALID', { problems: [`--data-dir (${SETTINGS.dataDir.env}) is needed`] })
  return given
}

/** The file of `./weft node`, where somebody runs one from this folder. */
const NODE_FILE = 'weft.json'

/** The node whose file lies in this folder; `undefined` where there is none. Throws `SETTINGS_INVALID`. */
export async function nodeHere(file = NODE_FILE): Promise<NodeHome | undefined> {
  if (!existsSync(file)) return undefined
  const { homeIn } = await import('#node/node-config.ts')
  return homeIn(file)
}

/** The data directory that is given, or that of the node here; `undefined` where there is none. Throws `SETTINGS_INVALID`. */
export async function dataDirOfNode(env: Given, flag: string | undefined, file = NODE_FILE): Promise<string | undefined> {
  return givenDataDir(env, flag) ?? (await nodeHere(file))?.dataDir
}

/** The network file of that node, unless the environment names another. Throws `SETTINGS_INVALID`. */
export async function networkOfNode(env: Given, file = NODE_FILE): Promise<string | undefined> {
  return env[SETTINGS.network.env] === undefined ? (await nodeHere(file))?.network : undefined
}

/** The same, or that of the devnet started last: one that was kept after its end tells as much as one that runs. Throws `SETTINGS_INVALID`, `DATA_DIR_UNKNOWN`. */
export async function dataDirHere(env: Given, flag: string | undefined): Promise<string> {
  const { latestDevnet } = await import('#devnet/registry.ts')
  const dataDir = (await dataDirOfNode(env, flag)) ?? latestDevnet()
  if (dataDir === undefined) throw new WeftError('DATA_DIR_UNKNOWN', { dataDir: '(none given, none announced)' })
  return dataDir
}

/** Of commands that look into the data directory of a role. */
export interface HomeFlags {
  readonly dataDir?: string
  readonly json: boolean
}

export const HOME_FLAGS = {
  dataDir: {
    kind: 'parsed',
    parse: String,
    optional: true,
    brief:
      'Data directory of a role, of a node or of a devnet (WEFT_DATA_DIR); default: of the node whose weft.json lies here, or else of the devnet started last',
  },
  json: { kind: 'boolean', default: false, brief: 'Print one JSON object per role' },
} as const

export const DEVNET_FLAG = {
  kind: 'parsed',
  parse: String,
  optional: true,
  brief: 'Data directory of a devnet that runs or was kept (WEFT_DATA_DIR); default: the one started last',
} as const
