import { join } from 'node:path'
import { isWeftError, toldOf, WeftError } from '#domain/errors.ts'
import type { AnchorChain, SourceChain } from '#io/chain/port.ts'
import type { ProofOptions } from '#io/chain/proof/proofs.ts'
import type { Means } from '#io/chain/proof/provable.ts'
import type { EndpointTrouble } from '#io/chain/rpc/health.ts'
import { openProvenRpc, type ProvenRpc } from '#io/chain/proof/proven-rpc.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import { connectSourceChain } from '#io/chain/source/source.ts'
import { systemClock } from '#io/clock/system.ts'
import { carFolder } from '#io/ipfs/car-folder.ts'
import { createGateways, type GatewaysDeps } from '#io/ipfs/gateways.ts'
import { type HeliaNode, startHeliaNode } from '#io/ipfs/helia.ts'
import { kuboPlace } from '#io/ipfs/kubo.ts'
import { pinningService } from '#io/ipfs/pinning-service.ts'
import { openPlace, type PlaceAdapter } from '#io/ipfs/place.ts'
import type { ManyRecoverer } from '#io/keys/port.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createRecovererPool } from '#io/keys/recoverer-pool.ts'
import type { SubmissionHost } from '#io/p2p/host.ts'
import { type Copies, createCopies } from '#life/copies.ts'
import { persist } from '#life/persist.ts'
import { serveGateway } from './gateway.ts'
import type { Places, RoleHome } from './home.ts'
import type { PlaceSetting } from './pin-places.ts'
import type { Listener, Told } from './pools.ts'
import type { Settings } from './settings/settings.ts'
import type { Started } from './stop.ts'

/** The real adapters that more than one role needs, made from its settings. */

/**
 * Deepest rewrite of the anchor chain that roles follow: far deeper than any seen on a Nitro chain, shallow enough to keep in memory. With its
 * last common block it is what a snapshotter keeps on its disk.
 */
const REORG_DEPTH_MAX = 127

/** How far answers of an endpoint are proved. */
function provedBy(settings: ProofSettings, { onUnproved }: Told): { readonly proofs?: ProofOptions } {
  if (settings.proofs === 'off') return {}
  return { proofs: { receiptsShare: settings.proofSamplePercent / 100, random: systemRandom.fraction, onUnproved } }
}
type ProofSettings = Pick<Settings, 'proofs' | 'proofSamplePercent'>

/** Which endpoint does what it should not, and does so no more. */
function endpointTrouble(chain: 'anchor' | 'source', report: RoleHome['report']) {
  return ({ endpoint, trouble, detail, times }: EndpointTrouble): void => {
    if (times === undefined) report('endpoint_trouble', { chain, endpoint, trouble, detail })
    else report('endpoint_recovered', { chain, endpoint, trouble, times })
  }
}

/** Who hears of what the endpoints of a chain do. */
function listener(chain: 'anchor' | 'source', { report, notes, directory }: Sharing): Listener {
  const { onUse, onUseOfAll } = notes[chain]
  const onUnproved = (means: Means): void => report('chain_unproved', { chain, means })
  return { directory, onTrouble: endpointTrouble(chain, report), onUse, onUseOfAll, onUnproved }
}
const listeners = ({ onTrouble, onUse }: Told) => ({ onEndpointTrouble: onTrouble, onEndpointUse: onUse })
type Telling = Pick<RoleHome, 'report' | 'notes'>
type Sharing = Telling & Pick<RoleHome, 'pools' | 'directory'>

/** The endpoints of the anchor chain, for all of the role that asks them. */
export function anchorRpc(settings: Settings, home: Sharing): ProvenRpc {
  const { anchorRpcUrl: rpcUrl, anchorChainId: chainId, proofs, proofSamplePercent } = settings
  return home.pools(['anchor', rpcUrl, chainId, proofs, proofSamplePercent], listener('anchor', home), (told) =>
    openProvenRpc({ rpcUrl, chainId, clock: systemClock, ...listeners(told), ...provedBy(settings, told) }),
  )
}

