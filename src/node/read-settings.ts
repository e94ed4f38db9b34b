import { isWeftError, WeftError } from '#domain/errors.ts'
import { isProjectId, parseAddress, parseSlotId, safeUint, type Address, type SlotId } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { checkKeystore, isKeystore } from '#io/keys/keystore.ts'
import { type FolderSet, openComputeFolders } from './compute-folder.ts'
import type { MarketComputes } from './computes.ts'
import { isOpenToOthers, secretFileIn, secretUnread, textOf } from './given-file.ts'
import { readMarketFile } from './market-file.ts'
import { isLoopback } from './loopback.ts'
import { findNetwork, type Network } from './network.ts'
import { problemsOfAlerts } from './alert-places.ts'
import { type AddressForm, LISTEN_FORM, PEER_FORM } from './peer-address.ts'
import { parsePlaces, type PlaceSetting, problemOfUrl, problemsOfPinning } from './pin-places.ts'
import { isHttpUrl, problemsInRpc } from './rpc-urls.ts'
import { hasSigner, pemIn, problemOfSignerUrl, problemsOfSigner } from './signer-settings.ts'
import type { Role } from './settings/roles.ts'
import type { SettingRow } from './settings/row.ts'
import { flagOf, type Given, SETTINGS, type SettingName, type Settings, settingsOf, unknownVariables } from './settings/settings.ts'
import { problemsOfTrusted } from './trusted-sequencers.ts'

/**
 * Reads a role's settings: flags first, then the environment, then what a file of `./weft node` says, then the network file, then the default. All problems are reported at once,
 * those inside the files that they name and unknown `WEFT_*` variables among them; a bad value never becomes the default. Nothing is
 * connected before. Throws `SETTINGS_INVALID`.
 */
export function readSettings(role: Role, flags: Given, env: Given, file: Given = {}): Settings {
  const problems = unknownVariables(env)
  const sources = { flags, env, file }
  const networkPath = settingsOf(role).includes('network') ? sourceOf('network', sources)?.text : undefined
  const network = suppliedBy(networkPath, problems)
  const settings: Partial<Record<SettingName, unknown>> = {}
  for (const name of settingsOf(role)) {
    const row: SettingRow = SETTINGS[name]
    const text = sourceOf(name, { ...sources, network })?.text
    if (text === undefined && (row.fromMarket !== undefined || row.optional?.roles.includes(role))) continue
    if (text === undefined && row.unless !== undefined && `${settings[row.unless] ?? ''}` !== '') continue
    if (text === undefined && row.notIn?.includes(String(settings.mode)) === true) continue
    if (text === undefined && row.fallback === undefined) {
      // The file that was to supply it has its own problem.
      if (row.fromNetwork !== undefined && networkPath !== undefined) continue
      problems.push(
        `${flagOf(name)} (${row.env})${row.fromNetwork === undefined ? '' : ' or --network'}${row.unless === undefined ? '' : ` or ${flagOf(row.unless)}`} is needed: ${row.doc}`,
      )
      continue
    }
    const value = text === undefined ? fallbackOf(row) : parse(row, text, { before: settings as Partial<Settings>, env })
    if (value instanceof Problem) problems.push(...value.texts.map((problem) => `${flagOf(name)} (${row.env}): ${problem}`))
    else settings[name] = value
  }
  if (problems.length === 0) problems.push(...problemsOfPinning(settings as Partial<Settings>))
  if (problems.length === 0) problems.push(...problemsOfSigner(settings as Partial<Settings>))
  if (problems.length === 0) problems.push(...problemsOfAlerts(settings as Partial<Settings>))
  if (problems.length === 0 && role === 'collector') problems.push(...problemsOfCollector(settings as Partial<Settings>))
  if (problems.length === 0 && role === 'relay') problems.push(...problemsOfRelay(settings as Partial<Settings>))
  if (problems.length === 0 && role === 'sequencer') problems.push(...problemsOfMode(settings as Settings))
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return Object.freeze(settings) as Settings
}

export type Origin = 'flag' | 'environment' | 'file' | 'network file'

interface Sources {
  readonly flags: Given
  readonly env: Given
  readonly file: Given
  readonly network?: Network | undefined
}

/** What is said of a setting, and where. The one place that knows which wins. */
export function sourceOf(
  name: SettingName,
  { flags, env, file, network }: Sources,
): { readonly text: string; readonly origin: Origin } | undefined {
  const row: SettingRow = SETTINGS[name]
  const supplied = row.fromNetwork && network?.[row.fromNetwork]?.toString()
  const said: readonly (readonly [Origin, string | undefined])[] = [
    ['flag', flags[name]],
    ['environment', env[row.env]],
    ['file', file[name]],
    ['network file', supplied],
  ]
  for (const [origin, text] of said) if (text !== undefined) return { origin, text }
  return undefined
}

