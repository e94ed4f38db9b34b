import { WeftError } from '#domain/errors.ts'
import { parseAddress, parseBlockNumber, parseContractNumber, parseEpochId } from '#domain/ids.ts'
import type { Address, Cid } from '#domain/ids.ts'
import type { AnchorChain, BlockRef, ChainStep } from '#io/chain/port.ts'
import type { ProofOptions } from '#io/chain/proof/proofs.ts'
import { openProvenRpc, type ProvenRpc } from '#io/chain/proof/proven-rpc.ts'
import { readBlock, readHead, readHeadHeader } from '#io/chain/rpc/block.ts'
import type { OnEndpointTrouble } from '#io/chain/rpc/health.ts'
import type { Pace } from '#io/chain/rpc/pace.ts'
import { assertChainId } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { handedOut } from '#io/chain/rpc/reach.ts'
import { createOptionalView, createView } from '#io/chain/rpc/views.ts'
import type { OptionalView, View } from '#io/chain/rpc/views.ts'
import { dataMarketAbi } from '#wire/abi/data-market.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { createBatchReader } from './batch.ts'
import { createBlockSource } from './block-source.ts'
import type { EventSources } from './events.ts'
import { firstSeeing } from './first-seeing.ts'
import { followBlocks } from './follow.ts'
import type { OnTrouble } from './follow.ts'
import { readManifestAt, readManifests, readMarketState } from './market.ts'
import { readRelease } from './release.ts'
import { readRewardRules, readSlotDay } from './rewards.ts'
import { readSlot, readSlots } from './slots.ts'

export interface AnchorChainOptions {
  readonly rpcUrl: string
  /** What others of the process ask too, so that a budget of requests is one; without it one of its own. */
  readonly rpc?: ProvenRpc
  readonly chainId: number
  readonly protocolState: Address
  readonly dataMarket: Address
  /** How long to wait at the head before asking for the next block, where that may be there already. */
  readonly pollMs: number
  /** Deepest rewrite that `follow` can undo. */
  readonly reorgDepthMax: number
  readonly clock: Pace
  /** Told of every failure that `follow` waits out. */
  readonly onTrouble?: OnTrouble
  /** Told which of several endpoints does what it should not. */
  readonly onEndpointTrouble?: OnEndpointTrouble
  /** Without it what endpoints say is believed. */
  readonly proofs?: ProofOptions
}

/** Longest pause of a follower whose node fails: a small part of the windows that there are, which are tens of seconds. */
const FAILURE_PAUSE_MAX_MS = 4_000
const NO_ADDRESS = `0x${'0'.repeat(40)}`

type Hex = `0x${string}`

interface Contracts {
  readonly protocolState: View<typeof protocolStateAbi>
  /** For what the deployed ProtocolState lacks. */
  readonly protocolStateExtras: OptionalView<typeof protocolStateAbi>
  readonly dataMarket: View<typeof dataMarketAbi>
  readonly nodes: View<typeof nodesAbi>
}

/** What a role rests on for as long as it runs is what the endpoints agree on. */
const agreedOf = (rpc: Rpc): Rpc => rpc.agreed ?? rpc

/** Throws `CONTRACT_UNKNOWN` unless both addresses hold what they should and belong together. */
async function findNodes(anyRpc: Rpc, options: AnchorChainOptions): Promise<Address> {
  const rpc = agreedOf(anyRpc)
  const codes = await rpc.all(
    [options.protocolState, options.dataMarket].map((address) => ({ method: 'eth_getCode', params: [address, 'latest'] })),
  )
  if (codes[0] === '0x') throw new WeftError('CONTRACT_UNKNOWN', { what: 'ProtocolState', address: options.protocolState })
  const view = createView(rpc, protocolStateAbi, options.protocolState)
  const [nodes, market] = await Promise.all([view('snapshotterState', []), view('dataMarkets', [options.dataMarket as Hex])])
  const isRegistered = codes[1] !== '0x' && parseAddress(market[6]) === options.dataMarket
  if (!isRegistered) throw new WeftError('CONTRACT_UNKNOWN', { what: 'data market of this ProtocolState', address: options.dataMarket })
  if (nodes === NO_ADDRESS) throw new WeftError('CONTRACT_UNKNOWN', { what: 'Nodes of this ProtocolState', address: nodes })
  return parseAddress(nodes)
}

