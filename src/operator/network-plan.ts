import { encodeDeployData, encodeFunctionData } from 'viem/utils'
import { WeftError } from '#domain/errors.ts'
import type { Address, SlotId } from '#domain/ids.ts'
import type { MarketSettings } from '#io/chain/read/market.ts'
import type { NodesSettings } from '#io/chain/read/slots.ts'
import { createdAddress } from '#io/chain/send/account.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import type { Artifacts, ContractName } from './artifacts.ts'
import type { DeployConfig } from './config.ts'
import { createMarketStep, freshMarket, planMarket } from './market-plan.ts'
import { FRESH_FACTORY_NONCE, type Observed } from './observe.ts'
import { compact, sideBySide, type Step, type Wave } from './plan.ts'
import { assignSteps, planMint, registrySteps } from './slot-plan.ts'
import { formDifferences, NODE_PRICE_WEI, NODES_NAME, type WantedNetwork, wantedForm, wantedSettings } from './wanted.ts'

type Hex = `0x${string}`

export interface NetworkPlan {
  readonly waves: readonly Wave[]
  /** Where everything is, or will be. */
  readonly contracts: Omit<Base, 'waves'> & { readonly dataMarket: Address }
  /** 0 until the market exists. */
  readonly deploymentBlock: number
}

/** Hands out the addresses of contracts to be created, in the order of their creation. */
function createCreator(deployer: Address, firstNonce: number) {
  let nonce = firstNonce
  return (what: string, call: ContractName, data: Hex): Step & { readonly address: Address } => {
    const address = createdAddress(deployer, nonce)
    nonce += 1
    return { what: `create ${what} at ${address}`, transaction: { call, data, creates: address }, address }
  }
}

interface Base {
  readonly waves: readonly Wave[]
  readonly protocolState: Address
  readonly nodes: Address
  readonly factory: Address
}

/** The code of all three, then the two proxies, each initialised in the transaction that creates it. Only what is missing. */
function planContracts({ deployer, nextNonce, contracts, registered }: Observed, config: DeployConfig, artifacts: Artifacts): Base {
  const create = createCreator(deployer, nextNonce)
  const codes: (Step & { address: Address })[] = []
  const proxies: (Step & { address: Address })[] = []
  const codeOf = (what: string, name: ContractName): Address => {
    codes.push(create(what, name, artifacts[name].bytecode))
    return codes.at(-1)?.address as Address
  }
  const proxyOf = (what: string, code: Address, initialization: Hex): Address => {
    const { abi, bytecode } = artifacts.ERC1967Proxy
    proxies.push(create(what, 'ERC1967Proxy', encodeDeployData({ abi, bytecode, args: [code, initialization] })))
    return proxies.at(-1)?.address as Address
  }
  // Codes first, for they come first in the chain and so take the first addresses.
  const needsNodes = contracts.nodes === undefined
  const nodesCode = needsNodes ? (contracts.nodesCode ?? codeOf("the registry's code", 'PowerloomNodes')) : undefined
  const factory = contracts.factory ?? codeOf('the factory of data markets', 'DataMarketFactory')
  const needsState = contracts.protocolState === undefined
  const stateCode = needsState ? (contracts.stateCode ?? codeOf("ProtocolState's code", 'PowerloomProtocolState')) : undefined
  const initNodes = [deployer as Hex, config.nodes?.priceWei ?? NODE_PRICE_WEI, config.nodes?.name ?? NODES_NAME] as const
  const nodes =
    contracts.nodes ??
    proxyOf('the registry', nodesCode as Address, encodeFunctionData({ abi: nodesAbi, functionName: 'initialize', args: initNodes }))
  const initState = [deployer as Hex, nodes as Hex, factory as Hex] as const
  const protocolState =
    contracts.protocolState ??
    proxyOf(
      'ProtocolState',
      stateCode as Address,
      encodeFunctionData({ abi: protocolStateAbi, functionName: 'initialize', args: initState }),
    )
  const registrations = planRegistration({ protocolState, nodes, factory }, registered)
  return { waves: [codes, proxies, registrations], protocolState, nodes, factory }
}

