import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { z } from 'zod'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { meant, nearest } from '#domain/nearest.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { NO_OBJECT, problemText } from './computes.ts'
import { contentOf } from './given-file.ts'
import { ROLES, type Role } from './settings/roles.ts'
import type { SettingRow } from './settings/row.ts'
import { flagOf, type Given, SETTINGS, type SettingName, settingsOf } from './settings/settings.ts'

/** The file of `./weft node`: which roles one process runs, and the settings of each, by the names of the settings table. */

/** Its name, unless another is given. */
export const CONFIG_FILE = 'weft.json'
const SCHEMA_FILE = 'weft.schema.json'

/** A role in the process, under a name of its own. */
export interface Part {
  readonly name: string
  readonly role: Role
  /** What the file says, its own part before what it says for all. Paths lead from the folder of the file. */
  readonly file: Given
}

export interface NodeConfig {
  readonly path: string
  /** Each part has a folder of its name below it. */
  readonly dataDir: string
  /** In the order in which they need each other. */
  readonly parts: readonly Part[]
}

const START_ORDER: readonly Role[] = ['relay', 'sequencer', 'collector', 'snapshotter', 'validator', 'api', 'epochs']
/** The data directory of a part follows from its name. */
const OWN: readonly SettingName[] = ['dataDir']
const PART_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/
const PARTS_MAX = 100

const NO_DATA_DIR = 'dataDir is needed: the folder for everything that the parts must remember'
const NO_TEXT = { error: 'is not a text' }
const textForm = (doc: string) => z.string(NO_TEXT).meta({ description: doc })

/** A setting as a file has it: numbers as numbers, lists as lists. */
function formOf({ type, doc, min = 0, max = Number.MAX_SAFE_INTEGER, choices, unit }: SettingRow): z.ZodType {
  const description = unit === undefined ? doc : `${doc} In ${unit}.`
  switch (type) {
    case 'integer': {
      const error = { error: `is not an integer from ${min} to ${max}` }
      return z.int(error).min(min, error).max(max, error).meta({ description })
    }
    case 'choice':
      return z.enum(choices as [string, ...string[]], { error: `is none of ${choices?.join(', ')}` }).meta({ description })
    case 'slots': {
      const error = { error: 'is no id of a slot, nor a range as 1-100' }
      return z
        .array(z.union([z.int().min(0), z.string().regex(/^\d+(-\d+)?$/, error)], error), { error: 'is not a list' })
        .meta({ description })
    }
    case 'multiaddrs':
    case 'peers':
    case 'urls':
    case 'hosts':
    case 'places':
    case 'computes':
      return z.array(z.string(NO_TEXT), { error: 'is not a list' }).meta({ description })
    case 'key':
    case 'password':
      // The file is shown, copied and sent to others.
      return z
        .string(NO_TEXT)
        .regex(/^(file|credential):/, { error: 'names no file: file:PATH, or credential:NAME; the secret itself does not belong here' })
        .meta({ description })
    default:
      return textForm(description)
  }
}

const formsOf = (names: readonly SettingName[]): Record<string, z.ZodType> =>
  Object.fromEntries(names.filter((name) => !OWN.includes(name)).map((name) => [name, formOf(SETTINGS[name]).optional()]))

const partForm = (role: Role, isNamed: boolean) => {
  const name = { role: isNamed ? z.literal(role) : z.literal(role).optional() }
  return z.strictObject({ ...name, ...formsOf(settingsOf(role)) }, NO_OBJECT)
}

/** The same in the form of JSON Schema, for editors. */
export function configSchema(): object {
  const named = Object.fromEntries(ROLES.map((role) => [role, partForm(role, false).optional()]))
  const others = z.union(ROLES.map((role) => partForm(role, true)))
  const form = z.strictObject({
    $schema: z.string().optional(),
    dataDir: textForm('Folder below which each part has its data directory, seen from the folder of this file.'),
    settings: z
      .strictObject(formsOf(Object.keys(SETTINGS) as SettingName[]))
      .optional()
      .meta({ description: 'For every part that knows the setting.' }),
    parts: z
      .object(named)
      .catchall(others)
      .meta({ description: 'By name. One that is called as a role is that role; another says its role.' }),
  })
  return z.toJSONSchema(form)
}

