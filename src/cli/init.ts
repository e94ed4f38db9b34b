import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { buildCommand } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { type Address, parseAddress } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import { rangesOf } from '#domain/ranges.ts'
import { secretFrom } from '#node/given-file.ts'
import { findNetwork, type Network, NETWORK_FILE } from '#node/network.ts'
import { ROLES, type Role } from '#node/settings/roles.ts'
import { type Given, SETTINGS } from '#node/settings/settings.ts'
import type { DeployedNode, TakenRow } from '#operator/deployed-node.ts'
import type { MarketFound, RemoteKey } from '#operator/init.ts'
import { FOLDER_OF_INIT, fileNamed } from './keys.ts'
import { newPassword } from './password.ts'
import { createQuestions, type Questions } from './questions.ts'

interface Flags {
  readonly config: string
  readonly dataDir: string
  readonly from?: readonly string[]
  readonly network?: string
  readonly protocolState?: Address
  readonly dataMarket?: Address
  readonly anchorRpcUrl?: string
  readonly sourceRpcUrl?: string
  readonly key?: string
  readonly signerCa?: string
  readonly signerClient?: string
  readonly passwordFile?: string
  readonly wallet?: string
  readonly slots?: string
  readonly sequencers?: string
  readonly trustedSequencers?: string
  readonly ipfsPeers?: string
  readonly namespace?: string
  readonly market?: string
  readonly role: readonly Role[]
  readonly json: boolean
}

/** Beside the file of the node, which is shown and copied: URLs of whom to tell are secrets. */
const ALERTS_FILE = 'alert-to'
const NEW_KEY = 'new'
const ALL = 'all'
const EVERYONE = "whoever's the key signs for"
const NOBODY = 'none'

const NOTHING_DEPLOYED: DeployedNode = { settings: {}, wallet: undefined, key: undefined, signer: undefined, alertTo: undefined, rows: [] }
const invalid = (problem: string): WeftError => new WeftError('SETTINGS_INVALID', { problems: [problem] })

function tableOf(rows: readonly TakenRow[]): string {
  const width = Math.max(...rows.map(({ from }) => from.length))
  return rows
    .map(({ from, outcome, words }) => `  ${outcome === 'taken' ? '✔' : '·'} ${printable(from).padEnd(width)}  ${words}\n`)
    .join('')
}

/** Where the contracts are: a network file, or addresses by flag or of a deployed node. */
async function askNetwork(questions: Questions, flags: Flags, settings: Given) {
  const address = (text: string | undefined): Address | undefined => (text === undefined ? undefined : parseAddress(text))
  const protocolState = flags.protocolState ?? (flags.network === undefined ? address(settings['protocolState']) : undefined)
  const dataMarket = flags.dataMarket ?? (flags.network === undefined ? address(settings['dataMarket']) : undefined)
  if (protocolState !== undefined) return { path: undefined, given: { network: undefined, protocolState, dataMarket } }
  const found = await questions.ask<{ readonly path: string; readonly network: Network }>({
    flag: '--network',
    asks: 'Network file that `./weft deploy` wrote',
    given: flags.network,
    fallback: [NETWORK_FILE, join('.weft', NETWORK_FILE)].find((path) => existsSync(path)),
    async check(path) {
      const network = findNetwork(path)
      if (network === undefined) throw invalid(`there is no file ${path}`)
      return { value: { path, network }, told: `chain ${network.chainId}, data market ${network.dataMarket}` }
    },
  })
  return found && { path: found.path, given: { network: found.network, protocolState, dataMarket } }
}

/** Where the key is, and whose it is. */
type Key = { readonly address: Address } & ({ readonly path: string } | { readonly remote: RemoteKey })

