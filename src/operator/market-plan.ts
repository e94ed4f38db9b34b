import { encodeFunctionData } from 'viem/utils'
import { WeftError } from '#domain/errors.ts'
import type { Address, Cid, EpochId } from '#domain/ids.ts'
import type { MarketSettings } from '#io/chain/read/market.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import type { Manifest } from '#wire/manifest.ts'
import type { Step, Wave } from './plan.ts'

type Hex = `0x${string}`

/** Settings of a market to be reached; what is left out stays as it is. */
export interface MarketWish {
  readonly snapshotWindowBlocks?: number | undefined
  readonly batchWindowBlocks?: number | undefined
  readonly attestationWindowBlocks?: number | undefined
  readonly attestationsMin?: number | undefined
  readonly epochManager?: Address | undefined
  /** All of them: others lose the role. */
  readonly sequencers?: readonly Address[] | undefined
  readonly validators?: readonly Address[] | undefined
  readonly admins?: readonly Address[] | undefined
  readonly sequencerId?: string | undefined
  readonly rootOnlyBatchesAllowed?: boolean | undefined
  readonly dailySnapshotQuota?: bigint | undefined
  readonly rewardPoolWei?: bigint | undefined
  readonly rewardsEnabled?: boolean | undefined
  /** What rewards are paid from, from now on: it dwindles as they are claimed. ProtocolState's owner only, as `isEnabled`. */
  readonly rewardAllowanceWei?: MarketSettings['rewardAllowanceWei'] | undefined
  readonly isEnabled?: boolean | undefined
  readonly manifest?: ManifestWish | undefined
}

/** What the market shall ask for. */
export interface ManifestWish {
  readonly cid: Cid
  readonly manifest: Manifest
  /** What hashes to the CID. */
  readonly bytes: Uint8Array
  /** Computes of it that this program does not ship: it cannot say whether their configuration is right. */
  readonly unknownComputes?: readonly string[]
  /** Of an epoch that is not released; without it, one that leaves the roles time to fetch the manifest. */
  readonly fromEpochId?: number | undefined
}

/** What a market can never change. */
export interface MarketForm {
  readonly epochSize: number
  readonly sourceChainId: number
  readonly sourceBlockTimeSeconds: number
  readonly usesBlockNumbersAsEpochIds: boolean
}

/** Roles as the contract numbers them. */
const ROLE_VALIDATOR = 0
const ROLE_SEQUENCER = 1
const ROLE_ADMIN = 2
/** A new address costs some 70,000 gas. */
const ADDRESSES_PER_CALL_MAX = 100

type Windows = readonly [snapshot: number, batch: number, attestation: number]
type WindowSetter = 'updateSnapshotSubmissionWindow' | 'updateBatchSubmissionWindow' | 'updateAttestationSubmissionWindow'

const WINDOWS: readonly { readonly name: string; readonly setter: WindowSetter }[] = [
  { name: 'snapshot', setter: 'updateSnapshotSubmissionWindow' },
  { name: 'batch', setter: 'updateBatchSubmissionWindow' },
  { name: 'attestation', setter: 'updateAttestationSubmissionWindow' },
]

/** Whether the contract lets this window become `blocks` now: E41 and E42 compare with the others, as far as they are set. */
function isAllowed([snapshot, batch, attestation]: Windows, index: number, blocks: number): boolean {
  if (index === 0) return batch === 0 || blocks < batch
  if (index === 1) return blocks > snapshot && (attestation === 0 || blocks < attestation)
  return batch !== 0 && blocks > batch
}

/**
 * Which windows to set, in rounds: those of one round are allowed whatever the others of it do, for in the end all three are in order.
 * What the contract will never allow comes last, for the contract to refuse.
 */