/** What the file says, in its form; every part is looked at, and all that is wrong is told at once. Throws `SETTINGS_INVALID`. */
export function readConfig(given: string): NodeConfig {
  const path = resolve(given)
  const problems: string[] = []
  const file = objectIn(jsonIn(path), problems, '')
  const base = dirname(path)
  for (const name of Object.keys(file).filter((key) => !['$schema', 'dataDir', 'settings', 'parts'].includes(key)))
    problems.push(`there is no '${name}' in it: it has dataDir, settings and parts`)
  if (typeof file['dataDir'] !== 'string' || file['dataDir'].trim() === '') problems.push(NO_DATA_DIR)
  const shared = valuesIn(
    file['settings'] ?? {},
    { form: z.strictObject(formsOf(Object.keys(SETTINGS) as SettingName[])), at: 'settings' },
    problems,
  )
  const listed = Object.entries(objectIn(file['parts'] ?? {}, problems, 'parts'))
  if (listed.length === 0) problems.push(`parts names nothing to run: ${ROLES.join(', ')}`)
  if (listed.length > PARTS_MAX) problems.push(`parts has more than ${PARTS_MAX}`)
  const parts = listed.slice(0, PARTS_MAX).flatMap(([name, value]) => {
    const role = roleOf(name, value, problems)
    if (role === undefined) return []
    const own = valuesIn(value, { form: partForm(role, !isRole(name)), at: `parts.${name}` }, problems)
    const names = settingsOf(role)
    const known = Object.fromEntries(Object.entries({ ...shared, ...own }).filter(([key]) => names.includes(key as SettingName)))
    return [{ name, role, file: textsOf(known, base) }]
  })
  for (const name of Object.keys(shared))
    if (parts.length > 0 && !parts.some(({ role }) => settingsOf(role).includes(name as SettingName)))
      problems.push(`settings.${name} is read by no part: ${SETTINGS[name as SettingName].roles.join(', ')} know it`)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems: problems.map((problem) => `${path}: ${problem}`) })
  const order = (part: Part): number => START_ORDER.indexOf(part.role)
  return { path, dataDir: resolve(base, String(file['dataDir'])), parts: parts.toSorted((left, right) => order(left) - order(right)) }
}

/** Where the node of a file is at home. Whatever is not named for all parts is `undefined`, or none. */
export interface NodeHome {
  readonly file: string
  /** Where it keeps what it must remember. */
  readonly dataDir: string
  /** Its network file. */
  readonly network: string | undefined
  readonly anchorRpcUrl: string | undefined
  readonly gateways: readonly string[]
}

/** Whatever else is wrong with the file. Throws `SETTINGS_INVALID`. */
export function homeIn(given: string): NodeHome {
  const path = resolve(given)
  const problems: string[] = []
  const { dataDir, settings } = objectIn(jsonIn(path), problems, '')
  const { network, anchorRpcUrl, gateways } = objectIn(settings ?? {}, problems, 'settings')
  if (typeof dataDir !== 'string' || dataDir.trim() === '') problems.push(NO_DATA_DIR)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems: problems.map((problem) => `${path}: ${problem}`) })
  const base = dirname(path)
  return {
    file: path,
    dataDir: resolve(base, String(dataDir)),
    network: typeof network === 'string' ? resolve(base, network) : undefined,
    anchorRpcUrl: typeof anchorRpcUrl === 'string' ? anchorRpcUrl : undefined,
    gateways: [gateways].flat().filter((url) => typeof url === 'string'),
  }
}

/** For its owner to read alone: URLs of endpoints in it may hold keys. Beside it goes its form, by which editors complete and check it. Throws as `onDisk`. */
export function writeConfig(path: string, config: object): void {
  writeText(join(dirname(path), SCHEMA_FILE), jsonOf(configSchema()))
  writeText(path, jsonOf({ $schema: `./${SCHEMA_FILE}`, ...config }))
}