function createReads(rpc: Rpc, sources: EventSources) {
  const contracts: Contracts = {
    protocolState: createView(rpc, protocolStateAbi, sources.protocolState),
    protocolStateExtras: createOptionalView(rpc, protocolStateAbi, sources.protocolState),
    dataMarket: createView(rpc, dataMarketAbi, sources.dataMarket),
    nodes: createView(rpc, nodesAbi, sources.nodes),
  }
  const market = sources.dataMarket as Hex
  const view = contracts.protocolState
  const agreed = {
    protocolState: createView(agreedOf(rpc), protocolStateAbi, sources.protocolState),
    protocolStateExtras: createOptionalView(agreedOf(rpc), protocolStateAbi, sources.protocolState),
    dataMarket: createView(agreedOf(rpc), dataMarketAbi, sources.dataMarket),
  }
  return {
    head: () => handedOut(readHead(rpc), rpc.reach),
    block: (number) => handedOut(readBlock(rpc, number), rpc.reach),
    firstSeeing: async (number) => firstSeeing(rpc, number, await readHeadHeader(rpc)),
    async deploymentBlock() {
      const number = parseContractNumber(await agreed.protocolState('deploymentBlockNumber', [market]))
      return firstSeeing(rpc, number, await readHeadHeader(rpc))
    },
    market: () => readMarketState(agreed.protocolState, sources.dataMarket),
    sequencerId: () => agreed.dataMarket('sequencerId', []),
    manifests: () => readManifests(agreed.protocolStateExtras, sources.dataMarket),
    manifestAt: (epochId) =>
      readManifestAt({ endpoint: rpc.endpoint, view, extras: contracts.protocolStateExtras }, sources.dataMarket, epochId),
    slots: () => readSlots(contracts.nodes),
    slot: (slotId, at) => readSlot(contracts.nodes, slotId, at),
    async currentEpoch() {
      const [begin, end, epochId] = await view('currentEpoch', [market])
      return { epochId: parseEpochId(epochId), begin: parseBlockNumber(begin), end: parseBlockNumber(end) }
    },
    async epochInfo(epochId) {
      const [timestamp, contractNumber, end] = await view('epochInfo', [market, BigInt(epochId)])
      return { timestamp: Number(timestamp), contractNumber: parseContractNumber(contractNumber), end: parseBlockNumber(end) }
    },
    async release(epochId) {
      const [, contractNumber] = await view('epochInfo', [market, BigInt(epochId)])
      const found =
        contractNumber === 0n ? undefined : await readRelease(rpc, sources, { epochId, seen: parseContractNumber(contractNumber) })
      return found && handedOut(Promise.resolve(found), rpc.reach)
    },
    async snapshotStatus(projectId, epochId, at) {
      const [status, snapshotCid] = await view('snapshotStatus', [market, projectId, BigInt(epochId)], at)
      // Status 0 with an empty CID means that nothing was reported: the contract's enum cannot say so.
      if (snapshotCid === '') return { status: 'absent', snapshotCid }
      return { status: status === 0 ? 'pending' : 'finalized', snapshotCid }
    },
    projectFirstEpochId: async (projectId, at) => parseEpochId(await view('projectFirstEpochId', [market, projectId], at)),
    batchCids: async (epochId, at) => (await view('epochIdToBatchCids', [market, BigInt(epochId)], at)) as readonly Cid[],
    isEpochEnded: (epochId, at) => contracts.dataMarket('epochIdToBatchSubmissionsCompleted', [BigInt(epochId)], at),
    batch: createBatchReader(rpc, contracts, sources),
    rewardRules: () => readRewardRules(contracts.dataMarket),
    slotDay: (slotId, day) => readSlotDay(contracts.dataMarket, slotId, day),
    hasAttested: (epochId, batchCid, validator) =>
      contracts.dataMarket('validatorAttestationsReceived', [validator as Hex, BigInt(epochId), batchCid]),
  } satisfies Omit<AnchorChain, 'chainId' | 'protocolState' | 'dataMarket' | 'follow'>
}

/** What is handed out is known of from now on; a rewrite is, until the steps end: nobody would hear of one afterwards. */
async function* reaching(steps: AsyncIterable<ChainStep>, { reach }: Rpc): AsyncGenerator<ChainStep, void, undefined> {
  try {
    for await (const step of steps) {
      if (step.kind === 'block') reach?.come(step.block)
      else reach?.back(step.to)
      yield step
    }
  } finally {
    reach?.back()
  }
}

/** Reads one data market through any standard JSON-RPC node. Throws `CHAIN_WRONG`, `CONTRACT_UNKNOWN`, `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`, `CHAIN_DISPUTED`. */
export async function connectAnchorChain(options: AnchorChainOptions): Promise<AnchorChain> {
  const { chainId, protocolState, dataMarket, clock, pollMs } = options
  const { rpc, proofs, heads } = options.rpc ?? openProvenRpc(options)
  await assertChainId(rpc, chainId)
  await proofs?.survey(rpc)
  const sources: EventSources = { protocolState, dataMarket, nodes: await findNodes(rpc, options) }
  return {
    chainId,
    protocolState,
    dataMarket,
    ...createReads(rpc, sources),
    follow({ from, known, signal }) {
      const pause = (attempt: number) => clock.sleep(Math.min(pollMs * 2 ** attempt, Math.max(pollMs, FAILURE_PAUSE_MAX_MS)), signal)
      const headAfter = (head: BlockRef) => heads.after(head, { everyMs: pollMs, signal })
      const { reorgDepthMax, onTrouble } = options
      const source = { ...createBlockSource(rpc, sources, proofs), head: heads.head }
      return reaching(followBlocks(source, { from, known, signal, reorgDepthMax, pause, headAfter, onTrouble }), rpc)
    },
  }
}
