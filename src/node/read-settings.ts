import { isWeftError, WeftError } from '#domain/errors.ts'
import { isProjectId, parseAddress, parseSlotId, safeUint, type Address, type SlotId } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { type FolderSet, openComputeFolders } from './compute-folder.ts'
import type { MarketComputes } from './computes.ts'
import { textOf } from './given-file.ts'
import { readMarketFile } from './market-file.ts'
import { findNetwork, type Network } from './network.ts'
import { type AddressForm, LISTEN_FORM, PEER_FORM } from './peer-address.ts'
import { parsePlaces, type PlaceSetting, problemOfUrl, problemsOfPinning } from './pin-places.ts'
import { problemsInRpc } from './rpc-urls.ts'
import {
  flagOf,
  type Given,
  type Role,
  SETTINGS,
  type SettingName,
  type SettingRow,
  type Settings,
  settingsOf,
  unknownVariables,
} from './settings.ts'
import { problemsOfTrusted } from './trusted-sequencers.ts'

/**
 * Reads a role's settings: flags first, then the environment, then the network file, then the default. All problems are reported at once,
 * those inside the files that they name and unknown `WEFT_*` variables among them; a bad value never becomes the default. Nothing is
 * connected before. Throws `SETTINGS_INVALID`.
 */
export function readSettings(role: Role, flags: Given, env: Given): Settings {
  const problems = unknownVariables(env)
  const networkPath = settingsOf(role).includes('network') ? (flags['network'] ?? env[SETTINGS.network.env]) : undefined
  const network = suppliedBy(networkPath, problems)
  const settings: Partial<Record<SettingName, unknown>> = {}
  for (const name of settingsOf(role)) {
    const row: SettingRow = SETTINGS[name]
    const text = flags[name] ?? env[row.env] ?? (row.fromNetwork && network?.[row.fromNetwork])?.toString()
    if (text === undefined && (row.fromMarket !== undefined || row.optional?.roles.includes(role))) continue
    if (text === undefined && row.notIn?.includes(String(settings.mode)) === true) continue
    if (text === undefined && row.fallback === undefined) {
      // The file that was to supply it has its own problem.
      if (row.fromNetwork !== undefined && networkPath !== undefined) continue
      problems.push(`${flagOf(name)} (${row.env})${row.fromNetwork === undefined ? '' : ' or --network'} is needed: ${row.doc}`)
      continue
    }
    const value = text === undefined ? fallbackOf(row) : parse(row, text, settings as Partial<Settings>)
    if (value instanceof Problem) problems.push(...value.texts.map((problem) => `${flagOf(name)} (${row.env}): ${problem}`))
    else settings[name] = value
  }
  if (problems.length === 0) problems.push(...problemsOfPinning(settings as Partial<Settings>))
  if (problems.length === 0 && role === 'collector') problems.push(...problemsOfCollector(settings as Partial<Settings>))
  if (problems.length === 0 && role === 'sequencer') problems.push(...problemsOfMode(settings as Settings))
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return Object.freeze(settings) as Settings
}

/** Parts of a sequencer find one another through NATS. */
function problemsOfMode({ mode, nats }: Pick<Settings, 'mode' | 'nats'>): string[] {
  return mode === 'all' || nats.reveal() !== '' ? [] : [`${flagOf('nats')} (${SETTINGS.nats.env}) is needed with --mode ${mode}`]
}

/** What a collector needs hangs on what it is to do. */
function problemsOfCollector(settings: Partial<Settings>): string[] {
  const { sequencers = [], trustedSequencers = '', anchorRpcUrl } = settings
  const needs = (names: readonly SettingName[], why: string): string[] =>
    names
      .filter((name) => settings[name] === undefined)
      .map((name) => `${flagOf(name)} (${SETTINGS[name].env})${'fromNetwork' in SETTINGS[name] ? ' or --network' : ''} is needed ${why}`)
  return [
    ...(sequencers.length === 0 && trustedSequencers === ''
      ? ['--sequencers (WEFT_SEQUENCERS) or --trusted-sequencers is needed: nothing could ever be delivered']
      : []),
    ...(anchorRpcUrl === undefined ? [] : needs(['anchorChainId', 'protocolState', 'dataMarket'], 'with --anchor-rpc-url')),
    ...(anchorRpcUrl === undefined && trustedSequencers !== '' ? needs(['dataMarket'], 'with --trusted-sequencers') : []),
    ...problemsOfTrusted(settings),
  ]
}

const fallbackOf = ({ type, fallback }: SettingRow): unknown => (type === 'secret' ? new Secret(fallback) : fallback)

/** What the network file supplies; what is wrong with it goes to `problems`. */
function suppliedBy(path: string | undefined, problems: string[]): Network | undefined {
  // That it is empty is told of it as of any other setting.
  if (path === undefined || path.trim() === '') return undefined
  try {
    const network = findNetwork(path)
    if (network === undefined) problems.push(`--network (${SETTINGS.network.env}): there is no file ${path}`)
    return network
  } catch (failure) {
    if (!isWeftError(failure, 'SETTINGS_INVALID')) throw failure
    problems.push(...[failure.facts.problems].flat().map((problem) => `--network (${SETTINGS.network.env}): ${problem}`))
    return undefined
  }
}

const KEY_FORM = /^(?:0x)?[0-9a-fA-F]{64}$/

class Problem {
  readonly texts: readonly string[]
  constructor(...texts: string[]) {
    this.texts = texts
  }
}