const jsonOf = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`

/** A secret that the file names, for its owner to read alone. Throws `SETTINGS_INVALID` rather than replace one, and as `onDisk`. */
export function writeSecret(path: string, text: string): void {
  if (existsSync(path)) throw new WeftError('SETTINGS_INVALID', { problems: [`${path} is there already, and is not replaced`] })
  writeText(path, text)
}

function writeText(path: string, text: string): void {
  onDisk(path, 'writing it', () => {
    makeFolder(dirname(path))
    replaceFile(path, text, 0o600)
  })
}

const isRole = (name: string): name is Role => (ROLES as readonly string[]).includes(name)

function roleOf(name: string, value: unknown, problems: string[]): Role | undefined {
  if (!PART_NAME.test(name)) {
    problems.push(`parts.${name.slice(0, 80)}: a name is made of a-z, 0-9 and -, 32 at most`)
    return undefined
  }
  const said: string = typeof value === 'object' && value !== null && 'role' in value ? String(value.role) : name
  if (isRole(name) && said !== name) {
    problems.push(`parts.${name} has the role '${said.slice(0, 80)}': what is called as a role is that role`)
    return undefined
  }
  if (isRole(said)) return said
  const why =
    said === name ? 'is no role, and does not say which it has: "role"' : `has the role '${said.slice(0, 80)}', which there is not`
  problems.push(`parts.${name} ${why}${meant(nearest(said, ROLES))} There are ${ROLES.join(', ')}`)
  return undefined
}

function valuesIn(
  value: unknown,
  { form, at }: { readonly form: z.ZodType; readonly at: string },
  problems: string[],
): Record<string, unknown> {
  const result = form.safeParse(value)
  if (result.success) {
    const { role: _, ...settings } = result.data as Record<string, unknown>
    return settings
  }
  for (const issue of result.error.issues) {
    if (issue.code === 'unrecognized_keys') problems.push(...issue.keys.map((key) => unknownSetting(key, at)))
    else problems.push(problemText({ message: issue.message, path: [...at.split('.'), ...issue.path] }))
  }
  return {}
}

function unknownSetting(key: string, at: string): string {
  const name = key.slice(0, 80)
  if ((OWN as readonly string[]).includes(name))
    return `${at}.${name}: the folder of a part follows from its name; dataDir stands at the top`
  const known = Object.keys(SETTINGS)
  return Object.hasOwn(SETTINGS, name)
    ? `${at}.${name} is none of its settings: ${SETTINGS[name as SettingName].roles.join(', ')} know it`
    : `${at}.${name} is no setting${meant(nearest(name, known))} \`./weft settings\` lists them`
}

function objectIn(value: unknown, problems: string[], at: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>
  problems.push(`${at === '' ? 'the file' : at} is no object`)
  return {}
}

function jsonIn(path: string): unknown {
  if (!existsSync(path)) throw new WeftError('SETTINGS_INVALID', { problems: [`there is no file ${path}: ./weft init writes one`] })
  const text = contentOf(path, '--config')
  try {
    return JSON.parse(text)
  } catch (failure) {
    // The parser quotes what it stumbled over, and people put secrets where they do not belong: only the place is told.
    const position = Number(/position (\d+)/.exec((failure as Error).message)?.[1] ?? text.length)
    const line = text.slice(0, position).split('\n').length
    throw new WeftError('SETTINGS_INVALID', { problems: [`${path}: is no JSON; it breaks off or goes wrong in line ${line}`] })
  }
}

/** As flags and variables have them. */
function textsOf(values: Readonly<Record<string, unknown>>, base: string): Given {
  const texts = Object.entries(values).map(([name, value]): [string, string] => {
    const items = [value].flat().map((item) => seenFrom(base, name as SettingName, String(item)))
    return [name, items.join(',')]
  })
  return Object.fromEntries(texts)
}

const PATHS: readonly SettingName[] = ['network', 'manifest', 'market', 'computes', 'apiKeys', 'signerCa', 'signerClient', 'signedDir']

/** Paths in the file lead from where it lies, whoever reads it from wherever. */
function seenFrom(base: string, name: SettingName, text: string): string {
  const absolute = (path: string) => (path === '' || isAbsolute(path) ? path : join(base, path))
  if (name === 'signedDir' && text === SETTINGS.signedDir.fallback) return text
  if (PATHS.includes(name)) return absolute(text)
  if (name === 'trustedSequencers' && !/^https?:/.test(text)) return absolute(text)
  const [, kind, path] = /^(file|car):(.*)$/s.exec(text) ?? []
  return kind === undefined || path === undefined ? text : `${kind}:${absolute(path)}`
}

/** Problems of a part, by its name: a setting is named as the file has it. */
export function problemsOfPart(part: Part, failure: unknown): string[] {
  if (!isWeftError(failure, 'SETTINGS_INVALID')) throw failure
  const byFlag = new Map(Object.entries(SETTINGS).map(([name, { env }]) => [`${flagOf(name)} (${env})`, name]))
  return [failure.facts.problems]
    .flat()
    .map(String)
    .map((problem) => {
      const [flag] = /^--[a-z0-9-]+ \(WEFT_\w+\)/.exec(problem) ?? []
      const name = flag === undefined ? undefined : byFlag.get(flag)
      return name === undefined || flag === undefined ? `${part.name}: ${problem}` : `${part.name}: ${name}${problem.slice(flag.length)}`
    })
}
