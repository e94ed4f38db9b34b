import { readFile } from 'node:fs/promises'
import { encodeDeployData, encodeFunctionData, getContractAddress, keccak256 } from 'viem'
import type { Abi } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { PrivateKeyAccount } from 'viem/accounts'
import { WeftError } from '#domain/errors.ts'
import { parseAddress } from '#domain/ids.ts'
import type { Address, BlockNumber } from '#domain/ids.ts'
import type { Secret } from '#domain/secret.ts'
import { createRpc } from '#io/chain/rpc.ts'
import type { Rpc } from '#io/chain/rpc.ts'
import { systemClock } from '#io/clock/system.ts'

type Hex = `0x${string}`

/** What a devnet's anchor chain starts with. */
export interface DeployOptions {
  readonly rpcUrl: string
  /** Deploys, and owns everything afterwards. Gets ether from the chain itself. */
  readonly deployerKey: Secret<Uint8Array>
  readonly market: {
    readonly epochSize: number
    readonly sourceChainId: number
    readonly sourceBlockTimeSeconds: number
    readonly attestationsMin: number
  }
  /** In anchor blocks from the release block. */
  readonly windows: { readonly snapshotBlocks: number; readonly batchBlocks: number; readonly attestationBlocks: number }
  /** The signer of each slot, slot 1 first. */
  readonly slots: readonly Address[]
  readonly sequencers: readonly Address[]
  readonly validators: readonly Address[]
  readonly epochManager: Address
}

export interface Deployment {
  readonly chainId: number
  readonly protocolState: Address
  readonly dataMarket: Address
  readonly nodes: Address
  readonly factory: Address
  readonly deploymentBlock: BlockNumber
}

/** Roles as the contract numbers them. */
const ROLE_VALIDATOR = 0
const ROLE_SEQUENCER = 1
const NODE_PRICE_WEI = 1n
/** Nodes minted or assigned per transaction: a hundred take about 7 million gas each way. */
const NODES_PER_CALL_MAX = 100
/** Plenty for everybody for ever, on a chain whose ether is worth nothing. */
const BALANCE_WEI = 10n ** 24n
/** Above the dearest step (the factory, which carries the market's code, and a hundred nodes: 7 million each), below a block's 30 million. */
const GAS = 25_000_000n
const FEE_PER_GAS_WEI = 1_000_000_000n
/** Blocks mined at most until everything sent is in the chain. */
const BLOCKS_MAX = 200

interface Artifact {
  readonly abi: Abi
  readonly bytecode: Hex
}

async function readArtifact(name: string): Promise<Artifact> {
  const path = new URL(`../../contracts/artifacts/${name}.json`, import.meta.url)
  return JSON.parse(await readFile(path, 'utf8')) as Artifact
}

/** Gives ether to accounts of a development chain. */
export async function fundAccounts(rpcUrl: string, accounts: readonly Address[]): Promise<void> {
  const rpc = createRpc({ rpcUrl, pause: systemClock })
  await rpc.all(accounts.map((account) => ({ method: 'anvil_setBalance', params: [account, `0x${BALANCE_WEI.toString(16)}`] })))
}

interface Step {
  readonly what: string
  /** Absent when the step creates a contract. */
  readonly to?: Address
  readonly data: Hex
  readonly value?: bigint
}

