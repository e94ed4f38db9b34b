import type { BlockNumber, Cid, EpochId, Hash } from '#domain/ids.ts'
import type { BATCH_REASONS } from '#domain/reasons.ts'
import type { Store } from '#io/store/port.ts'
import { letGoOfEntries } from '#life/retention.ts'
import {
  BATCHES_PREFIX,
  batchesPrefix,
  batchKey,
  CURSOR_KEY,
  EVIDENCE_PREFIX,
  evidenceKey,
  evidencesPrefix,
  UNPUBLISHED_PREFIX,
  unpublishedKey,
  unpublishedsPrefix,
} from './keys.ts'
import type { Findings } from './recheck.ts'

/** Why a batch has no attestation from here. */
export type BatchReason = keyof typeof BATCH_REASONS | ''

/**
 * What became of one batch. `attested`: this validator's word is on chain. `withheld`: there is no root to attest.
 * `missed`: it was not read in time. Only these ends are written down; a batch without a record is taken up again after a restart.
 */
export interface BatchRecord {
  readonly epochId: EpochId
  readonly batchCid: Cid
  readonly state: 'attested' | 'withheld' | 'missed'
  readonly reason: BatchReason
  /** The root attested; `undefined` without one. */
  readonly root: Hash | undefined
  /** Own root differs from the sequencer's. */
  readonly isDivergent: boolean
  /** Attested after the attestation window. */
  readonly isLate: boolean
  readonly failureCount: number
  /** Where the evidence is on IPFS; `undefined` when nothing failed. */
  readonly evidenceCid: Cid | undefined
}

export interface Evidence extends Omit<Findings, 'traces'> {
  readonly batchCid: Cid
  readonly epochId: EpochId
}

/** Evidence that is not on IPFS yet. */
export interface Unpublished {
  readonly epochId: EpochId
  readonly batchCid: Cid
  /** Since it was judged. */
  readonly attempts: number
}

/** The validator's durable memory, apart from its guards. */
export interface Journal {
  batch(epochId: EpochId, batchCid: Cid): BatchRecord | undefined
  batches(epochId: EpochId): readonly BatchRecord[]
  /** Durable when it resolves. */
  note(record: BatchRecord): Promise<void>
  noteEvidence(evidence: Evidence): Promise<Uint8Array>
  evidence(epochId: EpochId, batchCid: Cid): Evidence | undefined
  evidenceBytes(epochId: EpochId, batchCid: Cid): Uint8Array | undefined
  noteUnpublished(unpublished: Unpublished): Promise<void>
  /** The oldest of them. */
  unpublished(countMax: number): readonly Unpublished[]
  /** As `note`; its evidence is unpublished no more. */
  notePublished(record: BatchRecord): Promise<void>
  cursor(): BlockNumber | undefined
  saveCursor(block: BlockNumber): Promise<void>
  /** Removes records and evidence of epochs before `oldest`, as a `Shelf` does. */
  letGo(oldest: EpochId, countMax: number): Promise<number>
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const toBytes = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value))
const fromBytes = <Value>(bytes: Uint8Array): Value => JSON.parse(decoder.decode(bytes)) as Value

export function createJournal({ store }: { readonly store: Store }): Journal {
  function read<Value>(key: string): Value | undefined {
    const bytes = store.get(key)
    return bytes === undefined ? undefined : fromBytes<Value>(bytes)
  }

  return {
    batch: (epochId, batchCid) => read(batchKey(epochId, batchCid)),
    batches: (epochId) => store.scan(batchesPrefix(epochId)).map(({ value }) => fromBytes<BatchRecord>(value)),
    note: (record) => store.commit([{ key: batchKey(record.epochId, record.batchCid), value: toBytes(record) }]),
    async noteEvidence(evidence) {
      const bytes = toBytes(evidence)
      await store.commit([{ key: evidenceKey(evidence.epochId, evidence.batchCid), value: bytes }])
      return bytes
    },
    evidence: (epochId, batchCid) => read(evidenceKey(epochId, batchCid)),
    evidenceBytes: (epochId, batchCid) => store.get(evidenceKey(epochId, batchCid)),
    noteUnpublished: (each) => store.commit([{ key: unpublishedKey(each.epochId, each.batchCid), value: toBytes(each) }]),
    unpublished: (countMax) => store.scan(UNPUBLISHED_PREFIX, { limit: countMax }).map(({ value }) => fromBytes<Unpublished>(value)),
    notePublished: (record) =>
      store.commit([
        { key: batchKey(record.epochId, record.batchCid), value: toBytes(record) },
        { key: unpublishedKey(record.epochId, record.batchCid) },
      ]),
    cursor: () => read(CURSOR_KEY),
    saveCursor: (block) => store.commit([{ key: CURSOR_KEY, value: toBytes(block) }]),
    letGo: (oldest, countMax) =>
      letGoOfEntries(
        [
          { prefix: BATCHES_PREFIX, end: batchesPrefix(oldest) },
          { prefix: EVIDENCE_PREFIX, end: evidencesPrefix(oldest) },
          { prefix: UNPUBLISHED_PREFIX, end: unpublishedsPrefix(oldest) },
        ],
        countMax,
        store,
      ),
  }
}