/** Throws also the signal's reason: an endpoint may never answer. */
export async function anchorChain(
  settings: Settings,
  { report, notes }: Telling,
  { rpc, signal }: { readonly rpc: ProvenRpc; readonly signal: AbortSignal },
): Promise<AnchorChain> {
  const { anchorRpcUrl: rpcUrl, anchorChainId: chainId, protocolState, dataMarket, pollMs } = settings
  const onTrouble = (failure: unknown): void =>
    report('anchor_chain_trouble', isWeftError(failure) ? toldOf(failure) : { detail: String(failure) })
  const connecting = connectAnchorChain({
    rpcUrl,
    rpc,
    chainId,
    protocolState,
    dataMarket,
    pollMs,
    reorgDepthMax: REORG_DEPTH_MAX,
    clock: systemClock,
    onTrouble,
  })
  return notes.anchor.anchor(await untilAborted(connecting, signal))
}

/**
 * The chain that the market's data comes from, by its contract, asked for until it answers. Throws `MARKET_CONTRADICTED` when the setting names
 * another, `CHAIN_WRONG` when the endpoint serves another, or the signal's reason.
 */
export async function sourceChain(
  { sourceRpcUrl, sourceChainId, ...settings }: Partial<Pick<Settings, 'sourceChainId'>> & Pick<Settings, 'sourceRpcUrl'> & ProofSettings,
  { chain, home }: { readonly chain: AnchorChain; readonly home: Sharing },
  signal: AbortSignal,
): Promise<SourceChain> {
  const { report, notes } = home
  const patiently = <Result>(doing: string, work: () => Promise<Result>): Promise<Result> =>
    persist({ doing, attempt: () => untilAborted(work(), signal), signal }, { clock: systemClock, random: systemRandom, report })
  const { sourceChainId: chainId } = await patiently('read_market', () => chain.market())
  if (sourceChainId !== undefined && sourceChainId !== chainId) {
    const problem = `sourceChainId: --source-chain-id (WEFT_SOURCE_CHAIN_ID) says ${sourceChainId}, the contract of ${chain.dataMarket} ${chainId}`
    throw new WeftError('MARKET_CONTRADICTED', { problems: [problem] })
  }
  const { proofs, proofSamplePercent } = settings
  const connect = (told: Told) =>
    connectSourceChain({ rpcUrl: sourceRpcUrl, chainId, clock: systemClock, ...listeners(told), ...provedBy(settings, told) })
  const key = ['source', sourceRpcUrl, chainId, proofs, proofSamplePercent]
  return notes.source.source(await patiently('reach_source', () => home.pools(key, listener('source', home), connect)))
}

/** What the adapter refused is told when there is more of it. */
export function tellRefusals(host: Pick<SubmissionHost, 'counts'>, home: Pick<RoleHome, 'report'>): () => void {
  let told = '{}'
  return () => {
    const counts = host.counts()
    if (JSON.stringify(counts) !== told) home.report('frames_refused', counts)
    told = JSON.stringify(counts)
  }
}

/** Finds signers on threads of its own, until the role ends. */
export function recovererPool({ report }: Pick<RoleHome, 'report'>, started: Started): ManyRecoverer {
  const pool = createRecovererPool({ onDeath: (detail) => report('thread_died', { detail }) })
  started.add('recoverer', pool)
  return pool
}

export interface IpfsPlace {
  readonly node: HeliaNode
  /** Whether none of the peers that were named was reached when it was last tried; where none was, whether nobody has come by himself. */
  isAlone(): boolean
  /** The node for what a role adds and pins, which goes to the other places too, and whether they hold it. */
  readonly copies: Copies
  readonly gatewayUrl: string
  /** Where CAR files are, for `./weft storage`. */
  readonly carPlaces: Places
}

