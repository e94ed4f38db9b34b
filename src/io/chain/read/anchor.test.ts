import { encodeFunctionData } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAnvil } from '#devnet/anvil.ts'
import type { Anvil } from '#devnet/anvil.ts'
import { assignSlot, deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import type { Deployment } from '#devnet/deploy.ts'
import { parseAddress } from '#domain/ids.ts'
import type { Address } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { createProtocolSender } from '#io/chain/send/sender.ts'
import { chainSuite } from '#io/chain/suite/anchor.ts'
import { BATCH, CIDS, createMemoryJournal, EPOCH_1, release, submit, SUITE_MARKET, SUITE_REORG_DEPTH_MAX } from '#io/chain/suite/scene.ts'
import type { Account, ChainWorld } from '#io/chain/suite/scene.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { connectAnchorChain } from './anchor.ts'

const ACCOUNTS: readonly Account[] = ['epochManager', 'sequencer', 'otherSequencer', 'validator1', 'validator2', 'validator3', 'stranger']
const keyOf = (number: number) => new Secret(new Uint8Array(32).fill(number))
const keyOfAccount = (account: Account) => keyOf(ACCOUNTS.indexOf(account) + 10)
const address = (account: Account): Address => createSigner(keyOfAccount(account)).address
const DEPLOYER = keyOf(9)
const signers = [parseAddress(`0x${'51'.repeat(20)}`), parseAddress(`0x${'52'.repeat(20)}`)] as [Address, Address]

let anvil: Anvil
let deployment: Deployment
let snapshot: unknown
let rewrites = 0
const rpc = () => createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })

beforeAll(async () => {
  anvil = await startAnvil({ chainId: 31_337 })
  await fundAccounts(anvil.rpcUrl, ACCOUNTS.map(address))
  deployment = await deployProtocol({
    rpcUrl: anvil.rpcUrl,
    deployerKey: DEPLOYER,
    market: {
      epochSize: SUITE_MARKET.epochSize,
      sourceChainId: SUITE_MARKET.sourceChainId,
      sourceBlockTimeSeconds: SUITE_MARKET.sourceBlockTimeSeconds,
      attestationsMin: SUITE_MARKET.attestationsMin,
    },
    windows: {
      snapshotBlocks: SUITE_MARKET.snapshotWindowBlocks,
      batchBlocks: SUITE_MARKET.batchWindowBlocks,
      attestationBlocks: SUITE_MARKET.attestationWindowBlocks,
    },
    slots: signers,
    sequencers: [address('sequencer'), address('otherSequencer')],
    validators: [address('validator1'), address('validator2'), address('validator3')],
    epochManager: address('epochManager'),
  })
  snapshot = await rpc().call('evm_snapshot', [])
})
afterAll(() => anvil.stop())

