import { basename } from 'node:path'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'
import { parseAlertPlaces } from '#node/alert-places.ts'
import { contentOf } from '#node/given-file.ts'
import { type Given, SETTINGS, type SettingName } from '#node/settings/settings.ts'

/**
 * What a deployed node was told, `.env…` and `settings.json` (spec/09 §1, §2), as far as it means something here. Values are never shown:
 * names are, each with what became of it.
 */

export interface TakenRow {
  /** `SOURCE_RPC_URL`, or `rpc.full_nodes[0].url`. */
  readonly from: string
  readonly outcome: 'taken' | 'left'
  /** As what, or why not. */
  readonly words: string
}

export interface DeployedNode {
  readonly settings: Given
  readonly wallet: string | undefined
  readonly key: Secret<string> | undefined
  /** Whose the key must be. */
  readonly signer: string | undefined
  /** Whom it told of what goes wrong, as --alert-to has them: URLs among them are secrets. */
  readonly alertTo: Secret<string> | undefined
  readonly rows: readonly TakenRow[]
}

/** Of whom to tell: where, for whom there, how often. */
type AlertPart = 'slack' | 'issues' | 'telegram' | 'chat' | 'thread' | 'cooldown'

type Meaning =
  | { readonly setting: SettingName }
  | { readonly as: 'key' | 'wallet' | 'signer' | 'port' }
  | { readonly alert: AlertPart }
  | { readonly left: string }

const EMBEDDED = 'the IPFS node is in the process; copies elsewhere: pinPlaces'
const ONE_PROCESS = 'one process, no containers'
const FROM_CHAIN = 'read from the chain'
const BY_MANIFEST = "computes are shipped, and the market's manifest or --market names them"
const NO_POOL = 'one connection, kept open by itself'
const POLLED = 'pollMs is for every chain, and endpoints pace themselves'
const WORKERS = 'one process does it all'

/** Exactly these, or what begins with these when the name ends in `*`. */
const VARIABLES: Readonly<Record<string, Meaning>> = {
  SOURCE_RPC_URL: { setting: 'sourceRpcUrl' },
  POWERLOOM_RPC_URL: { setting: 'anchorRpcUrl' },
  PROTOCOL_STATE_CONTRACT: { setting: 'protocolState' },
  DATA_MARKET_CONTRACT: { setting: 'dataMarket' },
  NAMESPACE: { setting: 'namespace' },
  SLOT_ID: { setting: 'slots' },
  SIGNER_ACCOUNT_PRIVATE_KEY: { as: 'key' },
  SIGNER_PRIVATE_KEY: { as: 'key' },
  SIGNER_ACCOUNT_ADDRESS: { as: 'signer' },
  SIGNER_WALLET_ADDRESS: { as: 'signer' },
  WALLET_HOLDER_ADDRESS: { as: 'wallet' },
  LOCAL_COLLECTOR_PORT: { as: 'port' },
  'SNAPSHOT_CONFIG_REPO*': { left: BY_MANIFEST },
  'SNAPSHOTTER_COMPUTE_REPO*': { left: BY_MANIFEST },
  POWERLOOM_CHAIN: { left: FROM_CHAIN },
  SOURCE_CHAIN: { left: FROM_CHAIN },
  FULL_NAMESPACE: { left: 'namespace says it' },
  DATA_MARKET_IN_REQUEST: { left: 'always so' },
  DOCKER_NETWORK_NAME: { left: ONE_PROCESS },
  LOCAL_COLLECTOR_IMAGE_TAG: { left: ONE_PROCESS },
  LOCAL_COLLECTOR_PRIVATE_KEY: { left: 'the collector makes an identity of its own' },
  LOCAL_COLLECTOR_SLACK_WEBHOOK_URL: { alert: 'slack' },
  'LOCAL_COLLECTOR_*': { left: ONE_PROCESS },
  'MAX_STREAM_POOL_SIZE*': { left: NO_POOL },
  'STREAM_POOL_*': { left: NO_POOL },
  CONNECTION_REFRESH_INTERVAL_SEC: { left: NO_POOL },
  'IPFS_*': { left: EMBEDDED },
  TELEGRAM_REPORTING_URL: { alert: 'telegram' },
  TELEGRAM_CHAT_ID: { alert: 'chat' },
  TELEGRAM_MESSAGE_THREAD_ID: { alert: 'thread' },
  TELEGRAM_NOTIFICATION_COOLDOWN: { alert: 'cooldown' },
  OVERRIDE_DEFAULTS: { left: 'this file has what is wanted' },
  DEV_MODE: { left: '`./weft devnet` is for that' },
  DASHBOARD_ENABLED: { left: 'an api serves the pages' },
  GOSSIPSUB_SNAPSHOT_SUBMISSION_PREFIX: { left: 'submissions go to the sequencer itself' },
  RENDEZVOUS_POINT: { left: 'sequencers are named; rendezvousPoint is that of servers of /rendezvous/1.0.0' },
  BOOTSTRAP_NODE_ADDRS: { left: 'sequencers are named' },
  PUBLIC_IP: { left: 'a collector only calls' },
  CENTRALIZED_SEQUENCER_ENABLED: { left: 'sequencers names where it delivers' },
}

