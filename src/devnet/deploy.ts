import type { JsonValue } from '#domain/compute.ts'
import type { Signer } from '#io/keys/port.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import type { Address, SlotId } from '#domain/ids.ts'
import type { Secret } from '#domain/secret.ts'
import { readNodesSettings } from '#io/chain/read/slots.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createAccount } from '#io/chain/send/account.ts'
import { systemClock } from '#io/clock/system.ts'
import { createFakeStore } from '#io/store/fake.ts'
import type { Network } from '#node/network.ts'
import { carryOut, type Conduct } from '#operator/carry-out.ts'
import { deployNetwork } from '#operator/deploy.ts'
import { changeMarket, createMarket } from '#operator/market.ts'
import type { ManifestWish } from '#operator/market-plan.ts'
import { assignSteps } from '#operator/slot-plan.ts'
import { canonicalJson } from '#wire/canonical-json.ts'

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
    /** Whether batches may be anchored by their roots alone; without it they may not. */
    readonly rootOnlyBatches?: boolean
  }
  /** In anchor blocks from the release block. */
  readonly windows: { readonly snapshotBlocks: number; readonly batchBlocks: number; readonly attestationBlocks: number }
  /** The signer of each slot, slot 1 first. */
  readonly slots: readonly Address[]
  readonly sequencers: readonly Address[]
  readonly validators: readonly Address[]
  readonly epochManager: Address
  /** Of the market, as its owner writes it; without it the market has none. */
  readonly manifest?: JsonValue
}

export interface Deployment extends Network {
  readonly manifest: ManifestWish | undefined
}

/** Plenty for everybody for ever, on a chain whose ether is worth nothing. */
const BALANCE_WEI = 10n ** 24n
/** A devnet's chain mines whenever it is asked to: whatever takes that long will not happen. */
const SETTLE_TIMEOUT_MS = 30_000

/** So few snapshots that most slots are eligible after a few epochs. */
const REWARDS = { rewards: true, dailySnapshotQuota: 10n }

/** Nobody is asked: it is a devnet. */
const AT_ONCE: Conduct = { isDryRun: false, confirm: async () => true, done: () => undefined }

const NO_CHANGE = { addSequencers: [], removeSequencers: [], addValidators: [], removeValidators: [], addAdmins: [], removeAdmins: [] }

/** Gives ether to accounts of a development chain. */
export async function fundAccounts(rpcUrl: string, accounts: readonly Address[]): Promise<void> {
  const rpc = createRpc({ rpcUrl, pause: systemClock })
  await rpc.all(accounts.map((account) => ({ method: 'anvil_setBalance', params: [account, `0x${BALANCE_WEI.toString(16)}`] })))
}

/** Instead of waiting for a block it makes one: a whole deployment in a handful of blocks, whatever the block time. */
function operatorOf(rpc: Rpc, options: { readonly chainId: number; readonly signer: Signer }) {
  const clock = { nowMs: systemClock.nowMs, sleep: async () => void (await rpc.call('evm_mine', [])) }
  return createAccount({ rpc, ...options, journal: createFakeStore(), clock, settleTimeoutMs: SETTLE_TIMEOUT_MS, pollMs: 0 })
}

/** Gives a slot of a running devnet another signer. */
export async function assignSlot(options: {
  readonly rpcUrl: string
  readonly ownerKey: Secret<Uint8Array>
  readonly nodes: Address
  readonly slotId: number
  readonly signer: Address
}): Promise<void> {
  const rpc = createRpc({ rpcUrl: options.rpcUrl, pause: systemClock })
  const operator = operatorOf(rpc, { chainId: Number(await rpc.call('eth_chainId', [])), signer: createSigner(options.ownerKey) })
  const assignment = { slotId: options.slotId as SlotId, signer: options.signer }
  const plan = async () => {
    const steps = assignSteps(await readNodesSettings(rpc, options.nodes), operator.address, [assignment])
    return steps.length === 0 ? [] : [steps]
  }
  await carryOut(operator, plan, AT_ONCE, new AbortController().signal)
}

