import type { BlockRef, ChainStep } from '#domain/chain-step.ts'
import type { Address, BlockNumber, Cid, ContractNumber, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { LaterWindows } from '#domain/window.ts'

/**
 * What the role `api` knows of one data market, in tables: what the chain told, what batch files and snapshots say. One process writes, any number read.
 *
 * Obligations, proved by suite.ts:
 * - A call that writes is atomic: after a crash all of it is there or nothing, and the cursor moves with what it stands for.
 * - A rollback undoes exactly what the blocks above its block did. What files say of a batch goes with the batch that the chain took back.
 * - Whatever becomes known is told in `changes`, in the transaction in which it does, in order and without a gap until it is pruned.
 * - Every read is bounded by a range and a `limit`, and sees no half of a write.
 * - Only who leads may write. At most one does, and a process that dies stops leading.
 * - It throws `DATABASE_UNREACHABLE` or `DATABASE_FULL`, which pass and leave all as it was, or as `storeFailed`.
 */
export interface IndexDatabase extends IndexReads {
  /** Whether this process is the one that writes from now on; ask again while it is not. */
  lead(): Promise<boolean>
  /**
   * Takes steps along the chain, those of one call at once. Steps of blocks must continue the cursor. With the market's windows, epochs that are over by
   * theirs alone, and those that are open again, are told as well.
   */
  apply(steps: readonly ChainStep[], windows?: Pick<LaterWindows, 'batchWindowBlocks'>): Promise<void>
  /** The newest blocks applied, ascending and without holes; at most `KNOWN_BLOCKS_MAX`. */
  knownBlocks(): Promise<readonly BlockRef[]>
  /** The newest applied block at or below `atMost` that told something of the market: those are remembered for ever. */
  landmark(atMost: BlockNumber): Promise<Pick<BlockRef, 'number' | 'hash'> | undefined>
  /** Batches whose projects or file are not known yet and may be tried now, the longest waiting first. */
  wantedBatches(nowMs: number, limit: number): Promise<readonly WantedBatch[]>
  /** What is known of a batch, in place of what was. Nothing happens when a reorganisation has taken the batch away meanwhile. */
  putBatch(batchNo: number, content: BatchContent): Promise<void>
  /** Winning snapshots whose bytes are not here and may be tried now. */
  wantedSnapshots(nowMs: number, limit: number): Promise<readonly WantedSnapshot[]>
  putSnapshots(snapshots: readonly SnapshotContent[]): Promise<void>
  /** Lets go of what only epochs before `oldest` need, epochs oldest first and `limit` at most; resolves with how many went. */
  forgetBefore(oldest: EpochId, limit: number): Promise<number>
  close(): Promise<void>
}

/** Names one anchoring of a batch: a CID may be anchored in several epochs, and again in one. Never used twice. */
type BatchNo = number

export interface WantedBatch {
  readonly batchNo: BatchNo
  readonly epochId: EpochId
  readonly batchCid: Cid
  readonly submittedBlock: BlockNumber
  /** Tries that failed. */
  readonly attempts: number
}

const FILE_STATES = ['read', 'waiting', 'unavailable', 'malformed'] as const
export type FileState = (typeof FILE_STATES)[number]

/** What the chain lists of a batch, or its file says. `nextTryMs` where it is to be looked at again. */
export interface BatchContent {
  readonly file: FileState
  readonly anchoring: 'projects' | 'roots'
  readonly nextTryMs?: number | undefined
  readonly bytes?: number | undefined
  readonly submissions?: number | undefined
  readonly submissionsRoot?: string | undefined
  readonly cidsRoot?: string | undefined
  readonly entries: readonly BatchEntry[]
  readonly slots: readonly { readonly slotId: SlotId; readonly votes: number; readonly winning: number }[]
  readonly outvoted: readonly { readonly position: number; readonly slotId: SlotId; readonly projectId: ProjectId }[]
}

/** A project of a batch. `votes` when the file is read. */
export interface BatchEntry {
  readonly projectId: ProjectId
  readonly snapshotCid: Cid
  readonly votes?: { readonly winning: number; readonly total: number } | undefined
}

export interface WantedSnapshot {
  readonly snapshotCid: Cid
  /** The newest epoch that it won. */
  readonly epochId: EpochId
  readonly attempts: number
}

/** `text` is the snapshot, byte for byte; `not_json` are bytes that are none, or too large to be one. */
const CONTENT_STATES = ['here', 'waiting', 'unavailable', 'not_json'] as const
export type ContentState = (typeof CONTENT_STATES)[number]
export type SnapshotContent = { readonly snapshotCid: Cid } & (
  | { readonly state: 'here'; readonly text: string }
  | { readonly state: 'not_json' }
  | { readonly state: 'unavailable'; readonly nextTryMs: number }
)

// --- reading ---------------------------------------------------------------------------------------------------------------

export interface IndexReads {
  /** From where to where it reaches: as quick in a long history as in a short one. */
  bounds(): Promise<Bounds>
  /** What it holds, counted: that takes the longer the more there is, so that whoever answers many asks now and then. */
  summary(): Promise<Summary>
  /** By id, after `after`. `search`: a part of the id; `type`, `source`: all of it; in any case of letters. */
  projects(query: ProjectsQuery): Promise<readonly ProjectRow[]>
  project(projectId: ProjectId): Promise<ProjectRow | undefined>
  /** A project's data points, one an epoch, by epoch. */
  points(query: PointsQuery): Promise<readonly PointRow[]>
  /** An epoch's, by project. */
  epochPoints(query: { readonly epochId: EpochId; readonly after?: string | undefined } & ContentQuery): Promise<readonly PointRow[]>
  /** Newest first, below `before`. */
  epochs(query: { readonly before?: number | undefined; readonly limit: number }): Promise<readonly EpochRow[]>
  epoch(epochId: EpochId): Promise<EpochRow | undefined>
  /** In the order of the chain, of place `after` + 1 on. */
  batches(query: { readonly epochId: EpochId; readonly after?: number | undefined; readonly limit: number }): Promise<readonly BatchRow[]>
  /** Without an epoch, in the newest that has it. */
  batch(batchCid: string, epochId?: EpochId): Promise<BatchRow | undefined>
  /** Votes that lost, by batch and place in its file. */
  outvoted(query: OutvotedQuery): Promise<readonly OutvotedRow[]>
  /** What became of a slot's votes, newest epoch first, below `before`. */
  slotEpochs(query: {
    readonly slotId: SlotId
    readonly before?: number | undefined
    readonly limit: number
  }): Promise<readonly SlotEpochRow[]>
  /** In the order given; at most `SLOTS_MAX`. */
  slots(slotIds: readonly SlotId[]): Promise<readonly SlotRow[]>
  /** Of the last `batches` that are decided. */
  validators(batches: number): Promise<readonly ValidatorRow[]>
  /** What became known after `after`, in order. */
  changes(query: { readonly after: number; readonly limit: number }): Promise<readonly Change[]>
}

/** Slots that are told of at once. */
export const SLOTS_MAX = 1_000
/** Epochs that `recent` and `streak` look back: many slots are told of at once. */
export const RECENT_EPOCHS = 100
/** Changes that are remembered. A reader that is further behind begins anew. */
export const CHANGES_MAX = 100_000
/** Blocks of `knownBlocks`. */
export const KNOWN_BLOCKS_MAX = 256

export interface Bounds {
  /** Another in every database: a place in `changes` means nothing in another one. */
  readonly indexId: string
  readonly indexed?: { readonly block: BlockNumber; readonly contractNumber: ContractNumber; readonly at: number } | undefined
  /** Released ones; older than `oldestEpochId` are those before the market, and those let go of. */
  readonly oldestEpochId?: EpochId | undefined
  readonly newestEpochId?: EpochId | undefined
  /** The oldest and the newest that `changes` still has: 0 while there are none. */
  readonly firstChange: number
  readonly lastChange: number
}

export interface Summary extends Bounds {
  readonly epochs: number
  readonly projects: number
  readonly points: number
  readonly unavailable: number
  /** Batches whose file or list is not read yet. */
  readonly unreadBatches: number
  /** Bytes on disk. */
  readonly bytes: number
}

export interface ProjectsQuery {
  readonly search?: string | undefined
  readonly type?: string | undefined
  readonly source?: string | undefined
  readonly after?: string | undefined
  readonly limit: number
}

export interface ProjectRow {
  readonly projectId: ProjectId
  readonly projectType: string
  readonly dataSource?: string | undefined
  readonly namespace: string
  readonly firstEpochId: EpochId
  readonly lastEpochId: EpochId
  readonly lastFinalizedEpochId?: EpochId | undefined
}

interface ContentQuery {
  readonly limit: number
  /** Whether rows carry the snapshot's text. */
  readonly text?: boolean | undefined
}

export interface PointsQuery extends ContentQuery {
  readonly projectId: ProjectId
  /** Epochs, both included. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly order: 'ascending' | 'newest_first'
  readonly isFinalized?: true | undefined
}

export type RowStatus = 'pending' | 'finalized' | 'disputed'

/** A project in an epoch: of several batches that hold it, the final one, else the last that nobody refuted, else the last. */
export interface PointRow {
  readonly projectId: ProjectId
  readonly epochId: EpochId
  readonly status: RowStatus
  readonly begin: BlockNumber
  readonly end: BlockNumber
  readonly releasedAt: number
  readonly snapshotCid: Cid
  readonly batchCid: Cid
  readonly finalizedBlock?: BlockNumber | undefined
  readonly finalizedAt?: number | undefined
  readonly votes?: { readonly winning: number; readonly total: number } | undefined
  readonly content: ContentState
  readonly text?: string | undefined
}

export interface EpochRow {
  readonly epochId: EpochId
  readonly begin: BlockNumber
  readonly end: BlockNumber
  readonly day?: number | undefined
  readonly releasedBlock: BlockNumber
  /** That of the same block for contracts. */
  readonly releasedContractNumber: ContractNumber
  readonly releasedAt: number
  readonly endedBlock?: BlockNumber | undefined
  readonly endedAt?: number | undefined
  readonly finalizedAt?: number | undefined
  /** What became of the batches that came so far: whether more of them may come is `endedBlock`, and a matter of windows. */
  readonly status: 'pending' | 'finalized' | 'disputed' | 'empty'
  readonly batches: number
  readonly projects: number
  readonly finalizedProjects: number
  readonly submissions: number
  readonly slots: number
  readonly outvotedSlots: number
  /** Batches of which it is not known which projects they hold. */
  readonly unreadBatches: number
}

export interface BatchRow {
  readonly batchNo: BatchNo
  readonly batchCid: Cid
  readonly epochId: EpochId
  readonly index: number
  readonly status: RowStatus
  readonly anchoring: 'projects' | 'roots'
  readonly submittedBlock: BlockNumber
  readonly submittedAt: number
  readonly finalizedBlock?: BlockNumber | undefined
  readonly finalizedAt?: number | undefined
  readonly attestations: readonly {
    readonly validator: Address
    readonly block: BlockNumber
    readonly at: number
    readonly isLate: boolean
  }[]
  readonly file: FileState
  readonly projects?: number | undefined
  readonly submissions?: number | undefined
  readonly bytes?: number | undefined
  readonly submissionsRoot?: string | undefined
  readonly cidsRoot?: string | undefined
}

export interface OutvotedQuery {
  readonly epochId: EpochId
  /** The place of its batch in the epoch, and its own in the file: the same in every index. */
  readonly after?: { readonly index: number; readonly position: number } | undefined
  readonly limit: number
}

/** The vote itself stands in the file of the batch, at this place. */
export interface OutvotedRow {
  readonly index: number
  readonly batchCid: Cid
  readonly position: number
  readonly slotId: SlotId
  readonly projectId: ProjectId
}

export interface SlotEpochRow {
  readonly epochId: EpochId
  readonly at: number
  readonly votes: number
  readonly winning: number
  readonly outvoted: readonly ProjectId[]
}

export interface SlotRow {
  readonly slotId: SlotId
  readonly lastEpochId?: EpochId | undefined
  /** Of the last `RECENT_EPOCHS` of which the sequencer has said that it is done, those whose batch files are all read: what it never finished, or nobody served yet, is no slot's fault. */
  readonly recent: { readonly epochs: number; readonly voted: number; readonly votes: number; readonly winning: number }
  readonly streak: number
}

export interface ValidatorRow {
  readonly validator: Address
  readonly attested: number
  readonly late: number
  readonly batches: number
  readonly lastAt?: number | undefined
}

/** `point`: it may have another status, or text. `undone`: the chain took back what was told of it. `epoch`: something of it has changed. */
export type Change = { readonly seq: number; readonly epochId: EpochId } & (
  | { readonly kind: 'point' | 'undone'; readonly projectId: ProjectId }
  | { readonly kind: 'epoch' }
)
