import { WeftError } from '#domain/errors.ts'
import { parseAddress, type Address } from '#domain/ids.ts'
import { type MarketSettings, readMarketAddresses, readMarketSettings } from '#io/chain/read/market.ts'
import { type NodesSettings, readNodesSettings } from '#io/chain/read/slots.ts'
import { readHead } from '#io/chain/rpc/block.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createView } from '#io/chain/rpc/views.ts'
import { findCreations, haveCode, implementationOf } from '#io/chain/send/creations.ts'
import type { Account } from '#io/chain/send/account.ts'
import { countTransactions } from '#io/chain/send/transaction.ts'
import type { Network } from '#node/network.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import type { Artifacts } from './artifacts.ts'

/** What is on chain already. */
export interface Observed {
  readonly deployer: Address
  readonly nextNonce: number
  readonly headSeconds: number
  readonly contracts: Contracts
  /** What ProtocolState says its registry and its factory are. */
  readonly registered: { readonly nodes: Address; readonly factory: Address } | undefined
  /** Nonce of the factory's next creation, which decides where the next market comes to be. */
  readonly factoryNonce: number
  readonly markets: readonly MarketSettings[]
  readonly nodes: NodesSettings | undefined
}

export interface Contracts {
  readonly nodesCode?: Address | undefined
  readonly stateCode?: Address | undefined
  readonly factory?: Address | undefined
  readonly nodes?: Address | undefined
  readonly protocolState?: Address | undefined
}

/** Where to look: at what an earlier run wrote down, or else at what the account created. */
export interface ObserveDeps {
  readonly rpc: Rpc
  readonly operator: Account
  readonly artifacts: Artifacts
  readonly network: Network | undefined
}

/** The newest of what the account created, told apart by code; proxies by the code behind them. */
async function contractsOf({ rpc, operator, artifacts }: ObserveDeps, nextNonce: number): Promise<Contracts> {
  const account = { address: operator.address, nonce: nextNonce }
  const compiled = Object.fromEntries(Object.entries(artifacts).map(([name, artifact]) => [name, artifact.deployedBytecode]))
  const creations = await findCreations(rpc, account, compiled)
  const newest = (name: string) => creations.findLast((creation) => creation.name === name)?.address
  const proxies = creations.filter(({ name }) => name === 'ERC1967Proxy').map(({ address }) => address)
  const behind = await Promise.all(proxies.map((proxy) => implementationOf(rpc, proxy)))
  const proxyOf = (name: string) =>
    proxies.findLast((_, index) => creations.some((creation) => creation.name === name && creation.address === behind[index]))
  return {
    nodesCode: newest('PowerloomNodes'),
    stateCode: newest('PowerloomProtocolState'),
    factory: newest('DataMarketFactory'),
    nodes: proxyOf('PowerloomNodes'),
    protocolState: proxyOf('PowerloomProtocolState'),
  }
}

/** The parts of a ProtocolState, those that exist: a deployment that went wrong may have named an address where nothing came to be. */
async function partsOf(rpc: Rpc, protocolState: Address): Promise<Pick<Observed, 'registered'> & { readonly contracts: Contracts }> {
  const view = createView(rpc, protocolStateAbi, protocolState)
  const [nodes, factory] = (await Promise.all([view('snapshotterState', []), view('dataMarketFactory', [])])).map(parseAddress) as [
    Address,
    Address,
  ]
  const [hasNodes, hasFactory] = await haveCode(rpc, [nodes, factory])
  return {
    registered: { nodes, factory },
    contracts: { protocolState, ...(hasNodes ? { nodes } : {}), ...(hasFactory ? { factory } : {}) },
  }
}

/** Looks at the chain. Throws `CONTRACT_UNKNOWN` when the network file names a market that its ProtocolState does not know. */
export async function observe(place: ObserveDeps): Promise<Observed> {
  const { rpc, operator, network } = place
  const [nextNonce, head] = await Promise.all([operator.nextNonce(), readHead(rpc)])
  const created = network === undefined ? await contractsOf(place, nextNonce) : { protocolState: network.protocolState }
  const parts = created.protocolState === undefined ? undefined : await partsOf(rpc, created.protocolState)
  const contracts: Contracts = { ...created, ...parts?.contracts }
  const { protocolState, nodes, factory } = contracts
  const [addresses, registry, factoryNonce] = await Promise.all([
    protocolState === undefined ? [] : readMarketAddresses(rpc, protocolState),
    nodes === undefined ? undefined : readNodesSettings(rpc, nodes),
    factory === undefined ? FRESH_FACTORY_NONCE : countTransactions(rpc, factory, 'latest'),
  ])
  const asked = network === undefined ? addresses : addresses.filter((address) => address === network.dataMarket)
  if (network !== undefined && asked.length === 0)
    throw new WeftError('CONTRACT_UNKNOWN', { what: 'data market of this ProtocolState', address: network.dataMarket })
  const markets = await Promise.all(asked.map((address) => readMarketSettings(rpc, protocolState as Address, address)))
  const { registered } = parts ?? {}
  return {
    deployer: operator.address,
    nextNonce,
    headSeconds: head.timestamp,
    contracts,
    registered,
    factoryNonce,
    markets,
    nodes: registry,
  }
}

/** The factory's first contract is the code of the markets. */
export const FRESH_FACTORY_NONCE = 2
