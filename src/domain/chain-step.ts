import type { Address, BlockNumber, Cid, ContractNumber, EpochId, Hash, ProjectId, SlotId } from './ids.ts'

/** A block's place in its chain. `timestamp` is in seconds since the Unix epoch; `contractNumber` never falls from block to block, and may stay. */
export interface BlockRef {
  readonly number: BlockNumber
  readonly contractNumber: ContractNumber
  readonly hash: Hash
  readonly parentHash: Hash
  readonly timestamp: number
}

/**
 * What the contracts told about one data market (spec/contracts.md §9), in log order. `batchCid` is always the text,
 * taken from the market's own event where ProtocolState only indexes its hash.
 */
export type ProtocolEvent = { readonly block: BlockRef; readonly logIndex: number; readonly transactionHash: Hash } & (
  | { readonly kind: 'EpochReleased'; readonly epochId: EpochId; readonly begin: BlockNumber; readonly end: BlockNumber }
  // The epoch released in the same transaction is the first of that day.
  | { readonly kind: 'DayStartedEvent'; readonly day: number }
  | { readonly kind: 'SnapshotBatchSubmitted'; readonly epochId: EpochId; readonly batchCid: Cid }
  | { readonly kind: 'DelayedBatchSubmitted'; readonly epochId: EpochId; readonly batchCid: Cid }
  | { readonly kind: 'BatchSubmissionsCompleted'; readonly epochId: EpochId }
  | { readonly kind: 'SnapshotBatchAttestationSubmitted'; readonly epochId: EpochId; readonly batchCid: Cid; readonly validator: Address }
  | { readonly kind: 'DelayedAttestationSubmitted'; readonly epochId: EpochId; readonly batchCid: Cid; readonly validator: Address }
  | { readonly kind: 'SnapshotFinalized'; readonly epochId: EpochId; readonly projectId: ProjectId; readonly snapshotCid: Cid }
  | { readonly kind: 'SnapshotBatchFinalized'; readonly epochId: EpochId; readonly batchCid: Cid }
  | { readonly kind: 'TriggerBatchResubmission'; readonly epochId: EpochId; readonly batchCid: Cid }
  | { readonly kind: 'SnapshotterAddressChanged'; readonly slotId: SlotId; readonly signer: Address }
  // The slot is gone for good; the contract announces no change of signer with it.
  | { readonly kind: 'NodeBurned'; readonly slotId: SlotId }
)

/** One step along the canonical chain. After `rollback` every block above `to` is void and what was derived from it must be undone. */
export type ChainStep =
  | { readonly kind: 'block'; readonly block: BlockRef; readonly events: readonly ProtocolEvent[] }
  | { readonly kind: 'rollback'; readonly to: BlockRef }