/** Parts of a sequencer find one another through NATS. */
function problemsOfMode({ mode, nats }: Pick<Settings, 'mode' | 'nats'>): string[] {
  return mode === 'all' || nats.reveal() !== '' ? [] : [`${flagOf('nats')} (${SETTINGS.nats.env}) is needed with --mode ${mode}`]
}

type Needs = (names: readonly SettingName[], why: string) => string[]

/** Of the names those that were not given. */
const needsOf =
  (settings: Partial<Settings>): Needs =>
  (names, why) =>
    names
      .filter((name) => settings[name] === undefined)
      .map((name) => `${flagOf(name)} (${SETTINGS[name].env})${'fromNetwork' in SETTINGS[name] ? ' or --network' : ''} is needed ${why}`)

/** Without the chain a relay does not know who signs for a slot. */
function problemsOfRelay(settings: Partial<Settings>): string[] {
  if (settings.admission !== 'slots') return []
  return needsOf(settings)(['anchorRpcUrl', 'anchorChainId', 'protocolState', 'dataMarket'], 'with --admission slots')
}

/** What a collector needs hangs on what it is to do. */
function problemsOfCollector(settings: Partial<Settings>): string[] {
  const { sequencers = [], trustedSequencers = '', rendezvousPoint = '', relayers = '', gateways = [], anchorRpcUrl, slots } = settings
  const needs = needsOf(settings)
  // Whom to believe that it is the sequencer, of those found at a rendezvous point, the chain says where no address does.
  const isNamedOnChain = anchorRpcUrl !== undefined && `${rendezvousPoint}${relayers}` !== ''
  return [
    ...(!hasSigner(settings) || slots === undefined ? [] : needs(['anchorChainId', 'protocolState'], 'with --slots and --signer-key')),
    ...(sequencers.length === 0 && trustedSequencers === '' && !isNamedOnChain
      ? ['--sequencers (WEFT_SEQUENCERS) or --trusted-sequencers is needed: nothing could ever be delivered']
      : []),
    ...(anchorRpcUrl === undefined ? [] : needs(['anchorChainId', 'protocolState', 'dataMarket'], 'with --anchor-rpc-url')),
    ...(gateways.length === 0 ? [] : needs(['anchorRpcUrl'], 'with --gateways')),
    ...(anchorRpcUrl === undefined && trustedSequencers !== '' ? needs(['dataMarket'], 'with --trusted-sequencers') : []),
    ...problemsOfTrusted(settings),
  ]
}

const fallbackOf = ({ type, fallback }: SettingRow): unknown =>
  type === 'secret' || type === 'password' || type === 'pem' ? new Secret(fallback) : fallback

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

