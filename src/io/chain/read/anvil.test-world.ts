import { encodeFunctionData } from 'viem'
import { startAnvil } from '#devnet/anvil.ts'
import { assignSlot, deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import type { Deployment } from '#devnet/deploy.ts'
import { parseAddress } from '#domain/ids.ts'
import type { Address } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { openProvenRpc } from '#io/chain/proof/proven-rpc.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createProtocolSender } from '#io/chain/send/sender.ts'
import { createMemoryJournal, SUITE_MARKET, SUITE_REORG_DEPTH_MAX } from '#io/chain/suite/scene.ts'
import type { Account, ChainWorld } from '#io/chain/suite/scene.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { connectAnchorChain } from './anchor.ts'

/** The world of the suites on a real node: each opens with the contracts freshly deployed. */

const ACCOUNTS: readonly Account[] = ['epochManager', 'sequencer', 'otherSequencer', 'validator1', 'validator2', 'validator3', 'stranger']
const keyOf = (number: number) => new Secret(new Uint8Array(32).fill(number))
const keyOfAccount = (account: Account) => keyOf(ACCOUNTS.indexOf(account) + 10)
export const address = (account: Account): Address => createSigner(keyOfAccount(account)).address
export const DEPLOYER = keyOf(9)
const signers = [parseAddress(`0x${'51'.repeat(20)}`), parseAddress(`0x${'52'.repeat(20)}`)] as [Address, Address]

async function deploy(rpcUrl: string) {
  await fundAccounts(rpcUrl, ACCOUNTS.map(address))
  return deployProtocol({
    rpcUrl: rpcUrl,
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
}

/** Starts a node and deploys to it. */
export async function startAnvilWorlds() {
  const anvil = await startAnvil({ chainId: 31_337 })
  const { rpcUrl } = anvil
  const deployment = await deploy(rpcUrl)
  const node = createRpc({ rpcUrl, pause: systemClock })
  let snapshot = await node.call('evm_snapshot', [])
  const { protocolState, dataMarket, chainId } = deployment

  const controls = controlsOf({ rpcUrl, node }, deployment)

  /** `endpoints`: where the chain is asked, by all of the world as by one role; the node itself without them. */
  async function open(endpoints = rpcUrl): Promise<ChainWorld> {
    // Each test starts from the fresh deployment; a snapshot is used up by going back to it.
    await node.call('evm_revert', [snapshot])
    snapshot = await node.call('evm_snapshot', [])
    await node.call('anvil_dropAllTransactions', [])
    const place = { rpcUrl: endpoints, chainId, protocolState, dataMarket, clock: systemClock, pollMs: 2 }
    // All that anvil says is proved, by all its receipts.
    const rpc = openProvenRpc({ ...place, proofs: { receiptsShare: 1, random: () => 0 } })
    const chain = await connectAnchorChain({ ...place, rpc, reorgDepthMax: SUITE_REORG_DEPTH_MAX })
    return {
      chain,
      signers,
      address,
      sender: (account, options = {}) =>
        createProtocolSender({
          ...place,
          rpc: rpc.rpc,
          settleTimeoutMs: 20_000,
          signer: createSigner(keyOfAccount(account)),
          journal: createMemoryJournal(),
          ...options,
        }),
      ...controls,
    }
  }

  return { rpcUrl, deployment, node, open, stop: () => anvil.stop() }
}

/** What moves the chain: the node itself is told, whatever lies before it. */
function controlsOf(
  { rpcUrl, node }: { readonly rpcUrl: string; readonly node: Rpc },
  { protocolState, dataMarket, nodes }: Deployment,
): Omit<ChainWorld, 'chain' | 'signers' | 'address' | 'sender'> {
  let rewrites = 0
  const asOwner = async (to: Address, data: string): Promise<void> => {
    const owner = createSigner(DEPLOYER).address
    await node.call('anvil_impersonateAccount', [owner])
    await node.call('eth_sendTransaction', [{ from: owner, to, data }])
    await node.call('anvil_mine', ['0x1'])
  }
  const pendingCount = async () => Number(((await node.call('txpool_status', [])) as { pending: string }).pending)
  return {
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