/** Sends steps without waiting in between, and mines until all are in: a whole deployment in a handful of blocks, whatever the block time. */
function createDeployer(rpc: Rpc, account: PrivateKeyAccount, chainId: number) {
  const from = parseAddress(account.address)
  let nonce = 0

  async function receiptsOf(hashes: readonly Hex[]): Promise<({ readonly status: string } | null)[]> {
    return (await rpc.all(hashes.map((hash) => ({ method: 'eth_getTransactionReceipt', params: [hash] })))) as ({
      readonly status: string
    } | null)[]
  }

  async function mineUntilIn(hashes: readonly Hex[], steps: readonly Step[]): Promise<void> {
    for (let mined = 0; mined < BLOCKS_MAX; mined += 1) {
      await rpc.call('evm_mine', [])
      const receipts = await receiptsOf(hashes)
      const failed = receipts.findIndex((receipt) => receipt !== null && BigInt(receipt.status) === 0n)
      if (failed >= 0) throw new WeftError('CALL_REVERTED', { call: steps[failed]?.what ?? '', reason: 'the deployment reverted' })
      if (receipts.every((receipt) => receipt !== null)) return
    }
    throw new WeftError('CALL_NOT_SETTLED', { call: 'deployment', waitedMs: 0 })
  }

  return {
    async start(): Promise<void> {
      nonce = Number(await rpc.call('eth_getTransactionCount', [from, 'latest']))
    },
    /** Address that the next step's contract will have, `ahead` steps on. */
    nextContract: (ahead = 0): Address => parseAddress(getContractAddress({ from: account.address, nonce: BigInt(nonce + ahead) })),
    async run(steps: readonly Step[]): Promise<void> {
      const signed = await Promise.all(
        steps.map(({ to, data, value = 0n }, index) => {
          const fees = { gas: GAS, maxFeePerGas: 2n * FEE_PER_GAS_WEI, maxPriorityFeePerGas: FEE_PER_GAS_WEI }
          const fields = { type: 'eip1559' as const, chainId, nonce: nonce + index, data, value, ...fees }
          return account.signTransaction(to === undefined ? fields : { ...fields, to: to as Hex })
        }),
      )
      nonce += steps.length
      await rpc.all(signed.map((raw) => ({ method: 'eth_sendRawTransaction', params: [raw] })))
      await mineUntilIn(
        signed.map((raw) => keccak256(raw)),
        steps,
      )
    },
  }
}
type Deployer = ReturnType<typeof createDeployer>

function callStep(artifact: Artifact, to: Address, functionName: string, args: readonly unknown[], value = 0n): Step {
  return { what: functionName, to, value, data: encodeFunctionData({ abi: artifact.abi, functionName, args }) }
}

/** Implementations and proxies of the three contracts, each initialised in the transaction that creates it. */
async function deployContracts(
  deployer: Deployer,
  owner: Address,
): Promise<{ readonly protocolState: Address; readonly nodes: Address; readonly factory: Address }> {
  const [nodesCode, stateCode, factoryCode, proxyCode] = (await Promise.all(
    ['PowerloomNodes', 'PowerloomProtocolState', 'DataMarketFactory', 'ERC1967Proxy'].map(readArtifact),
  )) as [Artifact, Artifact, Artifact, Artifact]
  const proxyOf = (artifact: Artifact, implementation: Address, args: readonly unknown[]): Step => {
    const initialization = encodeFunctionData({ abi: artifact.abi, functionName: 'initialize', args })
    return {
      what: 'ERC1967Proxy',
      data: encodeDeployData({ abi: proxyCode.abi, bytecode: proxyCode.bytecode, args: [implementation, initialization] }),
    }
  }
  const [nodesImplementation, nodes, factory, stateImplementation, protocolState] = [0, 1, 2, 3, 4].map(deployer.nextContract) as [
    Address,
    Address,
    Address,
    Address,
    Address,
  ]
  await deployer.run([
    { what: 'PowerloomNodes', data: nodesCode.bytecode },
    proxyOf(nodesCode, nodesImplementation, [owner, NODE_PRICE_WEI, 'Weft nodes']),
    { what: 'DataMarketFactory', data: factoryCode.bytecode },
    { what: 'PowerloomProtocolState', data: stateCode.bytecode },
    proxyOf(stateCode, stateImplementation, [owner, nodes, factory]),
  ])
  return { protocolState, nodes, factory }
}