function parse(row: SettingRow, text: string, { before, env }: { readonly before: Partial<Settings>; readonly env: Given }): unknown {
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
    case 'health':
      return parseHealth(text)
    case 'hosts':
      return parseList(row, text.toLowerCase(), HOST_FORM)
    case 'url':
      return text === '' || isHttpUrl(text) ? text : new Problem('is not an http(s) URL')
    case 'rpc':
      return problemsInRpc(text).length === 0 ? text : new Problem(...problemsInRpc(text))
    case 'address':
      return parseContract(text)
    case 'choice':
      return row.choices?.includes(text) ? text : new Problem(`must be one of ${row.choices?.join(', ')}`)
    case 'key':
      return parseKey(text, env)
    case 'secret':
      return parseSecret(row, text, env)
    case 'password':
      return parsePassword(text, env)
    case 'signer':
      return problemOfSignerUrl(text) === undefined ? text : new Problem(problemOfSignerUrl(text) as string)
    case 'pem':
      return problemsOr(() => pemIn(text))
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

/** As it stands in `Host`. */
const HOST_FORM: AddressForm = {
  is: /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/,
  like: 'a name like node.example.org, without a port',
}

/** Who reaches it reads everything. */
function parseHealth(text: string): string | Problem {
  return text === 'auto' || text === 'off' || (isHostPort(text) && isLoopback(text))
    ? text
    : new Problem(`'${shown(text)}' is not host:port of this machine, nor auto or off`)
}

function parseInteger(row: SettingRow, text: string): number | Problem {
  const value = safeUint(text)
  const min = row.min ?? 0
  const max = row.max ?? Number.MAX_SAFE_INTEGER
  if (value === undefined || value < min || value > max) return new Problem(`'${shown(text)}' is not an integer from ${min} to ${max}`)
  return value
}

function parseNamespace(text: string): string | Problem {
  const problem = problemOfNamespace(text)
  return problem === undefined ? text : new Problem(problem)
}

/** What is wrong with it, if anything is. */
export function problemOfNamespace(text: string): string | undefined {
  if (text.trim() === '') return 'is empty'
  const isPart = !text.includes(':') && isProjectId(`type:${text}`)
  return isPart ? undefined : `'${shown(text)}' cannot end a project id: printable ASCII without spaces and colons does`
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
  const ids = items.flatMap((item) => idsIn(item) ?? [])
  const wrong = items.filter((item) => idsIn(item) === undefined)
  if (wrong.length > 0) return new Problem(...wrong.map((item) => `'${shown(item)}' is not the id of a slot, nor a range as 1-100`))
  return [...new Set(ids)].map((id) => parseSlotId(String(id)))
}

/** One process signs for so many at most: twice what a market has. */
const SLOTS_MAX = 10_000

/** `7`, or `1-100`. */
function idsIn(text: string): readonly number[] | undefined {
  const [, from = '', to = from] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? []
  const [first, last] = [safeUint(from), safeUint(to)]
  if (first === undefined || last === undefined || last < first || last - first >= SLOTS_MAX) return undefined
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
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
function parseSecret({ min = 1, max = 4_096 }: SettingRow, text: string, env: Given): Secret<string> | Problem {
  const token = secretIn(text, env)
  if (token instanceof Problem) return token
  const isToken = /^[!-~]+$/.test(token.text) && token.text.length >= min && token.text.length <= max
  return isToken ? new Secret(token.text) : new Problem(`is no token: ${min} to ${max} printable characters without spaces`)
}

/** As it is typed: a line end is taken off a file's end, and nothing else. Nothing of the text is ever told. */
function parsePassword(text: string, env: Given): Secret<string> | Problem {
  const password = secretIn(text, env)
  if (password instanceof Problem) return password
  return password.whole === '' ? new Problem('is empty') : new Secret(password.whole.replace(/\r?\n$/, ''))
}

/** The text of a keystore, or the key. The form is checked here; nothing of the text is ever told. */
function parseKey(text: string, env: Given): Secret<string> | Problem {
  const key = secretIn(text, env)
  if (key instanceof Problem) return key
  const { path } = key
  if (path !== undefined && isKeystore(key.text)) return keystoreIn(key.text, path)
  if (!KEY_FORM.test(key.text))
    return path === undefined
      ? new Problem('is no private key: 64 hex digits, or file:PATH of a keystore or of a file that holds them')
      : new Problem('names a file that holds neither a keystore nor a private key: 64 hex digits')
  // What systemd hands over lies where its unit alone comes.
  if (path !== undefined && text.startsWith('file:') && isOpenToOthers(path))
    return new Problem(`names a file with a bare key that others may read: chmod 600 ${path}, or better: ./weft keys import ${path}`)
  return new Secret(key.text)
}

function keystoreIn(text: string, path: string): Secret<string> | Problem {
  try {
    checkKeystore(text, path)
    return new Secret(text)
  } catch (failure) {
    if (isWeftError(failure, 'KEYSTORE_INVALID')) return new Problem(`names a file that is no keystore: ${failure.facts.detail}`)
    throw failure
  }
}

interface SecretText {
  readonly text: string
  /** With the spaces and line ends about it. */
  readonly whole: string
  /** Of the file that holds it. */
  readonly path: string | undefined
}

/** The text, or that of the file it names; nothing of either is ever told. */
function secretIn(text: string, env: Given): SecretText | Problem {
  let path: string | undefined
  try {
    path = secretFileIn(text, env)
  } catch (failure) {
    return new Problem((failure as Error).message)
  }
  if (path === undefined) return { text, whole: text, path }
  try {
    const whole = textOf(path)
    return { text: whole.trim(), whole, path }
  } catch (cause) {
    return new Problem(secretUnread(cause))
  }
}

/** What must not stand among the arguments of a command, where every user of the machine reads it: a key or a password itself. */
export function problemsOfArguments(flags: Given): readonly string[] {
  return (Object.keys(flags) as SettingName[]).flatMap((name) => {
    const { type, env }: SettingRow = SETTINGS[name]
    const text = flags[name]
    if (text === undefined || (type !== 'key' && type !== 'password') || /^(file|credential):/.test(text)) return []
    const what = type === 'key' ? 'a key' : 'a password'
    return [
      `${flagOf(name)}: ${what} is not taken as an argument: whoever lists the processes of this machine reads it, and the shell keeps it. Name a file (file:PATH), or set ${env}; what was typed here is to be taken for known`,
    ]
  })
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
