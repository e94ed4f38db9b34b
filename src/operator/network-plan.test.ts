import { decodeDeployData, decodeFunctionData } from 'viem'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Address, parseAddress, type SlotId } from '#domain/ids.ts'
import type { NodesSettings } from '#io/chain/read/slots.ts'
import { createdAddress } from '#io/chain/send/account.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { type Artifacts, readArtifacts } from './artifacts.ts'
import { addressesOf } from './deploy.test-world.ts'
import { freshMarket } from './market-plan.ts'
import { planNetwork } from './network-plan.ts'
import type { Observed } from './observe.ts'
import type { Step } from './plan.ts'
import { wantedForm } from './wanted.ts'

const [deployer, state, nodes, factory, market, signer, other] = addressesOf('d0', '01', '02', '03', '04', '05', '06')
const NOBODY = parseAddress(`0x${'0'.repeat(40)}`)

let artifacts: Artifacts
beforeAll(async () => {
  artifacts = await readArtifacts()
})

/** An account that has sent seven transactions, none of them a deployment. */
const NOTHING: Observed = {
  deployer,
  nextNonce: 7,
  headSeconds: 1_000,
  contracts: {},
  registered: undefined,
  factoryNonce: 2,
  markets: [],
  nodes: undefined,
}
const REGISTRY: NodesSettings = {
  address: nodes,
  name: 'Weft nodes',
  owner: deployer,
  admins: [],
  priceWei: 1n,
  mintStartTime: 0,
  slots: [],
}
const MARKET = {
  ...freshMarket(market, deployer, wantedForm({})),
  snapshotWindowBlocks: 20,
  batchWindowBlocks: 60,
  attestationWindowBlocks: 120,
  attestationsMin: 1,
  epochManager: deployer,
  sequencers: [deployer],
  validators: [deployer],
  deploymentBlock: 9,
}
/** Everything is there. */
const WHOLE: Observed = {
  ...NOTHING,
  contracts: { protocolState: state, nodes, factory },
  registered: { nodes, factory },
  factoryNonce: 3,
  markets: [MARKET],
  nodes: REGISTRY,
}

const plan = (observed: Observed, config = {}, isNamed = false) => planNetwork(observed, config, { artifacts, isNamed })
const calls = (waves: readonly (readonly Step[])[]) => waves.map((wave) => wave.map(({ transaction }) => transaction.call))