export function windowRounds(current: Windows, wanted: Windows): number[][] {
  const rounds: number[][] = []
  let now = current
  for (;;) {
    const open = [0, 1, 2].filter((index) => now[index] !== wanted[index])
    if (open.length === 0) return rounds
    const allowed = open.filter((index) => isAllowed(now, index, wanted[index] as number))
    if (allowed.length === 0) return [...rounds, open]
    rounds.push(allowed)
    now = now.map((blocks, index) => (allowed.includes(index) ? wanted[index] : blocks)) as unknown as Windows
  }
}

function windowWaves(protocolState: Address, current: MarketSettings, wish: MarketWish): Wave[] {
  const now = [current.snapshotWindowBlocks, current.batchWindowBlocks, current.attestationWindowBlocks] as const
  const wanted = [wish.snapshotWindowBlocks ?? now[0], wish.batchWindowBlocks ?? now[1], wish.attestationWindowBlocks ?? now[2]] as const
  return windowRounds(now, wanted).map((round) =>
    round.map((index) => {
      const { name, setter } = WINDOWS[index] as (typeof WINDOWS)[number]
      const args = [current.address as Hex, BigInt(wanted[index] as number)] as const
      return {
        what: `set the ${name} window to ${wanted[index]} blocks (now ${now[index]})`,
        transaction: { call: setter, to: protocolState, data: encodeFunctionData({ abi: protocolStateAbi, functionName: setter, args }) },
      }
    }),
  )
}

interface Role {
  readonly number: number
  readonly name: string
  readonly now: readonly Address[]
  readonly wanted: readonly Address[]
}

function roleSteps(protocolState: Address, market: Address, role: Role): Step[] {
  const granted = role.wanted.filter((address) => !role.now.includes(address)).map((address) => ({ address, isGranted: true }))
  const taken = role.now.filter((address) => !role.wanted.includes(address)).map((address) => ({ address, isGranted: false }))
  const changes = [...granted, ...taken]
  return Array.from({ length: Math.ceil(changes.length / ADDRESSES_PER_CALL_MAX) }, (_, index) => {
    const part = changes.slice(index * ADDRESSES_PER_CALL_MAX, (index + 1) * ADDRESSES_PER_CALL_MAX)
    const addresses = part.map(({ address }) => address as Hex)
    const states = part.map(({ isGranted }) => isGranted)
    const args = [market as Hex, role.number, addresses, states] as const
    return {
      what: part.map(({ address, isGranted }) => `${isGranted ? 'add' : 'remove'} ${role.name} ${address}`).join(', '),
      transaction: {
        call: 'updateAddresses',
        to: protocolState,
        data: encodeFunctionData({ abi: protocolStateAbi, functionName: 'updateAddresses', args }),
      },
    }
  })
}

type Add = (what: string, call: string, data: Hex) => void

/** Settings that stand alone, each with the call that sets it: who does what, and how batches become final. */
function addConsensus(add: Add, now: MarketSettings, wish: MarketWish): void {
  const market = now.address as Hex
  const abi = protocolStateAbi
  if (wish.attestationsMin !== undefined && wish.attestationsMin !== now.attestationsMin) {
    const functionName = 'updateMinAttestationsForConsensus'
    const data = encodeFunctionData({ abi, functionName, args: [market, BigInt(wish.attestationsMin)] })
    add(`ask for ${wish.attestationsMin} attestations at least (now ${now.attestationsMin})`, functionName, data)
  }
  if (wish.epochManager !== undefined && wish.epochManager !== now.epochManager) {
    const data = encodeFunctionData({ abi, functionName: 'updateEpochManager', args: [market, wish.epochManager as Hex] })
    add(`make ${wish.epochManager} the epoch manager (now ${now.epochManager})`, 'updateEpochManager', data)
  }
  if (wish.sequencerId !== undefined && wish.sequencerId !== now.sequencerId) {
    const data = encodeFunctionData({ abi, functionName: 'setSequencerId', args: [market, wish.sequencerId] })
    add(`name the sequencer '${wish.sequencerId}' (now '${now.sequencerId}')`, 'setSequencerId', data)
  }
  if (wish.rootOnlyBatchesAllowed !== undefined && wish.rootOnlyBatchesAllowed !== now.rootOnlyBatchesAllowed) {
    const data = encodeFunctionData({ abi, functionName: 'setRootOnlyBatches', args: [market, wish.rootOnlyBatchesAllowed] })
    add(`${wish.rootOnlyBatchesAllowed ? 'allow' : 'forbid'} batches by their roots alone`, 'setRootOnlyBatches', data)
  }
  if (wish.isEnabled !== undefined && wish.isEnabled !== now.isEnabled) {
    const data = encodeFunctionData({ abi, functionName: 'toggleDataMarket', args: [market, wish.isEnabled] })
    add(wish.isEnabled ? 'enable the data market' : 'disable the data market', 'toggleDataMarket', data)
  }
}

