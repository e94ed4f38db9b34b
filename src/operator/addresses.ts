import { WeftError } from '#domain/errors.ts'
import { parseAddress, type Address } from '#domain/ids.ts'
import { readMarketAddresses } from '#io/chain/read/market.ts'
import { type NodesSettings, readNodesSettings } from '#io/chain/read/slots.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { createView } from '#io/chain/rpc/views.ts'
import { haveCode } from '#io/chain/send/creations.ts'
import { systemClock } from '#io/clock/system.ts'
import type { Network } from '#node/network.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { readChainId } from './session.ts'

/** What a person said about where the contracts are; what is said singly wins over the network file. */
export interface GivenAddresses {
  readonly network: Network | undefined
  readonly protocolState: Address | undefined
  readonly dataMarket: Address | undefined
}

export interface ContractAddresses {
  readonly protocolState: Address
  readonly nodes: Address
  /** Not named and not the only one: `undefined`. */
  readonly dataMarket: Address | undefined
}

/** For whoever only reads. */
export function openReader(rpcUrl: string): Rpc {
  return createRpc({ rpcUrl, pause: systemClock })
}

/** Throws `SETTINGS_INVALID` when nothing says where, `CHAIN_WRONG`, `CONTRACT_UNKNOWN`. */
export async function findAddresses(rpc: Rpc, { network, ...given }: GivenAddresses): Promise<ContractAddresses> {
  const protocolState = given.protocolState ?? network?.protocolState
  if (protocolState === undefined)
    throw new WeftError('SETTINGS_INVALID', {
      problems: ['--protocol-state (WEFT_PROTOCOL_STATE) or --network is needed: there is no network.json in the data directory'],
    })
  if (network !== undefined) {
    const gotChainId = await readChainId(rpc)
    if (network.chainId !== gotChainId)
      throw new WeftError('CHAIN_WRONG', { endpoint: rpc.endpoint, expectedChainId: network.chainId, gotChainId })
  }
  const [isThere] = await haveCode(rpc, [protocolState])
  if (!isThere) throw new WeftError('CONTRACT_UNKNOWN', { what: 'ProtocolState', address: protocolState })
  const [nodes, markets] = await Promise.all([
    createView(rpc, protocolStateAbi, protocolState)('snapshotterState', []),
    readMarketAddresses(rpc, protocolState),
  ])
  const named = given.dataMarket ?? (network?.protocolState === protocolState ? network.dataMarket : undefined)
  return { protocolState, nodes: parseAddress(nodes), dataMarket: named ?? (markets.length === 1 ? markets[0] : undefined) }
}

/** The node registry with every slot. */
export function readRegistry(rpc: Rpc, { nodes }: ContractAddresses): Promise<NodesSettings> {
  return readNodesSettings(rpc, nodes)
}
