import { join } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import { parseAddress, type Address } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { isOpenToOthers, secretFrom } from '#node/given-file.ts'
import { findNetwork, type Network, NETWORK_FILE } from '#node/network.ts'
import { problemsInRpc } from '#node/rpc-urls.ts'
import { type Given, unknownVariables } from '#node/settings/settings.ts'
import { pemIn, problemOfSignerUrl, problemsOfSigner, type RemoteSettings } from '#node/signer-settings.ts'
import type { GivenAddresses } from '#operator/addresses.ts'
import type { CarriedOut, Conduct } from '#operator/carry-out.ts'
import type { KeySource, SessionOptions } from '#operator/session.ts'
import { passwordOf } from './password.ts'
import { askYes } from './prompt.ts'

/** What the commands of an operator have in common: where, as whom, and whether to ask first. */

/** Below the current folder, so that two networks in two folders stay apart. */
const DATA_DIR = '.weft'
/** Long enough for a person who must press a button. */
const REMOTE_TIMEOUT_MS = 60_000

const text = (brief: string) => ({ kind: 'parsed', parse: String, optional: true, brief }) as const
const isSet = (brief: string) => ({ kind: 'boolean', default: false, withNegated: false, brief }) as const

export const PLACE_FLAGS = {
  rpc: text('JSON-RPC endpoint of the anchor chain, or several between commas (WEFT_ANCHOR_RPC_URL)'),
  dataDir: text(`Folder of the network file and the journal (WEFT_DATA_DIR; default ${DATA_DIR})`),
  json: isSet('Print one JSON object and nothing else'),
}
export const CONTRACT_FLAGS = {
  network: text(`Network file of \`./weft deploy\` (WEFT_NETWORK; default ${NETWORK_FILE} in the data directory)`),
  protocolState: { kind: 'parsed', parse: parseAddress, optional: true, brief: 'Address of ProtocolState (WEFT_PROTOCOL_STATE)' },
} as const
export const MARKET_FLAG = {
  dataMarket: { kind: 'parsed', parse: parseAddress, optional: true, brief: 'Address of the data market (WEFT_DATA_MARKET)' },
} as const
export const SEND_FLAGS = {
  keystore: text('Web3 keystore file of the account that signs (WEFT_KEYSTORE); without it, WEFT_DEPLOYER_KEY holds the key'),
  passwordFile: text("File with the keystore's password; otherwise WEFT_KEYSTORE_PASSWORD, or it is asked for"),
  signerUrl: text('Remote signer that has the key, instead (WEFT_SIGNER_URL): https://HOST:PORT/api/v1/eth1/sign/0xPUBLICKEY'),
  signerCa: text('File with the certificates that vouch for it (WEFT_SIGNER_CA)'),
  signerClient: text('File with the certificate and key by which it knows this command (WEFT_SIGNER_CLIENT)'),
  from: {
    kind: 'parsed',
    parse: parseAddress,
    optional: true,
    brief: 'With --dry-run: the account that would sign; its key is not needed',
  },
  yes: isSet('Send without asking'),
  dryRun: isSet('Print what would be sent, check that the contracts would take it from this account, if one is named, and send nothing'),
} as const

export interface PlaceFlags {
  readonly rpc?: string
  readonly dataDir?: string
  readonly json: boolean
}
export interface ContractFlags {
  readonly network?: string
  readonly protocolState?: Address
}
export interface MarketFlag {
  readonly dataMarket?: Address
}
export interface SendFlags {
  readonly keystore?: string
  readonly passwordFile?: string
  readonly signerUrl?: string
  readonly signerCa?: string
  readonly signerClient?: string
  readonly from?: Address
  readonly yes: boolean
  readonly dryRun: boolean
}

export function dataDirOf(process: NodeJS.Process, flags: PlaceFlags): string {
  return flags.dataDir ?? process.env['WEFT_DATA_DIR'] ?? DATA_DIR
}

/** Throws `SETTINGS_INVALID`. */
export function rpcUrlOf(process: NodeJS.Process, flags: PlaceFlags): string {
  const rpcUrl = flags.rpc ?? process.env['WEFT_ANCHOR_RPC_URL']
  const problems = unknownVariables(process.env as Given)
  if (rpcUrl === undefined) problems.push('--rpc (WEFT_ANCHOR_RPC_URL) is needed: the JSON-RPC endpoint of the anchor chain')
  else problems.push(...problemsInRpc(rpcUrl).map((problem) => `--rpc (WEFT_ANCHOR_RPC_URL): ${problem}`))
  if (rpcUrl === undefined || problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return rpcUrl
}

/** The network file that is named, or that of a data directory, if it has one. Throws `SETTINGS_INVALID`. */
export function networkAt(process: NodeJS.Process, flags: Pick<ContractFlags, 'network'>, dataDir: string): Network | undefined {
  const named = flags.network ?? process.env['WEFT_NETWORK']
  const network = findNetwork(named ?? join(dataDir, NETWORK_FILE))
  if (named !== undefined && network === undefined)
    throw new WeftError('SETTINGS_INVALID', { problems: [`--network (WEFT_NETWORK): there is no file ${named}`] })
  return network
}

/** What flags, variables and the network file say about where the contracts are. Throws `SETTINGS_INVALID`. */
export function placesOf(process: NodeJS.Process, flags: PlaceFlags & ContractFlags & MarketFlag): GivenAddresses {
  const { env } = process
  const network = networkAt(process, flags, dataDirOf(process, flags))
  const given = (name: string): Address | undefined => (env[name] === undefined ? undefined : parseAddress(env[name]))
  return {
    network,
    protocolState: flags.protocolState ?? given('WEFT_PROTOCOL_STATE'),
    dataMarket: flags.dataMarket ?? given('WEFT_DATA_MARKET'),
  }
}

/** A bare key in a file is its owner's to read alone, or refused. Throws `SETTINGS_INVALID`. */
function deployerKey(text: string, env: Given): Secret<string> {
  const key = secretFrom(text, 'WEFT_DEPLOYER_KEY', env)
  const path = text.startsWith('file:') ? text.slice('file:'.length) : undefined
  if (path !== undefined && isOpenToOthers(path))
    throw new WeftError('SETTINGS_INVALID', {
      problems: [
        `WEFT_DEPLOYER_KEY names a file with a bare key that others may read: chmod 600 ${path}, or better: ./weft keys import ${path}`,
      ],
    })
  return key
}

/** An operator's transactions are few: it may take its time. Throws `SETTINGS_INVALID`. */
function remoteOf(signerUrl: string, env: Given, flags: SendFlags): RemoteSettings {
  const pem = (path: string | undefined) => (path === undefined ? new Secret('') : pemIn(path))
  const settings = {
    signerUrl,
    signerCa: pem(flags.signerCa ?? env['WEFT_SIGNER_CA']),
    signerClient: pem(flags.signerClient ?? env['WEFT_SIGNER_CLIENT']),
    signerTimeout: REMOTE_TIMEOUT_MS,
  }
  const problem = problemOfSignerUrl(signerUrl)
  const problems = problem === undefined ? problemsOfSigner(settings) : [`--signer-url (WEFT_SIGNER_URL): ${problem}`]
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems: [...problems] })
  return settings
}