/** Settings that stand alone: what slots get. */
function addRewards(add: Add, now: MarketSettings, wish: MarketWish): void {
  const market = now.address as Hex
  const abi = protocolStateAbi
  if (wish.dailySnapshotQuota !== undefined && wish.dailySnapshotQuota !== now.dailySnapshotQuota) {
    const data = encodeFunctionData({ abi, functionName: 'updateDailySnapshotQuota', args: [market, wish.dailySnapshotQuota] })
    add(`set the daily quota to ${wish.dailySnapshotQuota} snapshots (now ${now.dailySnapshotQuota})`, 'updateDailySnapshotQuota', data)
  }
  if (wish.rewardPoolWei !== undefined && wish.rewardPoolWei !== now.rewardPoolWei) {
    const data = encodeFunctionData({ abi, functionName: 'updateRewardPoolSize', args: [market, wish.rewardPoolWei] })
    add(`set the daily reward pool to ${wish.rewardPoolWei} wei (now ${now.rewardPoolWei})`, 'updateRewardPoolSize', data)
  }
  if (wish.rewardsEnabled !== undefined && wish.rewardsEnabled !== now.rewardsEnabled) {
    const data = encodeFunctionData({ abi, functionName: 'toggleRewards', args: [market] })
    add(`switch the rewards flag ${wish.rewardsEnabled ? 'on' : 'off'}`, 'toggleRewards', data)
  }
  if (wish.rewardAllowanceWei !== undefined && wish.rewardAllowanceWei !== now.rewardAllowanceWei) {
    const { rewardAllowanceWei: wanted } = wish
    const isLimited = wanted !== 'unlimited'
    const data = encodeFunctionData({ abi, functionName: 'setRewardAllowance', args: [market, isLimited, isLimited ? wanted : 0n] })
    const what = isLimited ? `grant ${wanted} wei to pay rewards from` : 'let rewards be paid from all that no other market was granted'
    add(`${what} (now ${now.rewardAllowanceWei})`, 'setRewardAllowance', data)
  }
}

/** Epochs until a new manifest applies: a role looks for one every few seconds, and epochs of one second are the shortest in use. */
const MANIFEST_LEAD_EPOCHS = 60

/** What applies, what will not apply any more, and which epochs are left without rules by that. */
function manifestsNow({ manifest, pendingManifest }: MarketSettings, from: number): string {
  const applies = manifest?.cid ?? 'none'
  if (pendingManifest === undefined) return applies
  const replaced = `${applies}; takes the place of ${pendingManifest.cid}, announced from epoch ${pendingManifest.fromEpochId} on`
  if (manifest !== undefined || pendingManifest.fromEpochId >= from) return replaced
  return `${replaced}: CAREFUL, epochs before ${from} will have no manifest`
}

