import { dirname, relative, resolve } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { readMarketSettings } from '#io/chain/read/market.ts'
import { readNodesSettings, type SlotRecord } from '#io/chain/read/slots.ts'
import { checkKeystore, decryptKeystore, isKeystore } from '#io/keys/keystore.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { contentOf } from '#node/given-file.ts'
import { bareKey } from '#node/key-files.ts'
import { readMarketFile } from '#node/market-file.ts'
import { PEER_FORM } from '#node/peer-address.ts'
import { problemOfNamespace } from '#node/read-settings.ts'
import { problemsInRpc } from '#node/rpc-urls.ts'
import type { Role } from '#node/settings/roles.ts'
import { SETTINGS } from '#node/settings/settings.ts'
import { pemIn, problemOfSignerUrl, problemsOfSigner } from '#node/signer-settings.ts'
import { findAddresses, type GivenAddresses, openReader } from './addresses.ts'
import { diskOf } from './doctor/machine.ts'
import { probeSigner } from './doctor/signer.ts'
import { readChainId } from './session.ts'

/** What `./weft init` asks, looked at while it is answered, and the file that comes of it. */

/** The market as the chain has it. */
export interface MarketFound {
  readonly chainId: number
  readonly protocolState: Address
  readonly dataMarket: Address
  readonly sourceChainId: number
  /** A multiaddr, a peer id, or any name; empty until it is set. */
  readonly sequencerId: string
  readonly slots: readonly SlotRecord[]
  /** Whether a manifest says what it asks for, now or from a later epoch on. */
  readonly hasManifest: boolean
}

const invalid = (problem: string): WeftError => new WeftError('SETTINGS_INVALID', { problems: [problem] })

/** Throws `SETTINGS_INVALID`. */
export function checkRpc(text: string): void {
  const [problem] = problemsInRpc(text)
  if (problem !== undefined) throw invalid(problem)
}

/** Throws `SETTINGS_INVALID`, `CHAIN_WRONG`, `CHAIN_UNREACHABLE`, `CONTRACT_UNKNOWN`. */
export async function findMarket(rpcUrl: string, given: GivenAddresses): Promise<MarketFound> {
  checkRpc(rpcUrl)
  const rpc = openReader(rpcUrl)
  const addresses = await findAddresses(rpc, given)
  const { protocolState, dataMarket, nodes } = addresses
  if (dataMarket === undefined) throw invalid('the protocol has several data markets: name one, --data-market')
  const [chainId, market, registry] = await Promise.all([
    readChainId(rpc),
    readMarketSettings(rpc, protocolState, dataMarket),
    readNodesSettings(rpc, nodes),
  ])
  const { sourceChainId, sequencerId, manifest, pendingManifest } = market
  const hasManifest = (manifest ?? pendingManifest) !== undefined
  return { chainId, protocolState, dataMarket, sourceChainId, sequencerId, slots: registry.slots, hasManifest }
}

/** Throws `SETTINGS_INVALID`, `CHAIN_WRONG` when the market's data comes from another chain, `CHAIN_UNREACHABLE`. */
export async function checkSource(rpcUrl: string, expectedChainId: number): Promise<void> {
  checkRpc(rpcUrl)
  const rpc = openReader(rpcUrl)
  const gotChainId = await readChainId(rpc)
  if (gotChainId !== expectedChainId) throw new WeftError('CHAIN_WRONG', { endpoint: rpc.endpoint, expectedChainId, gotChainId })
}

/** Throws `SETTINGS_INVALID` where no data directory can be. */
export function checkDataDir(dataDir: string): void {
  const wrong = diskOf({ dataDir }).find(({ check, state }) => check === 'data directory' && state === 'bad')
  if (wrong !== undefined) throw invalid(`--data-dir: ${wrong.detail}`)
}

/** The account of a keystore, which the password must open where one is given, or of a bare key. Throws `SETTINGS_INVALID`, `KEYSTORE_INVALID`, `KEYSTORE_PASSWORD_WRONG`. */
export async function accountIn(path: string, password: Secret<string> | undefined): Promise<Address> {
  const text = contentOf(path)
  if (!isKeystore(text)) return createSigner(bareKey(text, path)).address
  const address = checkKeystore(text, path)
  if (password !== undefined) await decryptKeystore(text, { path, password })
  if (address === undefined) throw invalid(`${path} does not say whose key it holds: write it anew with ./weft keys import ${path}`)
  return address
}

/** A key that another machine has. */
export interface RemoteKey {
  readonly url: string
  /** Files in PEM, as --signer-ca and --signer-client have them. */
  readonly ca?: string | undefined
  readonly client?: string | undefined
}

/** The account as which a remote signer signs, which it is asked to do. Throws `SETTINGS_INVALID`, `SIGNER_FAILED`, `SIGNER_LIED`. */
export async function checkRemoteKey({ url, ca, client }: RemoteKey): Promise<Address> {
  const problem = problemOfSignerUrl(url)
  if (problem !== undefined) throw invalid(problem)
  const pem = (path: string | undefined) => (path === undefined ? new Secret('') : pemIn(path))
  const remote = { signerUrl: url, signerCa: pem(ca), signerClient: pem(client), signerTimeout: SETTINGS.signerTimeout.fallback }
  const problems = problemsOfSigner(remote)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return probeSigner(remote)
}