/** Only after a deployment in which another transaction took the place of one of ours. */
function planRegistration({ protocolState, nodes, factory }: Omit<Base, 'waves'>, registered: Observed['registered']): Step[] {
  if (registered === undefined) return []
  const steps: Step[] = []
  const set = (call: 'updateSnapshotterState' | 'updateDataMarketFactory', address: Address, what: string): void => {
    const data = encodeFunctionData({ abi: protocolStateAbi, functionName: call, args: [address as Hex] })
    steps.push({ what, transaction: { call, to: protocolState, data } })
  }
  if (registered.nodes !== nodes) set('updateSnapshotterState', nodes, `register the node registry ${nodes}`)
  if (registered.factory !== factory) set('updateDataMarketFactory', factory, `register the factory ${factory}`)
  return steps
}

/** The market that the network file names, or the oldest that has the wanted form and owner. */
function findMarket({ markets, deployer }: Observed, config: DeployConfig, isNamed: boolean): MarketSettings | undefined {
  const form = wantedForm(config)
  if (!isNamed)
    return markets.find(
      (market) =>
        market.owner === deployer &&
        market.epochSize === form.epochSize &&
        market.sourceChainId === form.sourceChainId &&
        market.sourceBlockTimeSeconds === form.sourceBlockTimeSeconds &&
        market.usesBlockNumbersAsEpochIds === form.usesBlockNumbersAsEpochIds,
    )
  const [market] = markets
  const problems = market === undefined ? [] : formDifferences(config, market)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return market
}

/** The registry as it is once its proxy exists. */
function freshNodes(address: Address, owner: Address, { nodes }: DeployConfig): NodesSettings {
  const { name = NODES_NAME, priceWei = NODE_PRICE_WEI } = nodes ?? {}
  return { address, name, owner, admins: [], priceWei, mintStartTime: 0, slots: [] }
}

function planSlots(nodes: NodesSettings, config: DeployConfig, observed: Observed): Wave[] {
  const { deployer, headSeconds } = observed
  const signers = config.slots ?? []
  const assignments = signers.map((signer, index) => ({ slotId: (index + 1) as SlotId, signer }))
  const minted = planMint({ ...nodes, ...config.nodes }, Math.max(0, signers.length - nodes.slots.length), headSeconds)
  // Assigned when all are minted.
  const assigned: Wave[] = minted.length === 0 ? [[]] : [[], []]
  return sideBySide(
    [registrySteps(nodes, config.nodes ?? {})],
    sideBySide(minted, [...assigned, assignSteps(nodes, deployer, assignments)]),
  )
}

/** Every transaction that is missing between what is on chain and what is wanted. Empty waves are left out: none means that all is as wanted. */
export function planNetwork(
  observed: Observed,
  config: WantedNetwork,
  options: { readonly artifacts: Artifacts; readonly isNamed: boolean },
): NetworkPlan {
  const { deployer } = observed
  const base = planContracts(observed, config, options.artifacts)
  const { protocolState, nodes, factory } = base
  const found = findMarket(observed, config, options.isNamed)
  const nextMarket = createdAddress(factory, observed.contracts.factory === undefined ? FRESH_FACTORY_NONCE : observed.factoryNonce)
  const market = found ?? freshMarket(nextMarket, deployer, wantedForm(config))
  const created = found === undefined ? [createMarketStep(protocolState, deployer, wantedForm(config))] : []
  const marketWaves = [created, ...planMarket(protocolState, market, wantedSettings(config, market, deployer))]
  const slotWaves = planSlots(observed.nodes ?? freshNodes(nodes, deployer, config), config, observed)
  return {
    waves: compact([...base.waves, ...sideBySide(marketWaves, slotWaves)]),
    contracts: { protocolState, nodes, factory, dataMarket: market.address },
    deploymentBlock: found?.deploymentBlock ?? 0,
  }
}
