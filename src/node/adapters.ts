import { join } from 'node:path'
import { isWeftError, toldOf, WeftError } from '#domain/errors.ts'
import type { AnchorChain, ProtocolSender, SourceChain } from '#io/chain/port.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { createProtocolSender } from '#io/chain/send/sender.ts'
import { connectSourceChain } from '#io/chain/source/source.ts'
import { systemClock } from '#io/clock/system.ts'
import { serveGateway } from '#io/ipfs/gateway.ts'
import { type HeliaNode, startHeliaNode } from '#io/ipfs/helia.ts'
import { parsePrivateKey } from '#io/keys/secp256k1.ts'
import type { RoleHome } from './home.ts'
import type { Settings } from './settings.ts'
import type { Started } from './stop.ts'

/** The real adapters that more than one role needs, made from its settings. */

/** Deepest rewrite of the anchor chain that roles follow: far deeper than any seen on a Nitro chain, shallow enough to keep in memory. */
const REORG_DEPTH_MAX = 64
/** How long one call waits for its block before the role hears of it; it stays journalled either way. */
const SETTLE_TIMEOUT_MS = 120_000

export function anchorChain(settings: Settings, { report }: RoleHome): Promise<AnchorChain> {
  const { anchorRpcUrl: rpcUrl, anchorChainId: chainId, protocolState, dataMarket, pollMs } = settings
  const onTrouble = (failure: unknown): void =>
    report('anchor_chain_trouble', isWeftError(failure) ? toldOf(failure) : { detail: String(failure) })
  return connectAnchorChain({
    rpcUrl,
    chainId,
    protocolState,
    dataMarket,
    pollMs,
    reorgDepthMax: REORG_DEPTH_MAX,
    clock: systemClock,
    onTrouble,
  })
}

/** The chain that the market's data comes from, by its contract. Throws `MARKET_CONTRADICTED` when the setting names another. */
export async function sourceChain(
  { sourceRpcUrl, sourceChainId }: Partial<Pick<Settings, 'sourceChainId'>> & Pick<Settings, 'sourceRpcUrl'>,
  chain: AnchorChain,
): Promise<SourceChain> {
  const { sourceChainId: chainId } = await chain.market()
  if (sourceChainId !== undefined && sourceChainId !== chainId) {
    const problem = `sourceChainId: --source-chain-id (WEFT_SOURCE_CHAIN_ID) says ${sourceChainId}, the contract of ${chain.dataMarket} ${chainId}`
    throw new WeftError('MARKET_CONTRADICTED', { problems: [problem] })
  }
  return connectSourceChain({ rpcUrl: sourceRpcUrl, chainId, clock: systemClock })
}

/** Sends from the role's own account; intents are journalled in the role's store. */
export function protocolSender(settings: Settings, { store, report }: RoleHome): ProtocolSender {
  const { anchorRpcUrl: rpcUrl, anchorChainId: chainId, protocolState, dataMarket, pollMs } = settings
  const privateKey = parsePrivateKey(settings.signerKey.reveal())
  const sender: ProtocolSender = createProtocolSender({
    rpcUrl,
    chainId,
    protocolState,
    dataMarket,
    privateKey,
    journal: store,
    clock: systemClock,
    pollMs,
    settleTimeoutMs: SETTLE_TIMEOUT_MS,
    onShared: (nonce) => report('account_shared', { address: sender.address, nonce }),
  })
  return sender
}

export interface IpfsPlace {
  readonly node: HeliaNode
  readonly gatewayUrl: string
}

/** Of the embedded IPFS node, in the home of a role. */
export function ipfsFolder(directory: string): string {
  return join(directory, 'ipfs')
}

/** The role's embedded IPFS node below its data directory, and its read-only gateway. */
export async function ipfsPlace(settings: Settings, home: RoleHome, started: Started): Promise<IpfsPlace> {
  const node = await startHeliaNode(
    { directory: ipfsFolder(home.directory), listen: [settings.ipfsListen], peers: settings.ipfsPeers },
    { store: home.store, onDamaged: (cid) => home.report('block_damaged', { cid }) },
  )
  started.add('IPFS node', node)
  const gateway = await serveGateway({ blocks: node, port: settings.gatewayPort })
  started.add('IPFS gateway', { stop: () => gateway.close() })
  return { node, gatewayUrl: gateway.url }
}
