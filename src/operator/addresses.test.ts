import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Address } from '#domain/ids.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import type { Network } from '#node/network.ts'
import { findAddresses } from './addresses.ts'
import { addressesOf } from './deploy.test-world.ts'
import type { DeployTarget } from './deploy.ts'
import { deployNetwork } from './deploy.ts'

const [protocolState, dataMarket, nodes, factory, other] = addressesOf('01', '02', '03', '04', '05')
const NETWORK: Network = { chainId: 7, protocolState, dataMarket, nodes, factory, deploymentBlock: 1 }

const chain = vi.hoisted(() => ({ markets: [] as string[], code: new Set<string>(), chainId: 7 }))
vi.mock('#io/chain/read/market.ts', () => ({ readMarketAddresses: async () => chain.markets, readMarketSettings: async () => ({}) }))
vi.mock('#io/chain/send/creations.ts', () => ({
  haveCode: async (_rpc: unknown, addresses: string[]) => addresses.map((address) => chain.code.has(address)),
}))
vi.mock('#io/chain/rpc/views.ts', () => ({ createView: () => async () => nodes }))

const rpc = {
  endpoint: 'http://127.0.0.1:1',
  call: async (method: string) => (method === 'eth_chainId' ? `0x${chain.chainId.toString(16)}` : undefined),
} as unknown as Rpc
const find = (given: { network?: Network; protocolState?: Address; dataMarket?: Address }) =>
  findAddresses(rpc, { network: undefined, protocolState: undefined, dataMarket: undefined, ...given })

beforeEach(() => {
  chain.markets = [dataMarket]
  chain.code = new Set([protocolState])
  chain.chainId = 7
})

describe('where the contracts are', () => {
  test('is what the network file says', async () => {
    chain.markets = [other, dataMarket]
    expect(await find({ network: NETWORK })).toEqual({ protocolState, nodes, dataMarket })
  })

  test('is what is said singly, where both say something', async () => {
    chain.code = new Set([other])
    expect(await find({ network: NETWORK, protocolState: other, dataMarket: other })).toEqual({
      protocolState: other,
      nodes,
      dataMarket: other,
    })
  })

  test('the market of the network file is none of another ProtocolState', async () => {
    chain.code = new Set([other])
    chain.markets = [factory]
    expect(await find({ network: NETWORK, protocolState: other })).toMatchObject({ dataMarket: factory })
  })

  test('the only market needs no name; of two or none, none is meant', async () => {
    expect(await find({ protocolState })).toEqual({ protocolState, nodes, dataMarket })
    for (const markets of [[], [dataMarket, other]]) {
      chain.markets = markets
      expect(await find({ protocolState })).toEqual({ protocolState, nodes, dataMarket: undefined })
    }
  })

  test('must be said by somebody', async () => {
    await expect(find({})).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  })

  test('is on the chain of the network file', async () => {
    chain.chainId = 8
    await expect(find({ network: NETWORK })).rejects.toMatchObject({ code: 'CHAIN_WRONG', facts: { expectedChainId: 7, gotChainId: 8 } })
    // Also when the address was said singly: the file names a chain.
    await expect(find({ network: NETWORK, protocolState })).rejects.toMatchObject({ code: 'CHAIN_WRONG' })
  })

  test('has a contract', async () => {
    chain.code = new Set()
    await expect(find({ protocolState })).rejects.toMatchObject({ code: 'CONTRACT_UNKNOWN', facts: { address: protocolState } })
  })
})

test('a network is not deployed to another chain than its file names, and nothing is asked of that chain', async () => {
  const target = {
    rpc: { endpoint: 'http://127.0.0.1:1' } as Rpc,
    chainId: 8,
    operator: undefined,
    network: NETWORK,
  } as unknown as DeployTarget
  const conduct = { isDryRun: false, confirm: async () => true, done: () => undefined }
  await expect(deployNetwork(target, {}, conduct, new AbortController().signal)).rejects.toMatchObject({
    code: 'CHAIN_WRONG',
    facts: { endpoint: 'http://127.0.0.1:1', expectedChainId: 7, gotChainId: 8 },
  })
})