/** Names a market's rules from an epoch on that is not released yet. Waits for the chain's own blocks. Throws as `changeMarket`. */
export async function setManifest(options: {
  readonly rpcUrl: string
  readonly ownerKey: Secret<Uint8Array>
  readonly network: Network
  readonly bytes: Uint8Array
  readonly fromEpochId: number
  readonly signal: AbortSignal
}): Promise<void> {
  const { rpcUrl, ownerKey, network, bytes, fromEpochId, signal } = options
  const { chainId, protocolState, dataMarket } = network
  const rpc = createRpc({ rpcUrl, pause: systemClock })
  const journal = createFakeStore()
  const settling = { settleTimeoutMs: SETTLE_TIMEOUT_MS, pollMs: 50 }
  const operator = createAccount({ rpc, chainId, signer: createSigner(ownerKey), journal, clock: systemClock, ...settling })
  const change = { ...NO_CHANGE, draft: { bytes, what: 'the manifest of the edited computes', fromEpochId } }
  const session = { rpc, chainId, operator, stop: async () => undefined }
  await changeMarket(session, { place: { protocolState, dataMarket }, change }, AT_ONCE, signal)
}

/** Puts the whole protocol, one data market and its slots on a development chain. Mines the blocks it needs. Throws `CALL_REVERTED`, `CHAIN_UNREACHABLE`. */
export async function deployProtocol(options: DeployOptions): Promise<Deployment> {
  const { market, windows, sequencers, validators, epochManager, slots } = options
  const rpc = createRpc({ rpcUrl: options.rpcUrl, pause: systemClock })
  const chainId = Number(await rpc.call('eth_chainId', []))
  const operator = operatorOf(rpc, { chainId, signer: createSigner(options.deployerKey) })
  await fundAccounts(options.rpcUrl, [operator.address])
  const { epochSize, sourceChainId, sourceBlockTimeSeconds, attestationsMin, rootOnlyBatches = false } = market
  const form = { epochSize, sourceChainId, sourceBlockTimeSeconds, blockNumbersAsEpochIds: false }
  const config = {
    // Anybody may mint slots of a devnet.
    nodes: { mintStartTime: 1 },
    market: { ...form, ...REWARDS, windows, minAttestations: attestationsMin, rootOnlyBatches, epochManager, sequencers, validators },
    slots,
  }
  const { manifest: written } = options
  const draft = written === undefined ? undefined : { bytes: canonicalJson(written), what: 'the manifest of the devnet' }
  const target = { rpc, chainId, operator, network: undefined }
  const { network, manifest } = await deployNetwork(target, { ...config, draft }, AT_ONCE, new AbortController().signal)
  return { ...network, manifest }
}

/** Another market of the same protocol, for a process that serves both. Mines the blocks it needs. Throws as `deployProtocol`. */
export async function deployMarket(
  options: Pick<DeployOptions, 'rpcUrl' | 'deployerKey' | 'market' | 'windows' | 'sequencers' | 'epochManager'> & {
    readonly network: Network
  },
): Promise<Address> {
  const { market, windows, sequencers, epochManager, network } = options
  const { chainId, protocolState } = network
  const rpc = createRpc({ rpcUrl: options.rpcUrl, pause: systemClock })
  const operator = operatorOf(rpc, { chainId, signer: createSigner(options.deployerKey) })
  const session = { rpc, chainId, operator, stop: async () => undefined }
  const { epochSize, sourceChainId, sourceBlockTimeSeconds, attestationsMin } = market
  const form = { epochSize, sourceChainId, sourceBlockTimeSeconds, usesBlockNumbersAsEpochIds: false }
  const { signal } = new AbortController()
  const { dataMarket } = await createMarket(session, { protocolState, form }, AT_ONCE, signal)
  if (dataMarket === undefined) throw new Error('the market was not made')
  const { snapshotBlocks, batchBlocks, attestationBlocks } = windows
  const terms = {
    snapshotWindowBlocks: snapshotBlocks,
    batchWindowBlocks: batchBlocks,
    attestationWindowBlocks: attestationBlocks,
    attestationsMin,
    epochManager,
  }
  const change = { ...NO_CHANGE, ...terms, addSequencers: sequencers }
  await changeMarket(session, { place: { protocolState, dataMarket }, change }, AT_ONCE, signal)
  return dataMarket
}