export interface OwnSlots {
  /** Those that the key may sign for. */
  readonly ready: readonly number[]
  /** Of the same wallet, but of another signer. */
  readonly others: readonly SlotRecord[]
}

/** Throws `SETTINGS_INVALID`. */
export function checkNamespace(text: string): string {
  const problem = problemOfNamespace(text)
  if (problem !== undefined) throw invalid(problem)
  return text
}

/** The file that names the compute sets of a market without a manifest; its sets, in words. Throws `SETTINGS_INVALID` with all that is wrong with it. */
export function checkMarketFile(path: string): string {
  return readMarketFile(path)
    .sets.map(({ name, version }) => `${name} ${version}`)
    .join(', ')
}

/** The slots that a wallet owns, or that the key signs for already. */
export function ownSlots(
  slots: readonly SlotRecord[],
  { wallet, signer }: { readonly wallet: Address; readonly signer: Address },
): OwnSlots {
  const alive = slots.filter(({ isBurned }) => !isBurned)
  return {
    ready: alive.filter((slot) => slot.signer === signer && slot.isActive).map(({ slotId }) => slotId),
    others: alive.filter((slot) => slot.owner === wallet && slot.signer !== signer),
  }
}

/** Throws `SETTINGS_INVALID`. */
export function checkPeers(text: string): readonly string[] {
  const peers = text
    .split(',')
    .map((peer) => peer.trim())
    .filter((peer) => peer !== '')
  const wrong = peers.find((peer) => !PEER_FORM.is.test(peer))
  if (peers.length === 0) throw invalid(`is needed: ${PEER_FORM.like}`)
  if (wrong !== undefined) throw invalid(`'${wrong.slice(0, 80)}' is not ${PEER_FORM.like}`)
  return peers
}

export interface Answers {
  /** Where the file will be. */
  readonly config: string
  readonly dataDir: string
  readonly roles: readonly Role[]
  readonly network: string | undefined
  readonly market: Pick<MarketFound, 'chainId' | 'protocolState' | 'dataMarket'>
  readonly anchorRpcUrl: string
  readonly sourceRpcUrl: string | undefined
  readonly keyPath: string | undefined
  readonly passwordPath: string | undefined
  /** In the place of a key. */
  readonly remoteKey?: RemoteKey | undefined
  readonly slots: readonly string[]
  readonly sequencers: readonly string[]
  readonly trustedSequencers: string | undefined
  /** Of a market without a manifest. */
  readonly namespace?: string | undefined
  readonly marketFile?: string | undefined
  /** Of deployed nodes. */
  readonly grpcListen?: string | undefined
  readonly alertCooldown?: string | undefined
  /** File that says whom to tell of what goes wrong. */
  readonly alertPath?: string | undefined
  readonly ipfsPeers: readonly string[]
}

const remoteSettings = ({ url, ca, client }: RemoteKey, seen: (path: string) => string) => ({
  signerUrl: url,
  ...(ca !== undefined && { signerCa: seen(ca) }),
  ...(client !== undefined && { signerClient: seen(client) }),
})

/** The file, whose paths lead from its folder. */
export function configOf(answers: Answers): object {
  const base = dirname(resolve(answers.config))
  const seen = (path: string): string => relative(base, resolve(path)) || '.'
  const { chainId, protocolState, dataMarket } = answers.market
  const contracts =
    answers.network === undefined ? { anchorChainId: chainId, protocolState, dataMarket } : { network: seen(answers.network) }
  const { trustedSequencers } = answers
  const ofRole: Readonly<Partial<Record<Role, object>>> = {
    collector: {
      ...(answers.sequencers.length > 0 && { sequencers: answers.sequencers }),
      ...(trustedSequencers !== undefined && {
        trustedSequencers: /^https?:/.test(trustedSequencers) ? trustedSequencers : seen(trustedSequencers),
      }),
      ...(answers.grpcListen !== undefined && { grpcListen: answers.grpcListen }),
    },
    snapshotter: {
      slots: answers.slots.map((range) => (/^\d+$/.test(range) ? Number(range) : range)),
      ...(answers.marketFile !== undefined && { market: seen(answers.marketFile) }),
    },
  }
  return {
    dataDir: seen(answers.dataDir),
    settings: {
      ...contracts,
      anchorRpcUrl: answers.anchorRpcUrl,
      ...(answers.sourceRpcUrl !== undefined && { sourceRpcUrl: answers.sourceRpcUrl }),
      ...(answers.keyPath !== undefined && { signerKey: `file:${seen(answers.keyPath)}` }),
      ...(answers.remoteKey !== undefined && remoteSettings(answers.remoteKey, seen)),
      ...(answers.passwordPath !== undefined && { signerPassword: `file:${seen(answers.passwordPath)}` }),
      ...(answers.namespace !== undefined && { namespace: answers.namespace }),
      ...(answers.alertPath !== undefined && { alertTo: `file:${seen(answers.alertPath)}` }),
      ...(answers.alertCooldown !== undefined && { alertCooldown: Number(answers.alertCooldown) }),
      ...(answers.ipfsPeers.length > 0 && { ipfsPeers: answers.ipfsPeers }),
    },
    parts: Object.fromEntries(answers.roles.map((role) => [role, ofRole[role] ?? {}])),
  }
}