const SETTINGS_JSON: Readonly<Record<string, Meaning>> = {
  namespace: { setting: 'namespace' },
  data_market: { setting: 'dataMarket' },
  'protocol_state.address': { setting: 'protocolState' },
  slot_id: { setting: 'slots' },
  signer_private_key: { as: 'key' },
  instance_id: { as: 'signer' },
  local_collector_port: { as: 'port' },
  'rpc.full_nodes*': { setting: 'sourceRpcUrl' },
  'rpc.archive_nodes*': { setting: 'sourceRpcUrl' },
  'anchor_chain_rpc.full_nodes*': { setting: 'anchorRpcUrl' },
  'powerloom_chain_rpc.full_nodes*': { setting: 'anchorRpcUrl' },
  'rpc.*': { left: POLLED },
  'anchor_chain_rpc.*': { left: POLLED },
  'powerloom_chain_rpc.*': { left: POLLED },
  'protocol_state.*': { left: FROM_CHAIN },
  'core_api.*': { left: 'statusListen answers the same routes, on loopback' },
  'rlimit.*': { left: 'the system says it: LimitNOFILE' },
  'reporting.slack_url': { alert: 'slack' },
  'reporting.service_url': { alert: 'issues' },
  'reporting.telegram_url': { alert: 'telegram' },
  'reporting.telegram_chat_id': { alert: 'chat' },
  'reporting.*': { left: 'alertCooldown says how long alerts of one kind are held back' },
  'logs.*': { left: 'logFormat, on stderr' },
  'ipfs.*': { left: EMBEDDED },
  'web3storage.*': { left: EMBEDDED },
  projects_config_path: { left: BY_MANIFEST },
  aggregator_config_path: { left: BY_MANIFEST },
  preloader_config_path: { left: BY_MANIFEST },
  simulation_submission_url: { left: 'the first epoch after the start shows the way' },
  only_simulate_submissions: { left: '`./weft compute run` hands nothing over' },
  node_version: { left: 'it is that of Weft' },
  'redis.*': { left: WORKERS },
  'rabbitmq.*': { left: WORKERS },
  'callback_worker_config.*': { left: WORKERS },
  'auth.*': { left: WORKERS },
}

/** Those of deployed nodes have a few thousand characters. */
const FILE_LENGTH_MAX = 64 * 1024

/** Files of one node; of what several say the first is taken, of keys none where it is `isKeyElsewhere`. Throws `SETTINGS_INVALID`. */
export function readDeployedNode(paths: readonly string[], { isKeyElsewhere = false } = {}): DeployedNode {
  const given: Record<string, string> = {}
  const rows: TakenRow[] = []
  const found: Taking['found'] = { wallet: undefined, key: undefined, signer: undefined }
  const alerts: AlertGiven[] = []
  for (const path of paths)
    for (const [name, text, table] of entriesIn(path)) {
      const meaning = meaningOf(name, table)
      if (meaning === undefined) rows.push({ from: name, outcome: 'left', words: 'not known here' })
      else if ('left' in meaning) rows.push({ from: name, outcome: 'left', words: meaning.left })
      else if ('as' in meaning && meaning.as === 'key' && isKeyElsewhere)
        rows.push({ from: name, outcome: 'left', words: 'the key is where --key says' })
      else if (text.trim() === '') rows.push({ from: name, outcome: 'left', words: 'empty' })
      else if ('alert' in meaning) alerts.push({ from: name, part: meaning.alert, text: text.trim() })
      else rows.push({ from: name, outcome: 'taken', words: take(meaning, text.trim(), { given, found }) })
    }
  const told = takeAlerts(alerts, given)
  return { settings: given, ...found, alertTo: told.alertTo, rows: [...rows, ...told.rows] }
}

interface AlertGiven extends Pick<TakenRow, 'from'> {
  readonly part: AlertPart
  readonly text: string
}