function marketSteps(state: Artifact, protocolState: Address, market: Address, options: DeployOptions): Step[] {
  const set = (functionName: string, value: unknown) => callStep(state, protocolState, functionName, [market, value])
  const grant = (role: number, accounts: readonly Address[]) =>
    callStep(state, protocolState, 'updateAddresses', [market, role, accounts, accounts.map(() => true)])
  return [
    // In this order: each window must lie above the one before it (E41, E42).
    set('updateSnapshotSubmissionWindow', BigInt(options.windows.snapshotBlocks)),
    set('updateBatchSubmissionWindow', BigInt(options.windows.batchBlocks)),
    set('updateAttestationSubmissionWindow', BigInt(options.windows.attestationBlocks)),
    set('updateMinAttestationsForConsensus', BigInt(options.market.attestationsMin)),
    set('updateEpochManager', options.epochManager),
    grant(ROLE_SEQUENCER, options.sequencers),
    grant(ROLE_VALIDATOR, options.validators),
  ]
}

async function slotSteps(nodes: Address, slots: readonly Address[]): Promise<Step[]> {
  const artifact = await readArtifact('PowerloomNodes')
  const steps = [callStep(artifact, nodes, 'setMintStartTime', [1n])]
  for (let start = 0; start < slots.length; start += NODES_PER_CALL_MAX) {
    const signers = slots.slice(start, start + NODES_PER_CALL_MAX)
    const ids = signers.map((_, index) => BigInt(start + index + 1))
    steps.push(callStep(artifact, nodes, 'mintNode', [BigInt(signers.length)], NODE_PRICE_WEI * BigInt(signers.length)))
    steps.push(callStep(artifact, nodes, 'assignSnapshotterToNodeBulkAdmin', [ids, signers]))
  }
  return steps
}

/** Gives a slot of a development chain another signer. `ownerKey` is the deployer's. */
export async function assignSlot(options: {
  readonly rpcUrl: string
  readonly ownerKey: Secret<Uint8Array>
  readonly nodes: Address
  readonly slotId: number
  readonly signer: Address
}): Promise<void> {
  const rpc = createRpc({ rpcUrl: options.rpcUrl, pause: systemClock })
  const deployer = createDeployer(
    rpc,
    privateKeyToAccount(`0x${options.ownerKey.reveal().toHex()}`),
    Number(await rpc.call('eth_chainId', [])),
  )
  await deployer.start()
  const artifact = await readArtifact('PowerloomNodes')
  await deployer.run([callStep(artifact, options.nodes, 'assignSnapshotterToNodeBulkAdmin', [[BigInt(options.slotId)], [options.signer]])])
}

/** Puts the whole protocol, one data market and its slots on a development chain. Mines the blocks it needs. Throws `CALL_REVERTED`, `CHAIN_UNREACHABLE`. */
export async function deployProtocol(options: DeployOptions): Promise<Deployment> {
  const rpc = createRpc({ rpcUrl: options.rpcUrl, pause: systemClock })
  const chainId = Number(await rpc.call('eth_chainId', []))
  const account = privateKeyToAccount(`0x${options.deployerKey.reveal().toHex()}`)
  const owner = parseAddress(account.address)
  await fundAccounts(options.rpcUrl, [owner])
  const deployer = createDeployer(rpc, account, chainId)
  await deployer.start()
  const { protocolState, nodes, factory } = await deployContracts(deployer, owner)
  const state = await readArtifact('PowerloomProtocolState')
  const { epochSize, sourceChainId, sourceBlockTimeSeconds } = options.market
  // The contract counts block time in 1e-4 s; epoch ids count from 1.
  const blockTime = BigInt(Math.round(sourceBlockTimeSeconds * 10_000))
  await deployer.run([callStep(state, protocolState, 'createDataMarket', [owner, epochSize, BigInt(sourceChainId), blockTime, false])])
  // The factory's first contract is the market's code, its second the first market.
  const dataMarket = parseAddress(getContractAddress({ from: factory as Hex, nonce: 2n }))
  const deploymentBlock = Number(await rpc.call('eth_blockNumber', [])) as BlockNumber
  await deployer.run([...marketSteps(state, protocolState, dataMarket, options), ...(await slotSteps(nodes, options.slots))])
  return { chainId, protocolState, dataMarket, nodes, factory, deploymentBlock }
}
