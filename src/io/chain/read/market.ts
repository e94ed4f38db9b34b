import { WeftError } from '#domain/errors.ts'
import { parseAddress, parseEpochId } from '#domain/ids.ts'
import type { Address, EpochId } from '#domain/ids.ts'
import type { AnchorChain, ManifestRef, MarketState } from '#io/chain/port.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createOptionalView, createView } from '#io/chain/rpc/views.ts'
import type { OptionalView, View } from '#io/chain/rpc/views.ts'
import { dataMarketAbi } from '#wire/abi/data-market.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'

type Hex = `0x${string}`
type Extras = OptionalView<typeof protocolStateAbi>

/** Everything about a data market that its owner decides. */
export interface MarketSettings extends MarketState {
  readonly address: Address
  readonly owner: Address
  readonly isEnabled: boolean
  /** Accounts that may set the sequencer's id, as the owner may. */
  readonly admins: readonly Address[]
  /** The sequencer's name in the network, for example its peer id; empty until it is set. */
  readonly sequencerId: string
  /** Whether sequencers may anchor batches by their roots alone. */
  readonly rootOnlyBatchesAllowed: boolean
  readonly usesBlockNumbersAsEpochIds: boolean
  readonly dailySnapshotQuota: bigint
  readonly rewardPoolWei: bigint
  readonly rewardsEnabled: boolean
  /** Wei that rewards may still be paid from; the owner of ProtocolState decides. */
  readonly rewardAllowanceWei: bigint | 'unlimited'
  readonly deploymentBlock: number
  /** 0 before the first release. */
  readonly currentEpochId: EpochId
  readonly manifest: ManifestRef | undefined
  /** Applies from an epoch on that is not released yet. */
  readonly pendingManifest: ManifestRef | undefined
}

const refOf = (cid: string, fromEpochId: bigint): ManifestRef | undefined =>
  cid === '' ? undefined : { cid, fromEpochId: parseEpochId(fromEpochId) }

/** Of the epoch released last, and the one that begins later. Older contracts have neither. */
export async function readManifests(extras: Extras, market: Address): ReturnType<AnchorChain['manifests']> {
  const found = await extras('marketManifest', [market as Hex])
  if (found === undefined) return { current: undefined, pending: undefined }
  const [cid, fromEpochId, pendingCid, pendingFromEpochId] = found
  return { current: refOf(cid, fromEpochId), pending: refOf(pendingCid, pendingFromEpochId) }
}

/** Throws `CHAIN_ANSWER_INVALID` when the answer comes from a node that has not seen the release: there another manifest may still be in force. */
export async function readManifestAt(
  { endpoint, view, extras }: { readonly endpoint: string; readonly view: View<typeof protocolStateAbi>; readonly extras: Extras },
  market: Address,
  epochId: EpochId,
) {
  const [[, , released], found] = await Promise.all([
    view('currentEpoch', [market as Hex]),
    extras('marketManifestAt', [market as Hex, BigInt(epochId)]),
  ])
  if (released < BigInt(epochId)) {
    const detail = `epoch ${epochId} is not released there yet`
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint, method: 'marketManifestAt', detail })
  }
  return found && refOf(...found)
}

export async function readMarketState(view: View<typeof protocolStateAbi>, market: Address): Promise<MarketState> {
  const [
    epochSize,
    sourceChainId,
    blockTime,
    snapshotWindow,
    batchWindow,
    attestationWindow,
    attestationsMin,
    epochManager,
    sequencers,
    validators,
  ] = await Promise.all([
    view('EPOCH_SIZE', [market as Hex]),
    view('SOURCE_CHAIN_ID', [market as Hex]),
    view('SOURCE_CHAIN_BLOCK_TIME', [market as Hex]),
    view('snapshotSubmissionWindow', [market as Hex]),
    view('batchSubmissionWindow', [market as Hex]),
    view('attestationSubmissionWindow', [market as Hex]),
    view('minAttestationsForConsensus', [market as Hex]),
    view('epochManager', [market as Hex]),
    view('getSequencers', [market as Hex]),
    view('getValidators', [market as Hex]),
  ])
  return {
    epochSize,
    sourceChainId: Number(sourceChainId),
    sourceBlockTimeSeconds: Number(blockTime) / 10_000,
    snapshotWindowBlocks: Number(snapshotWindow),
    batchWindowBlocks: Number(batchWindow),
    attestationWindowBlocks: Number(attestationWindow),
    attestationsMin: Number(attestationsMin),
    epochManager: parseAddress(epochManager),
    sequencers: sequencers.map(parseAddress),
    validators: validators.map(parseAddress),
  }
}

/** Older contracts have neither setting: no batch by its roots alone, and no limit on rewards. */
async function readExtras(rpc: Rpc, protocolState: Address, market: Address) {
  const [isAllowed, allowance] = await Promise.all([
    createOptionalView(rpc, dataMarketAbi, market)('rootOnlyBatchesAllowed', []),
    createOptionalView(rpc, protocolStateAbi, protocolState)('rewardAllowance', [market as Hex]),
  ])
  const [isLimited, left] = allowance ?? [false, 0n]
  return { rootOnlyBatchesAllowed: isAllowed ?? false, rewardAllowanceWei: isLimited ? left : ('unlimited' as const) }
}

/** Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export async function readMarketSettings(rpc: Rpc, protocolState: Address, market: Address): Promise<MarketSettings> {
  const view = createView(rpc, protocolStateAbi, protocolState)
  const own = createView(rpc, dataMarketAbi, market)
  const [state, extras, manifests, [, , currentEpochId], entry, owner, admins, sequencerId, quota, pool, rewardsEnabled, deploymentBlock] =
    await Promise.all([
      readMarketState(view, market),
      readExtras(rpc, protocolState, market),
      readManifests(createOptionalView(rpc, protocolStateAbi, protocolState), market),
      view('currentEpoch', [market as Hex]),
      view('dataMarkets', [market as Hex]),
      own('owner', []),
      own('getAdmins', []),
      own('sequencerId', []),
      own('dailySnapshotQuota', []),
      own('rewardPoolSize', []),
      own('rewardsEnabled', []),
      own('deploymentBlockNumber', []),
    ])
  const [, , , , usesBlockNumbersAsEpochIds, isEnabled] = entry
  return {
    address: market,
    owner: parseAddress(owner),
    isEnabled,
    usesBlockNumbersAsEpochIds,
    ...state,
    admins: admins.map(parseAddress),
    sequencerId,
    dailySnapshotQuota: quota,
    rewardPoolWei: pool,
    rewardsEnabled,
    ...extras,
    deploymentBlock: Number(deploymentBlock),
    currentEpochId: parseEpochId(currentEpochId),
    manifest: manifests.current,
    pendingManifest: manifests.pending,
  }
}

/** Data markets of a ProtocolState that are looked at: the deployed one has a handful. */
const MARKETS_MAX = 1_000

/** The addresses of the data markets, oldest first, at most `MARKETS_MAX`. */
export async function readMarketAddresses(rpc: Rpc, protocolState: Address): Promise<readonly Address[]> {
  const view = createView(rpc, protocolStateAbi, protocolState)
  const count = Math.min(Number(await view('dataMarketCount', [])), MARKETS_MAX)
  const ids = Array.from({ length: count }, (_, index) => BigInt(index + 1))
  return (await Promise.all(ids.map((id) => view('dataMarketIdToAddress', [id])))).map(parseAddress)
}
