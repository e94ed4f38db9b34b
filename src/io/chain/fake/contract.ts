import type { Address, BlockNumber, Cid, ContentHash, ContractNumber, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type {
  AnchoredBatch,
  BlockRef,
  ManifestRef,
  MarketState,
  ProtocolCall,
  ProtocolEvent,
  RewardRules,
  SlotState,
  SnapshotStatus,
} from '#io/chain/port.ts'
import { contentHashOf, contentHashOfRoots } from '#wire/content-hash.ts'

/** What a fake transaction may do: the roles' calls, and what the owners of market and slots do in tests. */
export type FakeCall =
  | ProtocolCall
  | { readonly kind: 'assignSigner'; readonly slotId: SlotId; readonly signer: Address }
  | { readonly kind: 'burnSlot'; readonly slotId: SlotId }
  | { readonly kind: 'setManifest'; readonly manifest: ManifestRef }
  | { readonly kind: 'changeRewards'; readonly change: Partial<FakeRewards> }
  | { readonly kind: 'setRootOnlyAllowed'; readonly isAllowed: boolean }
  | { readonly kind: 'changeMarket'; readonly change: Partial<MarketState> }

/** How the fake's market counts days and rewards. */
export interface FakeRewards extends Omit<RewardRules, 'day'> {
  readonly epochsInADay: number
}

interface RewardDay {
  readonly eligible: number
  remaining: number
}

type WithoutPlace<Event> = Event extends unknown ? Omit<Event, 'block' | 'logIndex' | 'transactionHash'> : never
/** An event before it has its place in the chain. */
export type BareEvent = WithoutPlace<ProtocolEvent>

interface Batch {
  readonly batchCid: Cid
  /** None of a batch that is anchored by its roots. */
  readonly projectIds: readonly ProjectId[]
  readonly snapshotCids: readonly Cid[]
  readonly rootHash: Hash
  /** Only of a batch that is anchored by its roots. */
  readonly projectsRootHash?: Hash
  /** `undefined` in a contract that keeps none. */
  readonly contentHash: ContentHash | undefined
  /** Of the epoch's rounds. */
  readonly round: number
  readonly votes: Map<Hash, number>
  readonly voters: Set<Address>
  /** Voters in time for the batch's own root. */
  readonly agreeing: Set<Address>
  isFinal: boolean
  /** A majority stood behind another root: another batch may take over its projects. */
  isReplaceable: boolean
}

interface Epoch {
  readonly release: BlockRef
  /** Where the windows of each round begin: 0 with the release, the others when a batch had to be sent again. */
  readonly rounds: ContractNumber[]
  readonly end: BlockNumber
  /** In the order of their submission; a CID sent again after a refusal is there twice. */
  readonly batches: Batch[]
  readonly holders: Map<ProjectId, Batch>
  isEnded: boolean
}

/** What the contract holds for a slot that has nobody assigned. */
const NO_SIGNER = `0x${'0'.repeat(40)}` as Address

type Of<Kind extends FakeCall['kind']> = Extract<FakeCall, { readonly kind: Kind }>

/** Everything the contracts hold. */
interface Book {
  market: MarketState
  readonly owner: Address
  /** Whether batches have a content hash, which a vote may name. */
  readonly hasContents: boolean
  isRootOnlyAllowed: boolean
  readonly signers: Address[]
  /** In the order of their epochs; only the last may not have begun. */
  readonly manifests: ManifestRef[]
  /** When each signer was assigned, in seconds; those of the beginning were always there. */
  readonly changes: Map<SlotId, number>
  readonly epochs: Map<EpochId, Epoch>
  rewards: FakeRewards
  day: number
  readonly rewardDays: Map<number, RewardDay>
  /** By day and slot. */
  readonly slotDays: Map<string, { readonly submissions: number; readonly isRewarded: boolean }>
  readonly firstEpochs: Map<ProjectId, EpochId>
  current: { readonly epochId: EpochId; readonly begin: BlockNumber; readonly end: BlockNumber }
}

const ROUNDS_MAX = 3
const DAY_SECONDS = 86_400

/** What a new market begins with. */
const rewardsOf = ({ sourceBlockTimeSeconds, epochSize }: MarketState): FakeRewards => ({
  epochsInADay: Math.max(1, Math.floor(DAY_SECONDS / (sourceBlockTimeSeconds * epochSize))),
  dailySnapshotQuota: 1_000,
  areRewardsEnabled: false,
})

const lastRound = (epoch: Epoch): number => epoch.rounds.length - 1
const isOpen = (epoch: Epoch, round: number, windowBlocks: number, block: BlockRef): boolean =>
  block.contractNumber <= (epoch.rounds[round] as number) + windowBlocks
const mayReplace = (holder: Batch | undefined): boolean => holder === undefined || (holder.isReplaceable && !holder.isFinal)
const isSameContent = (batch: Batch | undefined, call: Of<'submitSubmissionBatch'>): boolean =>
  batch === undefined ||
  (batch.projectIds.length === call.projectIds.length &&
    batch.projectIds.every(
      (projectId, index) => projectId === call.projectIds[index] && batch.snapshotCids[index] === call.snapshotCids[index],
    ))
const batchOf = (book: Book, epochId: EpochId, batchCid: Cid): Batch | undefined =>
  book.epochs.get(epochId)?.batches.findLast((batch) => batch.batchCid === batchCid)

function refuseRelease(book: Book, from: Address, call: Of<'releaseEpoch'>): string | undefined {
  if (from !== book.market.epochManager) return 'E05'
  if (call.end < call.begin) return 'E20'
  if (call.end - call.begin + 1 !== book.market.epochSize) return 'E21'
  return book.current.epochId > 0 && call.begin !== book.current.end + 1 ? 'E22' : undefined
}

/** In the second half of a round's batch window any present validator may take over what was refuted. */
function mayStandIn(book: Book, from: Address, epoch: Epoch | undefined, block: BlockRef): boolean {
  if (epoch === undefined || lastRound(epoch) === 0 || !book.market.validators.includes(from)) return false
  return !isOpen(epoch, lastRound(epoch), Math.floor(book.market.batchWindowBlocks / 2), block)
}

function refuseBatch(book: Book, from: Address, call: Of<'submitSubmissionBatch'>, block: BlockRef): string | undefined {
  const epoch = book.epochs.get(call.epochId)
  const standsIn = !book.market.sequencers.includes(from)
  if (standsIn && !mayStandIn(book, from, epoch, block)) return 'E04'
  if (call.projectIds.length !== call.snapshotCids.length) return 'E23'
  if (epoch === undefined) return 'E30'
  if (!isOpen(epoch, lastRound(epoch), book.market.batchWindowBlocks, block)) return undefined
  if (call.projectIds.length === 0) return 'E24'
  if (epoch.isEnded && lastRound(epoch) === 0) return 'E43'
  const isTwice = new Set(call.projectIds).size !== call.projectIds.length
  const isTaken = call.projectIds.some((projectId) => {
    const holder = epoch.holders.get(projectId)
    return !mayReplace(holder) || (standsIn && holder === undefined)
  })
  const known = batchOf(book, call.epochId, call.batchCid)
  return isTwice || isTaken || !mayReplace(known) || !isSameContent(known, call) ? 'E25' : undefined
}

function refuseRootOnly(book: Book, from: Address, call: Of<'submitRootOnlyBatches'>, block: BlockRef): string | undefined {
  if (!book.market.sequencers.includes(from)) return 'E04'
  if (!book.isRootOnlyAllowed) return 'RootOnlyBatchesNotAllowed'
  if (call.batches.length === 0) return 'E24'
  const epoch = book.epochs.get(call.epochId)
  if (epoch === undefined) return 'E30'
  if (!isOpen(epoch, lastRound(epoch), book.market.batchWindowBlocks, block)) return undefined
  if (epoch.isEnded && lastRound(epoch) === 0) return 'E43'
  const isTwice = new Set(call.batches.map(({ batchCid }) => batchCid)).size !== call.batches.length
  const isTaken = call.batches.some(({ batchCid, projectsRootHash }) => {
    const known = batchOf(book, call.epochId, batchCid)
    return !mayReplace(known) || (known !== undefined && known.projectsRootHash !== projectsRootHash)
  })
  return isTwice || isTaken ? 'E25' : undefined
}

function refuseEnd(book: Book, from: Address, call: Of<'endBatchSubmissions'>): string | undefined {
  if (!book.market.sequencers.includes(from)) return 'E04'
  const epoch = book.epochs.get(call.epochId)
  if (epoch === undefined) return 'E30'
  return epoch.isEnded ? 'E39' : undefined
}

function refuseVote(book: Book, from: Address, call: Of<'submitBatchAttestation'>): string | undefined {
  if (!book.market.validators.includes(from)) return 'E01'
  const batch = batchOf(book, call.epochId, call.batchCid)
  // A function that the contract lacks.
  if (call.contentHash !== undefined && !book.hasContents) return 'reverted without a reason'
  if (batch === undefined) return 'E26'
  if (call.contentHash !== undefined && call.contentHash !== batch.contentHash) return `BatchContentDiffers anchored=${batch.contentHash}`
  return batch.voters.has(from) ? 'E40' : undefined
}

function refuseSkip(book: Book, from: Address, call: Of<'forceSkipEpoch'>): string | undefined {
  if (from !== book.owner) return 'E03'
  if (call.end < call.begin) return 'E20'
  const { epochSize } = book.market
  const distance = call.end - book.current.end
  return call.end - call.begin + 1 !== epochSize || distance <= 0 || distance % epochSize !== 0 ? 'E21' : undefined
}

function release(book: Book, call: Of<'releaseEpoch' | 'forceSkipEpoch'>, block: BlockRef): BareEvent[] {
  const step = call.kind === 'releaseEpoch' ? 1 : (call.end - book.current.end) / book.market.epochSize
  const epochId = (book.current.epochId + step) as EpochId
  book.current = { epochId, begin: call.begin, end: call.end }
  book.epochs.set(epochId, {
    release: block,
    rounds: [block.contractNumber],
    end: call.end,
    batches: [],
    holders: new Map(),
    isEnded: false,
  })
  const released: BareEvent = { kind: 'EpochReleased', epochId, begin: call.begin, end: call.end }
  if (epochId === 1 || (epochId - 1) % book.rewards.epochsInADay !== 0) return [released]
  book.day += 1
  return [released, { kind: 'DayStartedEvent', day: book.day }]
}

function submitBatch(
  book: Book,
  call: Pick<Batch, 'batchCid' | 'projectIds' | 'snapshotCids' | 'rootHash' | 'projectsRootHash'> & { readonly epochId: EpochId },
  block: BlockRef,
): BareEvent[] {
  const { epochId, batchCid, projectsRootHash } = call
  const epoch = book.epochs.get(epochId) as Epoch
  const round = lastRound(epoch)
  if (!isOpen(epoch, round, book.market.batchWindowBlocks, block)) return [{ kind: 'DelayedBatchSubmitted', epochId, batchCid }]
  const batch: Batch = {
    ...call,
    contentHash: book.hasContents ? contentOf() : undefined,
    round,
    votes: new Map(),
    voters: new Set(),
    agreeing: new Set(),
    isFinal: false,
    isReplaceable: false,
  }
  function contentOf(): ContentHash {
    return projectsRootHash === undefined ? contentHashOf(call.projectIds, call.snapshotCids) : contentHashOfRoots(projectsRootHash)
  }
  epoch.batches.push(batch)
  for (const projectId of call.projectIds) {
    epoch.holders.set(projectId, batch)
    if (!book.firstEpochs.has(projectId)) book.firstEpochs.set(projectId, epochId)
  }
  return [{ kind: 'SnapshotBatchSubmitted', epochId, batchCid }]
}

/** Counts a vote and answers with those that decide: for the batch, those of who is a validator now. */
function count(book: Book, batch: Batch, rootHash: Hash, from: Address): number {
  const votes = (batch.votes.get(rootHash) ?? 0) + 1
  batch.votes.set(rootHash, votes)
  if (rootHash !== batch.rootHash) return votes
  batch.agreeing.add(from)
  return book.market.validators.filter((validator) => batch.agreeing.has(validator)).length
}

/** Once for each batch; it begins a round for the corrected one, or the last round anew. */
function askAgain(book: Book, epochId: EpochId, batch: Batch, block: BlockRef): BareEvent[] {
  if (batch.isReplaceable) return []
  batch.isReplaceable = true
  const epoch = book.epochs.get(epochId) as Epoch
  if (batch.round < ROUNDS_MAX) epoch.rounds[Math.max(lastRound(epoch), batch.round + 1)] = block.contractNumber
  return [{ kind: 'TriggerBatchResubmission', epochId, batchCid: batch.batchCid }]
}

function finalize(book: Book, epochId: EpochId, batch: Batch): BareEvent[] {
  batch.isFinal = true
  const { holders } = book.epochs.get(epochId) as Epoch
  const snapshots = batch.projectIds.map((projectId, index) => ({
    kind: 'SnapshotFinalized' as const,
    epochId,
    projectId,
    snapshotCid: batch.snapshotCids[index] as Cid,
  }))
  return [
    ...snapshots.filter(({ projectId }) => holders.get(projectId) === batch),
    { kind: 'SnapshotBatchFinalized', epochId, batchCid: batch.batchCid },
  ]
}

function vote(book: Book, from: Address, call: Of<'submitBatchAttestation'>, block: BlockRef): BareEvent[] {
  const { epochId, batchCid } = call
  const batch = batchOf(book, epochId, batchCid) as Batch
  batch.voters.add(from)
  if (!isOpen(book.epochs.get(epochId) as Epoch, batch.round, book.market.attestationWindowBlocks, block))
    return [{ kind: 'DelayedAttestationSubmitted', epochId, batchCid, validator: from }]
  const votes = count(book, batch, call.rootHash, from)
  const isDecided = !batch.isFinal && 2 * votes > book.market.validators.length && votes >= book.market.attestationsMin
  const decide = () => (call.rootHash === batch.rootHash ? finalize(book, epochId, batch) : askAgain(book, epochId, batch, block))
  return [...(isDecided ? decide() : []), { kind: 'SnapshotBatchAttestationSubmitted', epochId, batchCid, validator: from }]
}

const slotDayOf = (book: Book, slotId: SlotId, day: number) =>
  book.slotDays.get(`${day} ${slotId}`) ?? { submissions: 0, isRewarded: false }

/** In the contract's order. */
function refuseRewards(book: Book, from: Address, call: Of<'updateRewards'>): string | undefined {
  const { slotIds, submissions, day, eligibleNodes } = call
  if (!book.market.sequencers.includes(from)) return 'E04'
  if (slotIds.length !== submissions.length) return 'E19'
  if (day !== book.day && day !== book.day - 1) return 'E38'
  if (eligibleNodes !== 0 && book.rewardDays.get(day)?.remaining === 0) return 'E47'
  return livingOf(book, slotIds).some(({ slotId }) => slotDayOf(book, slotId, day).isRewarded) ? 'E48' : undefined
}

/** Slots that nobody holds are passed over. */
const livingOf = (book: Book, slotIds: readonly SlotId[]) =>
  slotIds
    .map((slotId, index) => ({ slotId, index }))
    .filter(({ slotId }) => book.signers[slotId - 1] !== undefined && book.signers[slotId - 1] !== NO_SIGNER)

function updateRewards(book: Book, call: Of<'updateRewards'>): BareEvent[] {
  const { slotIds, submissions, day, eligibleNodes } = call
  const known = book.rewardDays.get(day)
  if (known === undefined && eligibleNodes !== 0) book.rewardDays.set(day, { eligible: eligibleNodes, remaining: eligibleNodes })
  for (const { slotId, index } of livingOf(book, slotIds)) {
    const count = submissions[index] as number
    const rewardDay = book.rewardDays.get(day)
    const isRewarded = count >= book.rewards.dailySnapshotQuota && rewardDay !== undefined && rewardDay.remaining > 0
    if (isRewarded) rewardDay.remaining -= 1
    book.slotDays.set(`${day} ${slotId}`, { submissions: count, isRewarded })
  }
  return []
}

const hasBegun = (book: Book, { fromEpochId }: ManifestRef): boolean => book.current.epochId > 0 && fromEpochId <= book.current.epochId

function refuse(book: Book, from: Address, call: FakeCall, block: BlockRef): string | undefined {
  switch (call.kind) {
    case 'releaseEpoch':
      return refuseRelease(book, from, call)
    case 'forceSkipEpoch':
      return refuseSkip(book, from, call)
    case 'submitSubmissionBatch':
      return refuseBatch(book, from, call, block)
    case 'submitRootOnlyBatches':
      return refuseRootOnly(book, from, call, block)
    case 'endBatchSubmissions':
      return refuseEnd(book, from, call)
    case 'updateRewards':
      return refuseRewards(book, from, call)
    case 'submitBatchAttestation':
      return refuseVote(book, from, call)
    case 'setManifest':
      return hasBegun(book, call.manifest) ? 'EpochAlreadyReleased' : undefined
    default:
      return undefined
  }
}

function perform(book: Book, from: Address, call: FakeCall, block: BlockRef): BareEvent[] {
  switch (call.kind) {
    case 'forceSkipEpoch':
    case 'releaseEpoch':
      return release(book, call, block)
    case 'submitSubmissionBatch':
      return submitBatch(book, call, block)
    case 'submitRootOnlyBatches':
      return call.batches.flatMap((batch) =>
        submitBatch(book, { ...batch, epochId: call.epochId, projectIds: [], snapshotCids: [] }, block),
      )
    case 'endBatchSubmissions':
      ;(book.epochs.get(call.epochId) as Epoch).isEnded = true
      return [{ kind: 'BatchSubmissionsCompleted', epochId: call.epochId }]
    case 'updateRewards':
      return updateRewards(book, call)
    case 'changeRewards':
      book.rewards = { ...book.rewards, ...call.change }
      return []
    case 'submitBatchAttestation':
      return vote(book, from, call, block)
    case 'assignSigner':
      book.signers[call.slotId - 1] = call.signer
      book.changes.set(call.slotId, block.timestamp)
      return [{ kind: 'SnapshotterAddressChanged', slotId: call.slotId, signer: call.signer }]
    case 'burnSlot':
      book.signers[call.slotId - 1] = NO_SIGNER
      return [{ kind: 'NodeBurned', slotId: call.slotId }]
    case 'setManifest':
      book.manifests.splice(book.manifests.filter((manifest) => hasBegun(book, manifest)).length, 1, call.manifest)
      return []
    case 'setRootOnlyAllowed':
      book.isRootOnlyAllowed = call.isAllowed
      return []
    case 'changeMarket':
      book.market = { ...book.market, ...call.change }
      return []
  }
}

/** The rules of ProtocolState and one data market (spec/contracts.md §4.5–4.7) over plain memory. */
export function createFakeContract(initial: {
  readonly market: MarketState
  readonly signers: readonly Address[]
  readonly manifests?: readonly ManifestRef[]
  readonly hasContents?: boolean
  readonly rewards?: Partial<FakeRewards>
  /** The epoch manager unless said. */
  readonly owner?: Address
}) {
  const nothing = { epochId: 0 as EpochId, begin: 0 as BlockNumber, end: 0 as BlockNumber }
  const { market, signers, manifests = [], hasContents = true } = initial
  const book: Book = {
    market,
    owner: initial.owner ?? market.epochManager,
    hasContents,
    isRootOnlyAllowed: false,
    signers: [...signers],
    manifests: [...manifests],
    changes: new Map(),
    epochs: new Map(),
    firstEpochs: new Map(),
    current: nothing,
    rewards: { ...rewardsOf(market), ...initial.rewards },
    day: 1,
    rewardDays: new Map(),
    slotDays: new Map(),
  }
  return {
    /** The code with which the call would revert in `block`; `undefined` when it would succeed. */
    refuse: (from: Address, call: FakeCall, block: BlockRef): string | undefined => refuse(book, from, call, block),
    /** Carries out a call that is not refused. */
    perform: (from: Address, call: FakeCall, block: BlockRef): BareEvent[] => perform(book, from, call, block),
    market: (): MarketState => book.market,
    manifestAt: (epochId: EpochId): ManifestRef | undefined => book.manifests.findLast(({ fromEpochId }) => fromEpochId <= epochId),
    manifests: () => ({
      current: book.manifests.findLast((manifest) => hasBegun(book, manifest)),
      pending: book.manifests.findLast((manifest) => !hasBegun(book, manifest)),
    }),
    slots: (): SlotState[] =>
      book.signers.map((signer, index) => ({ slotId: (index + 1) as SlotId, signer, isActive: signer !== NO_SIGNER })),
    slot(slotId: SlotId): SlotState & { readonly changedAt: number } {
      const signer = book.signers[slotId - 1] ?? NO_SIGNER
      return { slotId, signer, isActive: signer !== NO_SIGNER, changedAt: book.changes.get(slotId) ?? 0 }
    },
    currentEpoch: () => book.current,
    epoch: (epochId: EpochId): Epoch | undefined => book.epochs.get(epochId),
    firstEpochId: (projectId: ProjectId): EpochId => book.firstEpochs.get(projectId) ?? (0 as EpochId),
    snapshotStatus(projectId: ProjectId, epochId: EpochId): SnapshotStatus {
      const batch = book.epochs.get(epochId)?.holders.get(projectId)
      if (batch === undefined) return { status: 'absent', snapshotCid: '' }
      return {
        status: batch.isFinal ? 'finalized' : 'pending',
        snapshotCid: batch.snapshotCids[batch.projectIds.indexOf(projectId)] as Cid,
      }
    },
    batch(epochId: EpochId, batchCid: Cid): AnchoredBatch | undefined {
      const batch = batchOf(book, epochId, batchCid)
      if (batch === undefined) return undefined
      const { projectIds, snapshotCids, rootHash, projectsRootHash, isFinal, contentHash } = batch
      const attestationCount = batch.votes.get(rootHash) ?? 0
      const isRefused = (batch.isReplaceable && !isFinal) || undefined
      const others = [...batch.votes].filter(([root]) => root !== rootHash).sort(([, left], [, right]) => right - left)
      const majorityRoot = isRefused && others[0]?.[0]
      const head = { batchCid, rootHash, isFinalized: isFinal, isRefused, majorityRoot, attestationCount, contentHash }
      return projectsRootHash === undefined ? { ...head, projectIds, snapshotCids } : { ...head, projectsRootHash }
    },
    rewardRules: (): RewardRules => {
      const { epochsInADay: _, ...rules } = book.rewards
      return { day: book.day, ...rules }
    },
    rewardDay: (day: number): RewardDay => book.rewardDays.get(day) ?? { eligible: 0, remaining: 0 },
    slotDay: (slotId: SlotId, day: number) => slotDayOf(book, slotId, day),
    hasAttested: (epochId: EpochId, batchCid: Cid, validator: Address): boolean =>
      batchOf(book, epochId, batchCid)?.voters.has(validator) ?? false,
  }
}

export type FakeContract = ReturnType<typeof createFakeContract>