/** Each place once; that of Telegram from its parts, which mean nothing alone. */
function takeAlerts(alerts: readonly AlertGiven[], given: Record<string, string>): Pick<DeployedNode, 'alertTo' | 'rows'> {
  const first = (part: AlertPart): string | undefined => alerts.find((each) => each.part === part)?.text
  const placeOf = ({ part, text }: AlertGiven): string | undefined => {
    if (part === 'slack' || part === 'issues') return `${part}:${text}`
    const [url, chat, thread] = [first('telegram'), first('chat'), first('thread')]
    if (url === undefined || chat === undefined) return undefined
    return `telegram:${url};chat=${chat}${thread === undefined ? '' : `;thread=${thread}`}`
  }
  const places = new Set<string>()
  const rows = alerts.map((each): TakenRow => {
    if (each.part === 'cooldown') return { from: each.from, ...takeCooldown(each.text, given) }
    const place = placeOf(each)
    if (place === undefined) return { from: each.from, outcome: 'left', words: 'Telegram needs a URL and a chat' }
    const parsed = parseAlertPlaces(place)
    if ('problems' in parsed || parsed.length !== 1)
      return { from: each.from, outcome: 'left', words: 'alertTo cannot have it: no http(s) URL' }
    places.add(place)
    return { from: each.from, outcome: 'taken', words: 'alertTo' }
  })
  return { alertTo: places.size === 0 ? undefined : new Secret([...places].join(',')), rows }
}

function takeCooldown(text: string, given: Record<string, string>): Omit<TakenRow, 'from'> {
  const { min, max } = SETTINGS.alertCooldown
  if (!/^\d{1,6}$/.test(text) || Number(text) < min || Number(text) > max)
    return { outcome: 'left', words: `alertCooldown is from ${min} to ${max} seconds` }
  given['alertCooldown'] ??= text
  return { outcome: 'taken', words: 'alertCooldown' }
}

interface Taking {
  readonly given: Record<string, string>
  readonly found: { wallet: string | undefined; key: Secret<string> | undefined; signer: string | undefined }
}

/** Says as what. Several endpoints become one list. */
function take(meaning: Exclude<Meaning, { left: string } | { alert: AlertPart }>, text: string, { given, found }: Taking): string {
  if ('setting' in meaning) {
    const { setting } = meaning
    const before = given[setting]
    const isList = setting === 'sourceRpcUrl' || setting === 'anchorRpcUrl' || setting === 'slots'
    if (before === undefined) given[setting] = text
    else if (isList && !before.split(',').includes(text)) given[setting] = `${before},${text}`
    return setting
  }
  if (meaning.as === 'key') {
    found.key ??= new Secret(text)
    return 'a keystore: signerKey'
  }
  if (meaning.as === 'port') {
    given['grpcListen'] ??= `127.0.0.1:${text}`
    return 'grpcListen of the collector'
  }
  const whose = meaning.as
  found[whose] ??= text
  return whose === 'wallet' ? 'the wallet whose slots are looked for' : 'the address that the key must have'
}

function meaningOf(name: string, table: Readonly<Record<string, Meaning>>): Meaning | undefined {
  if (Object.hasOwn(table, name)) return table[name]
  const prefix = Object.keys(table).find((key) => key.endsWith('*') && name.startsWith(key.slice(0, -1)))
  return prefix === undefined ? undefined : table[prefix]
}

type Entry = readonly [name: string, text: string, table: Readonly<Record<string, Meaning>>]

function entriesIn(path: string): readonly Entry[] {
  const text = contentOf(path, '--from')
  if (text.length > FILE_LENGTH_MAX)
    throw new WeftError('SETTINGS_INVALID', {
      problems: [`--from: ${path} has more than ${FILE_LENGTH_MAX} characters: it is no file of a node`],
    })
  if (!basename(path).endsWith('.json')) return variablesIn(text).map(([name, value]): Entry => [name, value, VARIABLES])
  try {
    return leavesOf(JSON.parse(text), '').map(([name, value]): Entry => [name, value, SETTINGS_JSON])
  } catch (failure) {
    if (isWeftError(failure)) throw failure
    // What a parser quotes may be the key.
    throw new WeftError('SETTINGS_INVALID', { problems: [`--from: ${path} is no JSON`] })
  }
}

/** `NAME=value`, with or without `export` and quotes, as shells and Docker read it. */
function variablesIn(text: string): (readonly [string, string])[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [, name, rest = ''] = /^(?:export\s+)?([A-Za-z_]\w*)\s*=(.*)$/.exec(line.trim()) ?? []
    if (name === undefined) return []
    const value = rest.trim()
    const [, , quoted] = /^(["'])(.*)\1(?:\s+#.*)?$/.exec(value) ?? []
    return [[name, quoted ?? value.slice(0, /\s#/.exec(value)?.index).trimEnd()] as const]
  })
}

function leavesOf(value: unknown, at: string): (readonly [string, string])[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => leavesOf(item, `${at}[${index}]`))
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([name, item]) => leavesOf(item, at === '' ? name : `${at}.${name}`))
  return [[at, value === null ? '' : String(value)]]
}