function parse(row: SettingRow, text: string, before: Partial<Settings>): unknown {
  switch (row.type) {
    case 'integer':
      return parseInteger(row, text)
    case 'slots':
      return parseSlots(row, text)
    case 'multiaddrs':
      return parseList(row, text, LISTEN_FORM)
    case 'peers':
      return parseList(row, text, PEER_FORM)
    case 'multiaddr':
      return LISTEN_FORM.is.test(text) ? text : new Problem(`'${shown(text)}' is not ${LISTEN_FORM.like}`)
    case 'host:port':
      return isHostPort(text) ? text : new Problem(`'${shown(text)}' is not host:port`)
    case 'rpc':
      return problemsInRpc(text).length === 0 ? text : new Problem(...problemsInRpc(text))
    case 'address':
      return parseContract(text)
    case 'choice':
      return row.choices?.includes(text) ? text : new Problem(`must be one of ${row.choices?.join(', ')}`)
    case 'key':
      return parseKey(text)
    case 'secret':
      return parseSecret(row, text)
    case 'urls':
      return parseUrls(row, text)
    case 'places':
      return parsePlacesIn(row, text)
    case 'market':
      return parseMarket(text, before.computes ?? [])
    case 'computes':
      return parseComputes(row, text)
    case 'namespace':
      return parseNamespace(text)
    case 'text':
      return text.trim() === '' ? new Problem('is empty') : text
  }
}

function parseInteger(row: SettingRow, text: string): number | Problem {
  const value = safeUint(text)
  const min = row.min ?? 0
  const max = row.max ?? Number.MAX_SAFE_INTEGER
  if (value === undefined || value < min || value > max) return new Problem(`'${shown(text)}' is not an integer from ${min} to ${max}`)
  return value
}

function parseNamespace(text: string): string | Problem {
  if (text.trim() === '') return new Problem('is empty')
  const isPart = !text.includes(':') && isProjectId(`type:${text}`)
  return isPart ? text : new Problem(`'${shown(text)}' cannot end a project id: printable ASCII without spaces and colons does`)
}

/** `found` are the sets of folders that were given. */
function parseMarket(path: string, found: readonly FolderSet[]): MarketComputes | Problem {
  return problemsOr(() => readMarketFile(path, found))
}

function parseComputes(row: SettingRow, text: string): readonly FolderSet[] | Problem {
  const folders = parseList(row, text)
  return folders instanceof Problem ? folders : problemsOr(() => openComputeFolders(folders))
}

function problemsOr<Value>(read: () => Value): Value | Problem {
  try {
    return read()
  } catch (failure) {
    if (isWeftError(failure, 'SETTINGS_INVALID')) return new Problem(...[failure.facts.problems].flat().map(String))
    throw failure
  }
}

function parseSlots(row: SettingRow, text: string): readonly SlotId[] | Problem {
  const items = parseList(row, text)
  if (items instanceof Problem) return items
  const wrong = items.filter((item) => safeUint(item) === undefined)
  return wrong.length === 0 ? items.map(parseSlotId) : new Problem(...wrong.map((item) => `'${shown(item)}' is not the id of a slot`))
}

function parseContract(text: string): Address | Problem {
  try {
    return parseAddress(text)
  } catch (failure) {
    if (isWeftError(failure, 'ID_MALFORMED')) return new Problem('is not an address: 0x and 40 hex digits')
    throw failure
  }
}

function isHostPort(text: string): boolean {
  return /^.+:\d{1,5}$/.test(text) && Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535
}

/** What a header can carry. Nothing of the text is ever told. */
function parseSecret({ min = 1, max = 4_096 }: SettingRow, text: string): Secret<string> | Problem {
  const token = secretTextOf(text)
  if (token === undefined) return new Problem('names a file that cannot be read')
  const isToken = /^[!-~]+$/.test(token) && token.length >= min && token.length <= max
  return isToken ? new Secret(token) : new Problem(`is no token: ${min} to ${max} printable characters without spaces`)
}

/** The text, or that of the file it names; nothing of either is ever told. */
function secretTextOf(text: string): string | undefined {
  return text.startsWith('file:') ? keyTextIn(text.slice('file:'.length)) : text
}

/** The form is checked here; nothing of the text is ever told. */
function parseKey(text: string): Secret<string> | Problem {
  const isFile = text.startsWith('file:')
  const key = secretTextOf(text)
  if (key === undefined) return new Problem('names a file that cannot be read')
  return KEY_FORM.test(key)
    ? new Secret(key)
    : new Problem(
        `${isFile ? 'names a file that holds no private key: 64 hex digits' : 'is no private key: 64 hex digits, or file:PATH of a file that holds it'}`,
      )
}

function parseUrls(row: SettingRow, text: string): readonly string[] | Problem {
  const items = parseList(row, text)
  if (items instanceof Problem) return items
  const problems = items.flatMap((item, index) => {
    const problem = problemOfUrl(item, { isSecret: false })
    return problem === undefined ? [] : [`URL ${index + 1} ${problem}`]
  })
  return problems.length === 0 ? items : new Problem(...problems)
}

function parsePlacesIn(row: SettingRow, text: string): readonly PlaceSetting[] | Problem {
  const items = parseList(row, text)
  if (items instanceof Problem) return items
  const found = parsePlaces(items)
  return 'problems' in found ? new Problem(...found.problems) : found
}

function keyTextIn(path: string): string | undefined {
  try {
    return textOf(path).trim()
  } catch {
    return undefined // Why is not told: the path may be the key itself, mistyped.
  }
}

/** Items between commas. A list that must be given must not be empty. */
function parseList(row: SettingRow, text: string, form?: AddressForm): readonly string[] | Problem {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
  if (items.length === 0 && row.fallback === undefined) return new Problem('is empty')
  const wrong = items.filter((item) => form?.is.test(item) === false)
  return wrong.length === 0 ? items : new Problem(...wrong.map((item) => `'${shown(item)}' is not ${form?.like}`))
}

/** As much of a bad value as a person needs to recognise it. */
function shown(text: string): string {
  return text.slice(0, 80)
}