/** In a keystore, or with a remote signer. A key of a deployed node becomes a keystore, and so does a new one. */
async function askKey(process: NodeJS.Process, questions: Questions, flags: Flags, deployed: DeployedNode): Promise<Key | undefined> {
  const { accountIn, checkRemoteKey } = await import('#operator/init.ts')
  const { bareKey, newKey, writeKeystore } = await import('#node/key-files.ts')
  const out = join(dirname(flags.config), FOLDER_OF_INIT)
  const { key } = deployed
  if (key !== undefined && flags.key === undefined) {
    const written = await writeKeystore(bareKey(key.reveal(), 'the key of --from'), { out, password: await newPassword(process, flags) })
    process.stderr.write(`  ✔ the key of ${written.address} is in ${written.path} now; remove it where it came from\n`)
    return written
  }
  return questions.ask<Key>({
    flag: '--key',
    asks: "Keystore of the slots' signer, the URL of a remote signer, or 'new'",
    given: flags.key,
    fallback: process.stdin?.isTTY === true ? NEW_KEY : undefined,
    async check(text) {
      if (/^https?:/.test(text)) {
        const remote = { url: text, ca: flags.signerCa, client: flags.signerClient }
        const address = await checkRemoteKey(remote)
        return { value: { remote, address }, told: `${new URL(text).origin} signs as ${address}` }
      }
      if (flags.signerCa !== undefined || flags.signerClient !== undefined)
        throw invalid('--signer-ca and --signer-client are for the URL of a remote signer')
      if (text === NEW_KEY) {
        const made = await newKey({ out, password: await newPassword(process, flags) })
        return { value: made, told: `a new key for ${made.address}, in ${made.path}: keep a copy of it and of its password` }
      }
      const path = fileNamed(text)
      const { passwordFile } = flags
      const password = passwordFile === undefined ? undefined : secretFrom(`file:${passwordFile}`, '--password-file', process.env as Given)
      const account = await accountIn(path, password)
      return { value: { path, address: account }, told: `the key of ${account}` }
    },
  })
}

/** The slots to sign for, and how to get those that another signs for. */
async function askSlots(
  questions: Questions,
  flags: Flags,
  { slots, signer, deployed }: { readonly slots: MarketFound['slots']; readonly signer: Address; readonly deployed: DeployedNode },
) {
  const { ownSlots } = await import('#operator/init.ts')
  const wallet = await questions.ask<Address | undefined>({
    flag: '--wallet',
    asks: 'Wallet that owns the slots',
    given: flags.wallet ?? deployed.wallet,
    fallback: EVERYONE,
    check: async (text) => ({ value: text === EVERYONE ? undefined : walletIn(text) }),
  })
  const { ready, others } = ownSlots(wallet === undefined ? slots : slots.filter(({ owner }) => owner === wallet), {
    wallet: wallet ?? signer,
    signer,
  })
  const assign =
    others.length === 0
      ? undefined
      : `./weft slots assign ${rangesOf(others.map(({ slotId }) => slotId))
          .map((range) => `${range}=${signer}`)
          .join(' ')}`
  const nobody = `${signer} signs for no slot${assign === undefined ? '; `./weft slots show` lists them all' : ` yet. Of the wallet are others: ${assign}`}`
  const chosen = await questions.ask<readonly string[]>({
    flag: '--slots',
    asks: `Slots to sign for, of ${rangesOf(ready).join(',') || 'none'}`,
    given: flags.slots ?? deployed.settings['slots'],
    fallback: ALL,
    async check(text) {
      if (ready.length === 0) throw invalid(nobody)
      const ids = text === ALL ? ready : idsIn(text)
      const wrong = ids.filter((id) => !ready.includes(id))
      if (wrong.length > 0)
        throw invalid(`${rangesOf(wrong).join(',')}: ${signer} does not sign for them. It does for ${rangesOf(ready).join(',')}`)
      return { value: rangesOf(ids), told: `${ids.length} ${ids.length === 1 ? 'slot' : 'slots'}` }
    },
  })
  return { slots: chosen, assign }
}