/** How long one gateway may take for one block. */
export const GATEWAY_TIMEOUT_MS = 10_000

/** What gateways do is counted, and told where they should not. */
export function gatewaysTold({ report, notes }: Pick<RoleHome, 'report' | 'notes'>): GatewaysDeps {
  return {
    onUse: (use) => notes.recorder.add('weft_gateway_requests_total', use),
    onTrouble({ gateway, trouble, detail, times }) {
      if (times === undefined) report('gateway_trouble', { gateway, trouble, detail })
      else report('gateway_recovered', { gateway, trouble, times })
    },
  }
}

/** Of the embedded IPFS node, in the home of a role. */
export function ipfsFolder(directory: string): string {
  return join(directory, 'ipfs')
}

/** The role's embedded IPFS node below its data directory, and its read-only gateway. */
export async function ipfsPlace(settings: Settings, home: RoleHome, started: Started): Promise<IpfsPlace> {
  const away = new Set<string>()
  const onDialled = (address: string, failure?: WeftError): void => {
    if (failure !== undefined) {
      away.add(address)
      home.report('ipfs_peer_away', toldOf(failure))
    } else if (away.delete(address)) home.report('ipfs_peer_reached', { address })
  }
  const { ipfsPeers: peers, gateways: urls } = settings
  const node = await startHeliaNode(
    { directory: ipfsFolder(home.directory), listen: [settings.ipfsListen], peers },
    {
      store: home.store,
      ...(urls.length > 0 && { gateways: createGateways({ urls, timeoutMs: GATEWAY_TIMEOUT_MS }, gatewaysTold(home)) }),
      onDamaged: (cid) => home.report('block_damaged', { cid }),
      onFetched: (from) => home.notes.recorder.add('weft_ipfs_blocks_total', { from }),
      onDialled,
    },
  )
  started.add('IPFS node', node)
  home.notes.peers.set('ipfs', node.peers)
  const gateway = await serveGateway({ blocks: node, port: settings.gatewayPort, hosts: settings.httpHosts }, home)
  started.add('IPFS gateway', gateway)
  const copies = copiesOf(settings, home, node)
  started.add('pinning places', copies)
  const cars = settings.pinPlaces.flatMap((place) => (place.kind === 'car' ? [place.directory] : []))
  const isAlone = (): boolean => (peers.length > 0 ? peers.every((peer) => away.has(peer)) : node.peers() === 0)
  return { node, isAlone, copies, gatewayUrl: gateway.url, carPlaces: cars.length > 0 ? { cars } : {} }
}

/** What keeps copies beside the node. Of a sequencer it is also told how many must. */
function copiesOf(settings: Settings, home: RoleHome, node: HeliaNode): Copies {
  const { pinPlaces, pinMin } = settings
  const places = pinPlaces.map((place) => openPlace(pinPlaceOf(place, settings, node), { store: home.store, blocks: node }))
  // Only a sequencer has the setting: nobody else waits for others.
  return createCopies({ copiesMin: pinMin ?? 1 }, { node, places, clock: systemClock, random: systemRandom, report: home.report })
}

/** Where copies are kept, as people name it. */
export function pinPlaceOf(
  place: PlaceSetting,
  { pinToken, pinGateways }: { readonly pinToken: Settings['pinToken'] | undefined; readonly pinGateways: Settings['pinGateways'] },
  node: Pick<HeliaNode, 'peerId' | 'addresses'>,
): PlaceAdapter {
  if (place.kind === 'car') return carFolder(place.directory)
  if (place.kind === 'kubo') return kuboPlace(place)
  const token = pinToken?.reveal() === '' ? undefined : pinToken
  // The peer id is this role's own: two of them with one account do not take each other's pins away.
  const label = `weft ${node.peerId}`
  return pinningService({ url: place.url, token, gateways: pinGateways, label }, { origins: () => node.addresses() })
}