/** Throws `MARKET_CONTRADICTED` for a manifest that this market cannot have. */
function addManifest(add: Add, now: MarketSettings, { cid, manifest, fromEpochId }: ManifestWish): void {
  const problems = (['epochSize', 'sourceChainId'] as const)
    .filter((name) => manifest[name] !== now[name])
    .map((name) => `${name}: the manifest says ${manifest[name]}, the contract of ${now.address} has ${now[name]} for ever`)
  if (problems.length > 0) throw new WeftError('MARKET_CONTRADICTED', { problems })
  const coming = now.pendingManifest ?? now.manifest
  // One that applies already applies to every later epoch; one that is pending may still be put off.
  const isThere =
    coming?.cid === cid && (fromEpochId === undefined || fromEpochId === coming.fromEpochId || now.pendingManifest === undefined)
  if (isThere) return
  const from = fromEpochId ?? (now.currentEpochId === 0 ? 0 : now.currentEpochId + MANIFEST_LEAD_EPOCHS)
  const data = encodeFunctionData({
    abi: protocolStateAbi,
    functionName: 'setMarketManifest',
    args: [now.address as Hex, cid, BigInt(from)],
  })
  add(`set the manifest ${cid} from epoch ${from} on (now ${manifestsNow(now, from)})`, 'setMarketManifest', data)
}

/** The transactions that make a market's settings what is wished. */
export function planMarket(protocolState: Address, now: MarketSettings, wish: MarketWish): Wave[] {
  const [first = [], ...later] = windowWaves(protocolState, now, wish)
  const singles: Step[] = []
  const add: Add = (what, call, data) => void singles.push({ what, transaction: { call, to: protocolState, data } })
  addConsensus(add, now, wish)
  addRewards(add, now, wish)
  if (wish.manifest !== undefined) addManifest(add, now, wish.manifest)
  const { sequencers = now.sequencers, validators = now.validators, admins = now.admins } = wish
  const roles: readonly Role[] = [
    { number: ROLE_SEQUENCER, name: 'sequencer', now: now.sequencers, wanted: sequencers },
    { number: ROLE_VALIDATOR, name: 'validator', now: now.validators, wanted: validators },
    { number: ROLE_ADMIN, name: 'admin', now: now.admins, wanted: admins },
  ]
  return [[...first, ...singles, ...roles.flatMap((role) => roleSteps(protocolState, now.address, role))], ...later]
}

/** Creates a market; ProtocolState's owner only. */
export function createMarketStep(protocolState: Address, owner: Address, form: MarketForm): Step {
  const { epochSize, sourceChainId, sourceBlockTimeSeconds, usesBlockNumbersAsEpochIds } = form
  // The contract counts block time in 1e-4 s.
  const blockTime = BigInt(Math.round(sourceBlockTimeSeconds * 10_000))
  const args = [owner as Hex, epochSize, BigInt(sourceChainId), blockTime, usesBlockNumbersAsEpochIds] as const
  const ids = usesBlockNumbersAsEpochIds ? ', with block numbers as epoch ids' : ''
  return {
    what: `create a data market of ${owner}: epochs of ${epochSize} blocks of chain ${sourceChainId}, one block every ${sourceBlockTimeSeconds} s${ids}`,
    transaction: {
      call: 'createDataMarket',
      to: protocolState,
      data: encodeFunctionData({ abi: protocolStateAbi, functionName: 'createDataMarket', args }),
    },
  }
}

/** A market as `createDataMarket` leaves it (spec/contracts.md §4.2) for the owner of ProtocolState, whose own markets need no grant. */
export function freshMarket(address: Address, owner: Address, form: MarketForm): MarketSettings {
  return {
    address,
    owner,
    ...form,
    isEnabled: true,
    snapshotWindowBlocks: 0,
    batchWindowBlocks: 0,
    attestationWindowBlocks: 0,
    attestationsMin: 2,
    epochManager: `0x${'0'.repeat(40)}` as Address,
    sequencers: [],
    validators: [],
    admins: [],
    sequencerId: '',
    rootOnlyBatchesAllowed: false,
    dailySnapshotQuota: 1_000n,
    rewardPoolWei: 0n,
    rewardsEnabled: false,
    rewardAllowanceWei: 'unlimited',
    deploymentBlock: 0,
    currentEpochId: 0 as EpochId,
    manifest: undefined,
    pendingManifest: undefined,
  }
}