describe('a network that is planned', () => {
  test('from nothing: codes, proxies, market, settings, each in a wave of its own', () => {
    const { waves, contracts, deploymentBlock } = plan(NOTHING)
    expect(calls(waves)).toEqual([
      ['PowerloomNodes', 'DataMarketFactory', 'PowerloomProtocolState'],
      ['ERC1967Proxy', 'ERC1967Proxy'],
      ['createDataMarket'],
      [
        'updateSnapshotSubmissionWindow',
        'updateBatchSubmissionWindow',
        'updateMinAttestationsForConsensus',
        'updateEpochManager',
        'updateAddresses',
        'updateAddresses',
      ],
      ['updateAttestationSubmissionWindow'],
    ])
    const [nodesCode, factoryAt, stateCode, nodesAt, stateAt] = [7, 8, 9, 10, 11].map((nonce) => createdAddress(deployer, nonce)) as [
      Address,
      Address,
      Address,
      Address,
      Address,
    ]
    expect(waves.flat().flatMap(({ transaction }) => transaction.creates ?? [])).toEqual([
      nodesCode,
      factoryAt,
      stateCode,
      nodesAt,
      stateAt,
    ])
    expect(contracts).toEqual({ protocolState: stateAt, nodes: nodesAt, factory: factoryAt, dataMarket: createdAddress(factoryAt, 2) })
    expect(deploymentBlock).toBe(0)

    // Each proxy knows its code, and is initialised in the transaction that creates it: nobody can come between.
    const initialised = (waves[1] as readonly Step[]).map(({ transaction }) => {
      const { abi, bytecode } = artifacts.ERC1967Proxy
      const [code, initialization] = decodeDeployData({ abi, bytecode, data: transaction.data }).args as [string, `0x${string}`]
      return [code.toLowerCase(), initialization] as const
    })
    expect(initialised.map(([code]) => code)).toEqual([nodesCode, stateCode])
    const lower = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value)
    const [ofNodes, ofState] = [nodesAbi, protocolStateAbi].map((abi, index) =>
      decodeFunctionData({ abi, data: initialised[index]?.[1] as `0x${string}` }),
    )
    expect([ofNodes?.functionName, ...(ofNodes?.args ?? [])].map(lower)).toEqual(['initialize', deployer, 1n, 'weft nodes'])
    expect([ofState?.functionName, ...(ofState?.args ?? [])].map(lower)).toEqual(['initialize', deployer, nodesAt, factoryAt])
  })

  test('that is whole is nothing to do, and is told where it is', () => {
    for (const isNamed of [false, true]) {
      const { waves, contracts, deploymentBlock } = plan(WHOLE, {}, isNamed)
      expect(waves).toEqual([])
      expect(contracts).toEqual({ protocolState: state, nodes, factory, dataMarket: market })
      expect(deploymentBlock).toBe(9)
    }
  })

  test.each<[string, Observed['contracts'], readonly string[][]]>([
    ['all codes', { nodesCode: nodes, stateCode: state, factory }, [['ERC1967Proxy', 'ERC1967Proxy']]],
    ['the registry', { nodes }, [['DataMarketFactory', 'PowerloomProtocolState'], ['ERC1967Proxy']]],
    ['all but ProtocolState', { nodes, factory, stateCode: state }, [['ERC1967Proxy']]],
    ['all but the factory', { nodes, nodesCode: nodes, stateCode: state }, [['DataMarketFactory'], ['ERC1967Proxy']]],
  ])('that was interrupted when it had %s continues with the rest', (_, contracts, missing) => {
    const { waves } = plan({ ...NOTHING, contracts, ...(contracts.nodes === undefined ? {} : { nodes: REGISTRY }) })
    expect(calls(waves).slice(0, missing.length)).toEqual(missing)
    expect(calls(waves)[missing.length]).toEqual(['createDataMarket'])
  })

  test('is told what its ProtocolState does not know yet, and nothing that it knows', () => {
    const registration = (registered: Observed['registered']) => plan({ ...WHOLE, registered }).waves
    expect(calls(registration({ nodes: other, factory }))).toEqual([['updateSnapshotterState']])
    expect(calls(registration({ nodes, factory: other }))).toEqual([['updateDataMarketFactory']])
    const [steps] = registration({ nodes: NOBODY, factory: NOBODY }) as [readonly Step[]]
    expect(steps.map(({ transaction }) => decodeFunctionData({ abi: protocolStateAbi, data: transaction.data }).args)).toEqual([
      [expect.stringMatching(new RegExp(nodes, 'i'))],
      [expect.stringMatching(new RegExp(factory, 'i'))],
    ])
  })

  test.each([
    ['owner', { owner: other }],
    ['epochs', { epochSize: 11 }],
    ['source', { sourceChainId: 2 }],
    ['block time', { sourceBlockTimeSeconds: 2 }],
    ['ids', { usesBlockNumbersAsEpochIds: true }],
  ])('makes a market of its own where there is one of another %s', (_, difference) => {
    const { waves, contracts } = plan({ ...WHOLE, markets: [{ ...MARKET, ...difference }] })
    expect(calls(waves)[0]).toContain('createDataMarket')
    // The factory's nonce decides where it comes to be.
    expect(contracts.dataMarket).toBe(createdAddress(factory, 3))
  })

  test('takes the oldest market of its form, whatever comes after', () => {
    const younger = { ...MARKET, address: other, deploymentBlock: 12 }
    expect(plan({ ...WHOLE, markets: [MARKET, younger] }).contracts.dataMarket).toBe(market)
  })

  test('changes nothing for ever: a named market of another form is refused with all that differs', () => {
    expect(() => plan(WHOLE, { market: { epochSize: 11, sourceChainId: 2 } }, true)).toThrow(
      expect.objectContaining({
        code: 'SETTINGS_INVALID',
        facts: { problems: [expect.stringContaining('market.epochSize'), expect.stringContaining('market.sourceChainId')] },
      }),
    )
  })

  test('mints what slots are missing and gives each its signer when they are there, beside the market', () => {
    const { waves } = plan(NOTHING, { slots: [signer, signer, other] })
    expect(calls(waves).slice(2)).toEqual([
      ['createDataMarket', 'setMintStartTime'],
      [
        'updateSnapshotSubmissionWindow',
        'updateBatchSubmissionWindow',
        'updateMinAttestationsForConsensus',
        'updateEpochManager',
        'updateAddresses',
        'updateAddresses',
        'mintNode',
        'setMintStartTime',
      ],
      ['updateAttestationSubmissionWindow', 'assignSnapshotterToNodeBulkAdmin'],
    ])
    expect(waves.flat().find(({ transaction }) => transaction.call === 'mintNode')?.transaction.value).toBe(3n)
  })

  test('mints nothing more than is missing, and leaves slots beyond the configuration as they are', () => {
    const slot = (slotId: number, of: Address) => ({
      slotId: slotId as SlotId,
      signer: of,
      owner: deployer,
      isActive: true,
      isBurned: false,
    })
    const registry = { ...REGISTRY, mintStartTime: 1, slots: [slot(1, signer), slot(2, other), slot(3, other)] }
    expect(plan({ ...WHOLE, nodes: registry }, { slots: [signer] }).waves).toEqual([])
    const { waves } = plan({ ...WHOLE, nodes: registry }, { slots: [signer, signer, other, signer] })
    expect(waves.flat().map(({ what }) => what)).toEqual(['mint 1 slot for 1 wei', `assign slot 2 to ${signer}, slot 4 to ${signer}`])
    expect(calls(waves)).toEqual([['mintNode'], ['assignSnapshotterToNodeBulkAdmin']])
  })

  test('opens its registry as it is configured, at its own price and under its own name', () => {
    const config = { nodes: { name: 'Mine', priceWei: 5n, mintStartTime: 1 } }
    const steps = plan(NOTHING, { ...config, slots: [signer] }).waves.flat()
    expect(steps.map(({ what }) => what)).toContain('open minting at 1')
    expect(steps.find(({ transaction }) => transaction.call === 'mintNode')?.transaction.value).toBe(5n)
    const repriced = plan(WHOLE, { nodes: { priceWei: 5n }, slots: [signer, signer] }).waves
    expect(calls(repriced)[0]).toContain('updateNodePrice')
    expect(repriced.flat().find(({ transaction }) => transaction.call === 'mintNode')?.transaction.value, 'what it costs by then').toBe(10n)
    // It is initialised with both, so neither is set again.
    expect(steps.map(({ transaction }) => transaction.call)).not.toContain('setName')
    expect(steps.map(({ transaction }) => transaction.call)).not.toContain('updateNodePrice')
    expect(
      plan(WHOLE, config)
        .waves.flat()
        .map(({ transaction }) => transaction.call),
    ).toEqual(['setName', 'updateNodePrice', 'setMintStartTime'])
  })
})