async function openWorld(): Promise<ChainWorld> {
  const { protocolState, dataMarket, nodes, chainId } = deployment
  const { rpcUrl } = anvil
  const node = rpc()
  // Each test starts from the fresh deployment; a snapshot is used up by going back to it.
  await node.call('evm_revert', [snapshot])
  snapshot = await node.call('evm_snapshot', [])
  await node.call('anvil_dropAllTransactions', [])
  const chain = await connectAnchorChain({
    rpcUrl,
    chainId,
    protocolState,
    dataMarket,
    clock: systemClock,
    pollMs: 2,
    reorgDepthMax: SUITE_REORG_DEPTH_MAX,
    // All that anvil says is proved, by all its receipts.
    proofs: { receiptsShare: 1, random: () => 0 },
  })
  const asOwner = async (to: Address, data: string): Promise<void> => {
    const owner = createSigner(DEPLOYER).address
    await node.call('anvil_impersonateAccount', [owner])
    await node.call('eth_sendTransaction', [{ from: owner, to, data }])
    await node.call('anvil_mine', ['0x1'])
  }
  const pendingCount = async () => Number(((await node.call('txpool_status', [])) as { pending: string }).pending)
  return {
    chain,
    signers,
    address,
    sender: (account, options = {}) =>
      createProtocolSender({
        rpcUrl,
        chainId,
        protocolState,
        dataMarket,
        clock: systemClock,
        pollMs: 2,
        settleTimeoutMs: 20_000,
        privateKey: keyOfAccount(account),
        journal: createMemoryJournal(),
        ...options,
      }),
    mine: async (count = 1) => {
      await node.call('anvil_mine', [`0x${count.toString(16)}`])
    },
    reorg: async (depth) => {
      // An empty block made anew would be the very same block: another miner makes the difference.
      rewrites += 1
      await node.call('anvil_setCoinbase', [`0x${rewrites.toString(16).padStart(40, '0')}`])
      await node.call('anvil_reorg', [depth, []])
    },
    assignSigner: (slotId, signer) => assignSlot({ rpcUrl, ownerKey: DEPLOYER, nodes, slotId, signer }),
    burnSlot: (slotId) => asOwner(nodes, encodeFunctionData({ abi: nodesAbi, functionName: 'burnNode', args: [BigInt(slotId)] })),
    setManifest: ({ cid, fromEpochId }) => {
      const args = [dataMarket as `0x${string}`, cid, BigInt(fromEpochId)] as const
      return asOwner(protocolState, encodeFunctionData({ abi: protocolStateAbi, functionName: 'setMarketManifest', args }))
    },
    setRootOnlyAllowed: (isAllowed) => {
      const args = [dataMarket as `0x${string}`, isAllowed] as const
      return asOwner(protocolState, encodeFunctionData({ abi: protocolStateAbi, functionName: 'setRootOnlyBatches', args }))
    },
    pendingCount,
    async until(isReached) {
      while (!(await isReached())) await systemClock.sleep(2)
    },
    transactionCount: async (account) => Number(await node.call('eth_getTransactionCount', [address(account), 'latest'])),
    run: (work) => work,
    close: async () => undefined,
  }
}

chainSuite('viem on anvil', openWorld)

describe('anchor chain over viem', () => {
  test('a batch whose transaction lies outside the present window is read from the contract itself', async () => {
    const world = await openWorld()
    const node = rpc()
    const perform = async (account: Account, call: ProtocolCall) => {
      const settled = world.sender(account).send('once', call, new AbortController().signal)
      await world.until(async () => (await world.pendingCount()) > 0)
      await world.mine()
      expect(await settled).toMatchObject({ kind: 'done' })
    }
    await perform('epochManager', release(100, 109))
    await world.mine(15)
    await perform('sequencer', submit())
    const before = await world.chain.batch(EPOCH_1, BATCH)
    // The window is now shorter than the batch is late: no log is found where it should be.
    const owner = createSigner(DEPLOYER).address
    const args = [deployment.dataMarket as `0x${string}`, 11n] as const
    await node.call('anvil_impersonateAccount', [owner])
    await node.call('eth_sendTransaction', [
      {
        from: owner,
        to: deployment.protocolState,
        data: encodeFunctionData({ abi: protocolStateAbi, functionName: 'updateBatchSubmissionWindow', args }),
      },
    ])
    await world.mine()
    expect((await world.chain.market()).batchWindowBlocks).toBe(11)
    expect(await world.chain.batch(EPOCH_1, BATCH)).toEqual(before)
    expect(before?.snapshotCids).toEqual(CIDS)
  })

  test('addresses that are not what they should be are refused', async () => {
    const { chainId, protocolState, dataMarket, nodes } = deployment
    const options = { rpcUrl: anvil.rpcUrl, chainId, protocolState, dataMarket, clock: systemClock, pollMs: 2, reorgDepthMax: 8 }
    const what = async (change: object) => (await connectAnchorChain({ ...options, ...change }).catch((cause: unknown) => cause)) as object
    expect(await what({ protocolState: address('stranger') })).toMatchObject({ code: 'CONTRACT_UNKNOWN', facts: { what: 'ProtocolState' } })
    expect(await what({ dataMarket: nodes })).toMatchObject({ code: 'CONTRACT_UNKNOWN', facts: { address: nodes } })
    expect(await what({ chainId: 1 })).toMatchObject({ code: 'CHAIN_WRONG' })
  })
})
