import type { BlockRef, ChainStep, ProtocolEvent } from '#domain/chain-step.ts'
import type { ChainEvent, ChainTransaction, ChainValue } from '#domain/compute.ts'
import type { Address, BlockNumber, Cid, ContentHash, ContractNumber, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'

/** The words in which a chain speaks; what every role makes of them is `AnchorView`. */
export type { BlockRef, ChainStep, ProtocolEvent }

// --- the anchor chain, as one data market sees it -------------------------------------------------------------------

export interface MarketState {
  readonly epochSize: number
  readonly sourceChainId: number
  /** Seconds; the contract holds 1e-4 s. */
  readonly sourceBlockTimeSeconds: number
  /** In anchor blocks, as contracts number them, from the release, inclusive (spec/contracts.md §4.4). */
  readonly snapshotWindowBlocks: number
  readonly batchWindowBlocks: number
  readonly attestationWindowBlocks: number
  readonly attestationsMin: number
  readonly epochManager: Address
  readonly sequencers: readonly Address[]
  readonly validators: readonly Address[]
}

/** Names the file that says what a market asks for (`wire/manifest.ts`), from an epoch on. The CID is as the market's owner wrote it: nothing of it is checked. */
export interface ManifestRef {
  readonly cid: string
  readonly fromEpochId: EpochId
}

/** How a market counts and rewards, now. Days count from 1. */
export interface RewardRules {
  readonly day: number
  /** Snapshots that a slot delivers on a day to be one of its eligible nodes. */
  readonly dailySnapshotQuota: number
  /** The flag by which the market's owner asks sequencers to send counts; the contract itself does not look at it. */
  readonly areRewardsEnabled: boolean
}

export interface SlotState {
  readonly slotId: SlotId
  readonly signer: Address
  readonly isActive: boolean
}

export interface SnapshotStatus {
  readonly status: 'absent' | 'pending' | 'finalized'
  /** Empty when absent. */
  readonly snapshotCid: string
}

/** A batch as the chain knows it: of one market and one epoch, whatever else was anchored under its CID. Of one sent again in its epoch, the later. */
export type AnchoredBatch = AnchoredWithProjects | AnchoredByRoots

/** With each project and its CID. */
export interface AnchoredWithProjects extends AnchoredHead {
  readonly projectIds: readonly ProjectId[]
  readonly snapshotCids: readonly Cid[]
  readonly projectsRootHash?: undefined
}

/** By its roots alone (docs/CONTRACTS.md, "Root-only batches"): which projects it holds, only its file says. */
export interface AnchoredByRoots extends AnchoredHead {
  readonly projectIds?: undefined
  readonly snapshotCids?: undefined
  /** The sequencer's `projectIdsRootHash`: over the project ids, in the order of the CIDs under `rootHash`. */
  readonly projectsRootHash: Hash
}

interface AnchoredHead {
  readonly batchCid: Cid
  /** The sequencer's `finalizedCidsRootHash`. */
  readonly rootHash: Hash
  readonly isFinalized: boolean
  /** A majority of the validators stood behind another root and asked for another batch. */
  readonly isRefused?: true | undefined
  /** The root that most of the other votes name, where the batch is refused and they can be read. */
  readonly majorityRoot?: Hash | undefined
  /** How many attestations in time name `rootHash`. */
  readonly attestationCount: number
  /** What the contract keeps of projects and CIDs, or of the root over the projects, so that a vote may name it. `undefined` where contracts keep none, as the deployed ones. */
  readonly contentHash?: ContentHash | undefined
}

/**
 * Reads one data market of one ProtocolState. Every method throws `CHAIN_UNREACHABLE` or `CHAIN_ANSWER_INVALID`.
 * Obligations, proved by suite.ts: `follow` yields every block from `from` exactly once in order, with all its events; when blocks
 * it has yielded are replaced it yields one `rollback` to the last common block, then goes on. `known` are the last blocks the
 * caller holds, ascending, so that a rewrite that happened while it was away is found; deeper ones throw `CHAIN_REORG_TOO_DEEP`. Where they are all
 * that it ever had, `from` names the first of them, and a rewrite of all is undone to the block before it. It ends when the signal aborts.
 * With `at`, an answer is as of the end of that block and stays the same whoever asks when; without it, as of the head, which is never below
 * a block that was handed out before, by `follow`, `head` or `block`, or as that of a call which the connection's sender has made. A node that
 * has not come so far, or keeps no state of so long ago, says so: `CHAIN_ANSWER_INVALID`, which passes when the endpoint asks another one.
 * `market`, `deploymentBlock`, `sequencerId` and `manifests` are what more than half of several endpoints say: `CHAIN_DISPUTED` while too few say the same.
 */
export interface AnchorChain {
  readonly chainId: number
  readonly protocolState: Address
  readonly dataMarket: Address
  head(): Promise<BlockRef>
  /** `undefined` above the head. */
  block(number: BlockNumber): Promise<BlockRef | undefined>
  follow(options: {
    readonly from: BlockNumber
    readonly known: readonly BlockRef[]
    readonly signal: AbortSignal
  }): AsyncIterable<ChainStep>
  /** The first block in which contracts see this number or a higher one; the next that is to come where there is none. */
  firstSeeing(number: ContractNumber): Promise<BlockNumber>
  /** Block in which the market was created, or one before it: nothing before that concerns anyone. */
  deploymentBlock(): Promise<BlockNumber>
  market(): Promise<MarketState>
  /** The sequencer's name in the network, for example its peer id, as the market's owner wrote it: any text, empty until it is set. */
  sequencerId(): Promise<string>
  /** The manifest of the epoch released last, and the one that begins later; `undefined` where there is none, as with all contracts that know no manifests. */
  manifests(): Promise<{ readonly current: ManifestRef | undefined; readonly pending: ManifestRef | undefined }>
  /**
   * The manifest that applies to a released epoch, which never changes any more; `undefined` when none does. Throws `CHAIN_ANSWER_INVALID`
   * when whoever answers has not seen the release.
   */
  manifestAt(epochId: EpochId): Promise<ManifestRef | undefined>
  /** Every slot that exists, active or not, ascending. */
  slots(): Promise<readonly SlotState[]>
  /** One of them, and when its signer changed last: seconds of chain time, 0 for never. Who signed before that, only `at` tells. Not active when there is no such slot. */
  slot(slotId: SlotId, at?: BlockNumber): Promise<SlotState & { readonly changedAt: number }>
  /** All zero before the first release. */
  currentEpoch(): Promise<{ readonly epochId: EpochId; readonly begin: BlockNumber; readonly end: BlockNumber }>
  /** Of its release, as the contract has noted it. `contractNumber` is 0 for an epoch that does not exist. */
  epochInfo(epochId: EpochId): Promise<{ readonly timestamp: number; readonly contractNumber: ContractNumber; readonly end: BlockNumber }>
  /** The block that released it; `undefined` for an epoch that does not exist. */
  release(epochId: EpochId): Promise<BlockRef | undefined>
  snapshotStatus(projectId: ProjectId, epochId: EpochId, at?: BlockNumber): Promise<SnapshotStatus>
  /** 0 while the project has no snapshot. */
  projectFirstEpochId(projectId: ProjectId, at?: BlockNumber): Promise<EpochId>
  batchCids(epochId: EpochId, at?: BlockNumber): Promise<readonly Cid[]>
  isEpochEnded(epochId: EpochId, at?: BlockNumber): Promise<boolean>
  /** `undefined` when the batch was not submitted for this epoch. */
  batch(epochId: EpochId, batchCid: Cid, at?: BlockNumber): Promise<AnchoredBatch | undefined>
  rewardRules(): Promise<RewardRules>
  /** What the contract has of a slot's day; of a day or slot that it has never heard of, nothing. */
  slotDay(slotId: SlotId, day: number): Promise<{ readonly submissions: number; readonly isRewarded: boolean }>
  hasAttested(epochId: EpochId, batchCid: Cid, validator: Address): Promise<boolean>
}

/**
 * Proves what accounts hold as of a block, to whoever knows its hash (EIP-1186). Nothing is checked: the hashes are all there is to it. Every
 * method throws `CHAIN_UNREACHABLE` or `CHAIN_ANSWER_INVALID`, the latter also of a block whose state is not kept any more.
 */
export interface StateProver {
  /** The newest block: its hash as the endpoint says it, and the bytes that should hash to it. */
  header(): Promise<{ readonly number: BlockNumber; readonly hash: Hash; readonly bytes: Uint8Array }>
  /** Nodes of the tries, from their roots to the account and to each of its slots, or to where they would be. */
  nodes(address: Address, slots: readonly bigint[], at: BlockNumber): Promise<readonly Uint8Array[]>
  /** Empty of an account without. */
  code(address: Address, at: BlockNumber): Promise<Uint8Array>
}

// --- writing --------------------------------------------------------------------------------------------------------

/** A batch as it is anchored without its projects. */
export type RootOnlyBatch = Pick<AnchoredByRoots, 'batchCid' | 'rootHash' | 'projectsRootHash'>

/** The calls that roles make (spec/contracts.md §4); the adapter adds the data market. */
export type ProtocolCall =
  | { readonly kind: 'releaseEpoch'; readonly begin: BlockNumber; readonly end: BlockNumber }
  /** Releases a range further on, and leaves out those before it. Of the market's owner only (E03). */
  | { readonly kind: 'forceSkipEpoch'; readonly begin: BlockNumber; readonly end: BlockNumber }
  | {
      readonly kind: 'submitSubmissionBatch'
      readonly epochId: EpochId
      readonly batchCid: Cid
      readonly projectIds: readonly ProjectId[]
      readonly snapshotCids: readonly Cid[]
      readonly rootHash: Hash
    }
  | { readonly kind: 'submitRootOnlyBatches'; readonly epochId: EpochId; readonly batches: readonly RootOnlyBatch[] }
  | { readonly kind: 'endBatchSubmissions'; readonly epochId: EpochId }
  | {
      readonly kind: 'submitBatchAttestation'
      readonly epochId: EpochId
      readonly batchCid: Cid
      readonly rootHash: Hash
      /** The vote is for this content and is refused for any other (`submitContentAttestation`). Only where `AnchoredBatch` has one. */
      readonly contentHash?: ContentHash | undefined
      /** Projects that become final with the batch on chain, for the gas; `undefined` where that is not known. None of a batch by its roots. */
      readonly projectCount?: number | undefined
    }
  | {
      readonly kind: 'updateRewards'
      readonly day: number
      readonly slotIds: readonly SlotId[]
      /** Of each of them on that day, in all: what was sent before is overwritten. */
      readonly submissions: readonly number[]
      /** How many slots share the pool of the day; 0 while that is not known. */
      readonly eligibleNodes: number
    }

/**
 * `done`: mined with success. `refused`: mined or estimated as a revert, by who had come as far as the connection; `reason` is the contract's
 * short code, for example `E25`.
 */
export type CallOutcome =
  | { readonly kind: 'done'; readonly transactionHash: Hash; readonly blockNumber: BlockNumber }
  | { readonly kind: 'refused'; readonly reason: string }

/** A call and the name under which it happens once. */
export interface Intent {
  readonly intentId: string
  readonly call: ProtocolCall
}

/**
 * Sends calls from one account, each exactly once (G4).
 * The signed transaction is journalled under `intentId` before it is broadcast. Calling again with the same `intentId`, also in a
 * later process, never makes a second transaction: it finds the journalled one, broadcasts it again if need be, and returns its outcome.
 * Calls of one sender are sent in order and never leave a nonce gap.
 */
export interface ProtocolSender {
  readonly address: Address
  /** Whether the transaction is in the journal: what else the account has sent, somebody else did. Of what was settled long ago it may be forgotten. */
  hasSigned(transactionHash: Hash): boolean
  /** The most gas that one transaction of this chain may have, as far as is known; less once a node has refused more. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
  gasMax(): Promise<number>
  /**
   * Throws `CALL_NOT_SETTLED` when the transaction is not mined within the adapter's limit; at once, under its own code (`CALL_UNFUNDED` and the
   * like), what a node refuses it for if that does not pass by itself; `CHAIN_UNREACHABLE`, or the signal's reason. All pass: call again to go on.
   */
  send(intentId: string, call: ProtocolCall, signal: AbortSignal): Promise<CallOutcome>
  /**
   * Sends several calls so that they are mined in this order, without waiting for one before the next is sent: no call is sent before
   * those ahead of it are journalled or refused. Outcomes are in the same order. Throws like `send`; call again with the same list to go on.
   */
  sendInOrder(intents: readonly Intent[], signal: AbortSignal): Promise<readonly CallOutcome[]>
}

/** Where a sender keeps its intents: a `Store` fits. `commit` must be durable when it resolves. */
export interface IntentJournal {
  get(key: string): Uint8Array | undefined
  scan(prefix: string): readonly { readonly key: string; readonly value: Uint8Array }[]
  commit(writes: readonly { readonly key: string; readonly value?: Uint8Array }[]): Promise<void>
}

// --- the source chain -----------------------------------------------------------------------------------------------

export type HeadTag = 'latest' | 'safe' | 'finalized'

/** Reads the chain that the data comes from, at named blocks only, so that the same epoch gives the same answers everywhere. */
export interface SourceChain {
  /** The newest block, or the newest that the chain itself calls safe or final; where it knows no such word, `CHAIN_ANSWER_INVALID`. */
  head(tag?: HeadTag): Promise<BlockRef>
  /** `undefined` above the head. */
  block(number: BlockNumber): Promise<BlockRef | undefined>
  /** Calls a view function, given in human-readable form (`function getReserves() view returns (uint112,uint112,uint32)`), as of `blockNumber`. Returns all its outputs. A revert is `CALL_REVERTED`, and so are code that cannot be run, no code, and outputs of another form: what every node gets alike. */
  read(call: {
    readonly address: Address
    readonly function: string
    readonly args: readonly ChainValue[]
    readonly blockNumber: BlockNumber
    /** The block has this hash, and there is one above it, or there is no answer: `CHAIN_ANSWER_INVALID`. */
    readonly blockHash?: Hash
  }): Promise<readonly ChainValue[]>
  /** Events of one contract in chain order; `events` are human-readable (`event Sync(uint112 reserve0, uint112 reserve1)`). */
  events(filter: {
    readonly address: Address
    readonly events: readonly string[]
    readonly fromBlock: BlockNumber
    readonly toBlock: BlockNumber
    /** The last block has this hash and those before it are its ancestors, or there is no answer: `CHAIN_ANSWER_INVALID`. */
    readonly toBlockHash?: Hash
  }): Promise<readonly ChainEvent[]>
  /** All transactions of a block with their receipts, in order. It has this hash, or there is no answer: `CHAIN_ANSWER_INVALID`, as above the head. */
  transactions(block: { readonly blockNumber: BlockNumber; readonly blockHash?: Hash }): Promise<readonly ChainTransaction[]>
}