function walletIn(text: string): Address {
  try {
    return parseAddress(text)
  } catch {
    throw invalid('is no address: 0x and 40 hex digits')
  }
}

function idsIn(text: string): readonly number[] {
  return text.split(',').flatMap((item) => {
    const [, from, to = from] = /^\s*(\d{1,9})(?:-(\d{1,9}))?\s*$/.exec(item) ?? []
    const [first, last] = [Number(from), Number(to)]
    if (from === undefined || last < first || last - first >= 10_000)
      throw invalid(`'${item.trim().slice(0, 40)}' is no slot, nor a range as 1-100`)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

async function askSequencers(questions: Questions, flags: Flags, sequencerId: string | undefined) {
  const { checkPeers } = await import('#operator/init.ts')
  const { isPeerAddress } = await import('#node/peer-address.ts')
  if (flags.trustedSequencers !== undefined) return []
  return questions.ask<readonly string[]>({
    flag: '--sequencers',
    asks: 'Multiaddrs of sequencers, best first',
    given: flags.sequencers,
    fallback: sequencerId !== undefined && isPeerAddress(sequencerId) ? sequencerId : undefined,
    check: async (text) => ({ value: checkPeers(text) }),
  })
}

/** Without one nobody fetches what a snapshotter computes, and most markets count only what can be fetched. */
async function askIpfsPeers(questions: Questions, flags: Flags) {
  const { checkPeers } = await import('#operator/init.ts')
  return questions.ask<readonly string[]>({
    flag: '--ipfs-peers',
    asks: "Multiaddrs of IPFS nodes to stay connected to, the sequencer's `ipfs` among them",
    given: flags.ipfsPeers,
    fallback: NOBODY,
    check: async (text) => ({ value: text === NOBODY ? [] : checkPeers(text) }),
  })
}

/** What a manifest would say: whoever has it otherwise than the others in the market votes for nothing. */
async function askRules(
  questions: Questions,
  { namespace, market, role }: Flags,
  { deployed, hasManifest }: { readonly deployed: DeployedNode; readonly hasManifest: boolean },
) {
  const { checkMarketFile, checkNamespace } = await import('#operator/init.ts')
  const said = knows(role, 'namespace') ? (namespace ?? deployed.settings['namespace']) : undefined
  if (hasManifest) return { namespace: said, marketFile: market }
  return {
    namespace: knows(role, 'namespace')
      ? await questions.ask<string>({
          flag: '--namespace',
          asks: 'Namespace of the market, which has no manifest',
          given: said,
          check: async (text) => ({ value: checkNamespace(text) }),
        })
      : undefined,
    marketFile: role.includes('snapshotter')
      ? await questions.ask<string>({
          flag: '--market',
          asks: 'File that names its compute sets, or the projects.json of a deployed node',
          given: market,
          check: async (path) => ({ value: path, told: checkMarketFile(path) }),
        })
      : undefined,
  }
}

const knows = (roles: readonly Role[], name: keyof typeof SETTINGS): boolean =>
  roles.some((role) => (SETTINGS[name].roles as readonly Role[]).includes(role))

/** All answers, or what is wrong with them. Throws `SETTINGS_INVALID`. */
async function answersTo(process: NodeJS.Process, flags: Flags, deployed: DeployedNode) {
  const { checkRpc, checkSource, findMarket } = await import('#operator/init.ts')
  const questions = createQuestions(process)
  const { settings } = deployed
  const roles = flags.role
  const place = await askNetwork(questions, flags, settings)
  const anchor = await questions.ask<{ readonly url: string; readonly market: MarketFound | undefined }>({
    flag: '--anchor-rpc-url',
    asks: 'JSON-RPC endpoint of the anchor chain',
    given: flags.anchorRpcUrl ?? settings['anchorRpcUrl'],
    async check(url) {
      // Without the contracts nothing can be asked of it; what can be seen is told all the same.
      checkRpc(url)
      if (place === undefined) return { value: { url, market: undefined } }
      const market = await findMarket(url, place.given)
      return {
        value: { url, market },
        told: `chain ${market.chainId}, ${market.slots.length} slots; data come from chain ${market.sourceChainId}`,
      }
    },
  })
  const market = anchor?.market
  const rules = await askRules(questions, flags, { deployed, hasManifest: market?.hasManifest ?? true })
  const sourceRpcUrl = knows(roles, 'sourceRpcUrl')
    ? await questions.ask<string>({
        flag: '--source-rpc-url',
        asks: 'JSON-RPC endpoint of the source chain',
        given: flags.sourceRpcUrl ?? settings['sourceRpcUrl'],
        async check(url) {
          checkRpc(url)
          if (market !== undefined) await checkSource(url, market.sourceChainId)
          return { value: url, told: market && `chain ${market.sourceChainId}` }
        },
      })
    : undefined
  const sequencers = roles.includes('collector') ? await askSequencers(questions, flags, market?.sequencerId) : []
  const ipfsPeers = knows(roles, 'ipfsPeers') ? await askIpfsPeers(questions, flags) : []
  const key = knows(roles, 'signerKey') ? await askKey(process, questions, flags, deployed) : undefined
  if (key !== undefined && deployed.signer !== undefined && deployed.signer.toLowerCase() !== key.address)
    throw invalid(`--from says that ${printable(deployed.signer)} signs, and the key is that of ${key.address}`)
  const own =
    roles.includes('snapshotter') && market !== undefined && key !== undefined
      ? await askSlots(questions, flags, { slots: market.slots, signer: key.address, deployed })
      : undefined
  questions.end()
  if (place === undefined || anchor === undefined || market === undefined) throw invalid('no network was named')
  return {
    place,
    anchorRpcUrl: anchor.url,
    market,
    ...rules,
    sourceRpcUrl,
    sequencers: sequencers ?? [],
    ipfsPeers: ipfsPeers ?? [],
    key,
    own,
  }
}

export const initCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags) {
    const { stdout, stderr } = this.process
    if (existsSync(flags.config)) throw invalid(`--config: ${flags.config} is there already, and is not replaced`)
    const { checkDataDir, configOf } = await import('#operator/init.ts')
    checkDataDir(flags.dataDir)
    const { readDeployedNode } = await import('#operator/deployed-node.ts')
    const deployed = flags.from === undefined ? NOTHING_DEPLOYED : readDeployedNode(flags.from, { isKeyElsewhere: flags.key !== undefined })
    if (deployed.rows.length > 0) stderr.write(`of ${flags.from?.join(', ')}:\n${tableOf(deployed.rows)}`)
    if (flags.from !== undefined && !deployed.rows.some(({ outcome }) => outcome === 'taken'))
      throw invalid(
        `--from: ${flags.from.join(', ')}: nothing in it is of a deployed node. A keystore is named with --key, a network file with --network`,
      )
    const answers = await answersTo(this.process, flags, deployed)
    const keyPath = answers.key && 'path' in answers.key ? answers.key.path : undefined
    const alertPath = deployed.alertTo && join(dirname(flags.config), ALERTS_FILE)
    const config = configOf({
      ...answers,
      config: flags.config,
      dataDir: flags.dataDir,
      roles: flags.role,
      network: answers.place.path,
      keyPath,
      passwordPath: keyPath && flags.passwordFile,
      remoteKey: answers.key && 'remote' in answers.key ? answers.key.remote : undefined,
      slots: answers.own?.slots ?? [],
      trustedSequencers: flags.trustedSequencers,
      grpcListen: flags.role.includes('collector') ? deployed.settings['grpcListen'] : undefined,
      alertPath,
      alertCooldown: deployed.settings['alertCooldown'],
    })
    const { readConfig, writeSecret, writeConfig } = await import('#node/node-config.ts')
    if (alertPath !== undefined) writeSecret(alertPath, `${deployed.alertTo?.reveal()}\n`)
    writeConfig(flags.config, config)
    const { readParts } = await import('#node/node.ts')
    // What was not asked for, as a second role needs it, is told by who reads the file.
    readParts(readConfig(flags.config), this.process.env as Given)
    if (flags.json)
      stdout.write(
        `${JSON.stringify({ config: flags.config, signer: answers.key?.address, slots: answers.own?.slots, from: deployed.rows })}\n`,
      )
    else stdout.write(nextSteps(flags, answers))
  },
  parameters: {
    flags: {
      config: { kind: 'parsed', parse: String, default: 'weft.json', brief: 'The file to write; one that is there is not replaced' },
      dataDir: { kind: 'parsed', parse: String, default: 'weft-data', brief: 'Folder below which each part keeps what it must remember' },
      from: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        brief: 'A `.env…` or a settings.json of a deployed node, to be taken over; may be given several times',
      },
      network: { kind: 'parsed', parse: String, optional: true, brief: 'Network file that `./weft deploy` wrote' },
      protocolState: { kind: 'parsed', parse: parseAddress, optional: true, brief: 'Address of ProtocolState, instead of a network file' },
      dataMarket: { kind: 'parsed', parse: parseAddress, optional: true, brief: 'Address of the data market, where there are several' },
      anchorRpcUrl: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'JSON-RPC endpoint of the anchor chain, or several between commas',
      },
      sourceRpcUrl: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'JSON-RPC endpoint of the source chain, or several between commas',
      },
      key: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: "Keystore of the slots' signer, the URL of a remote signer, or the word new",
      },
      signerCa: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'With the URL of a remote signer: certificates in PEM that vouch for it',
      },
      signerClient: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'With it: certificate and private key in PEM by which it knows this node',
      },
      passwordFile: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'File with its password, which the node reads when it starts; without it the node asks',
      },
      wallet: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Wallet that owns the slots; default: any, whose slots the key signs for',
      },
      slots: { kind: 'parsed', parse: String, optional: true, brief: 'Slots to sign for (1,3-5); default: all that are found on chain' },
      sequencers: { kind: 'parsed', parse: String, optional: true, brief: 'Multiaddrs of sequencers between commas, best first' },
      trustedSequencers: { kind: 'parsed', parse: String, optional: true, brief: 'Instead: https URL or file of a list of them' },
      ipfsPeers: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Multiaddrs of IPFS nodes to stay connected to, the sequencer’s among them',
      },
      namespace: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Of a market without a manifest: the last part of its project ids',
      },
      market: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Of a market without a manifest: file that names its compute sets, or the projects.json of a deployed node',
      },
      role: {
        kind: 'enum',
        values: ROLES,
        variadic: true,
        default: ['snapshotter', 'collector'],
        brief: 'What the process is to run; may be given several times',
      },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print one JSON object and nothing else' },
    },
  },
  docs: {
    brief: 'Ask a few questions, and write the file of `./weft node`',
    fullDescription:
      'At a terminal whatever no flag says is asked for, and a wrong answer is asked for again. Elsewhere flags say it all, and everything wrong is told at once. ' +
      'Files of a deployed node are taken over with --from: a table says what was taken, and what has no meaning here.',
  },
})

function nextSteps({ config, role }: Flags, { own, key }: Awaited<ReturnType<typeof answersTo>>): string {
  const lines = [
    `wrote     ${config}: ${role.join(', ')}${own?.slots === undefined ? '' : `, slots ${own.slots.join(',')}`}`,
    `look      ./weft config show --origin --config ${config}`,
    `check     ./weft doctor node --config ${config}`,
    `start     ./weft node --config ${config}`,
    ...(own?.assign === undefined ? [] : [`more      the wallet has slots that another signs for: ${own.assign}`]),
    ...(key !== undefined && 'path' in key ? [`keep      a copy of ${key.path} and of its password`] : []),
  ]
  return `${lines.join('\n')}\n`
}