/** A dry run signs nothing: an address will do, or nobody's. Throws `SETTINGS_INVALID` when neither a keystore nor a key is given otherwise. */
function keySourceOf(process: NodeJS.Process, flags: SendFlags): KeySource {
  const { env } = process
  const path = flags.keystore ?? env['WEFT_KEYSTORE']
  const key = env['WEFT_DEPLOYER_KEY']
  // That of the roles comes last: who names a key for this command means that.
  const signerUrl = flags.signerUrl ?? (path === undefined && key === undefined ? env['WEFT_SIGNER_URL'] : undefined)
  if (flags.from !== undefined && !flags.dryRun)
    throw new WeftError('SETTINGS_INVALID', { problems: ['--from is for --dry-run: to send, a key is needed'] })
  if (flags.dryRun && (flags.from !== undefined || [path, key, signerUrl].every((given) => given === undefined)))
    return { kind: 'address', address: flags.from }
  if (signerUrl !== undefined) return { kind: 'remote', settings: remoteOf(signerUrl, env as Given, flags) }
  if (path === undefined && key !== undefined) return { kind: 'key', text: deployerKey(key, env as Given) }
  if (path === undefined)
    throw new WeftError('SETTINGS_INVALID', {
      problems: ['--keystore (WEFT_KEYSTORE), WEFT_DEPLOYER_KEY or --signer-url is needed: the account that signs'],
    })
  return { kind: 'keystore', path, password: () => passwordOf(process, flags, path) }
}

/** Throws `SETTINGS_INVALID`. */
export function sessionOf(process: NodeJS.Process, flags: PlaceFlags & SendFlags): SessionOptions {
  const rpcUrl = rpcUrlOf(process, flags)
  return { rpcUrl, key: keySourceOf(process, flags), dataDir: dataDirOf(process, flags), isDryRun: flags.dryRun }
}

/** Shows what is to be sent and asks, unless `--yes`. Nobody to ask: `CONFIRMATION_NEEDED`. */
export function conductOf(process: NodeJS.Process, flags: PlaceFlags & SendFlags): Conduct {
  const out = flags.json ? process.stderr : process.stdout
  const listed = new Set<string>()
  let doneCount = 0
  return {
    isDryRun: flags.dryRun,
    async confirm(steps) {
      for (const step of steps) listed.add(step)
      for (const step of steps) out.write(`  · ${step}\n`)
      if (flags.yes) return true
      if (!process.stdin.isTTY) throw new WeftError('CONFIRMATION_NEEDED', { transactions: steps.length })
      return askYes(process, `Send ${steps.length === 1 ? 'this transaction' : `these ${steps.length} transactions`}?`)
    },
    done(step) {
      doneCount += 1
      // A file has the list above already. What was so before is so no more.
      const text = out.isTTY !== true && listed.has(step) ? `${doneCount} of ${listed.size}` : step.replace(/ \(now .*\)$/, '')
      out.write(`  ✔ ${text}\n`)
    },
  }
}

/** JSON with amounts as decimal text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_name, item: unknown) => (typeof item === 'bigint' ? String(item) : item))
}

/** Tells how it went; `facts` go into the JSON object. Declined by the person asked: exit 1, for it was not done. */
export function tell(process: NodeJS.Process, flags: PlaceFlags, carried: CarriedOut, facts: Readonly<Record<string, unknown>>): void {
  const { outcome, changed, steps } = carried
  if (outcome === 'declined') process.exitCode = 1
  if (flags.json) {
    process.stdout.write(`${toJson({ changed, ...(outcome === 'planned' ? { planned: steps } : {}), ...facts })}\n`)
    return
  }
  if (outcome === 'planned') for (const step of steps) process.stdout.write(`  · ${step}\n`)
  const words = {
    unchanged: 'nothing to change',
    changed: `${changed} ${changed === 1 ? 'transaction' : 'transactions'} sent`,
    planned: `${steps.length} ${steps.length === 1 ? 'step' : 'steps'}, nothing sent (dry run)`,
    declined: 'nothing sent',
  } as const satisfies Record<CarriedOut['outcome'], string>
  process.stdout.write(`${words[outcome]}\n`)
}
