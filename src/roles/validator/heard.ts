import type { BatchedSubmission } from '#domain/batch.ts'
import type { EpochId, SlotId } from '#domain/ids.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import { decodeSubmission, encodeSubmission } from '#wire/submission-proto.ts'
import { HEARD_PREFIX, heardKey, heardsPrefix } from './keys.ts'

/** Votes of one slot in an epoch that are kept, whatever the market allows: a full node of the largest market known votes on a few hundred projects. */
const HEARD_PER_SLOT_MAX = 1_000
/** Votes of an epoch that are kept, about 50 MB: what 5,000 peers with twenty projects each send. */
const HEARD_PER_EPOCH_MAX = 100_000
/** Removed in one go. */
const STEP_LENGTH = 64
/** Of an id, a UUID, in front of the submission. */
const ID_BYTES = 36

/** What became of a vote; `writes` are to be durable before it is answered. */
export interface Recorded {
  readonly code: 'accepted' | 'duplicate' | Extract<Rejection, 'vote_conflict' | 'quota_exceeded'>
  readonly writes: readonly StoreWrite[]
}

/** The votes that a validator heard itself: of each slot the first for a project, of open epochs, in bounded space (V16). */
export interface Heard {
  /** Checks and records in one synchronous step. The caller has verified the vote. */
  record(vote: BatchedSubmission, projectsPerSlotMax: number): Recorded
  of(epochId: EpochId): readonly BatchedSubmission[]
  /** Removes those of all epochs before this one, in small steps; at once when that was asked for before. */
  letGo(oldest: EpochId): Promise<void>
}

interface EpochHeard {
  readonly votes: Map<string, BatchedSubmission>
  readonly perSlot: Map<SlotId, number>
}

export function createHeard(store: Store): Heard {
  const open = new Map<EpochId, EpochHeard>()
  let kept = 0

  /** Reads back what an earlier process heard, at the first question about the epoch. */
  function heardIn(epochId: EpochId): EpochHeard {
    const known = open.get(epochId)
    if (known !== undefined) return known
    const heard: EpochHeard = { votes: new Map(), perSlot: new Map() }
    for (const { key, value } of store.scan(heardsPrefix(epochId))) keep(heard, key, decode(value))
    open.set(epochId, heard)
    return heard
  }

  return {
    record(vote, projectsPerSlotMax) {
      const { epochId, projectId, slotId, snapshotCid } = vote.submission.request
      const heard = heardIn(epochId)
      const key = heardKey(epochId, projectId, slotId)
      const first = heard.votes.get(key)?.submission.request.snapshotCid
      if (first !== undefined) return { code: first === snapshotCid ? 'duplicate' : 'vote_conflict', writes: [] }
      const isFull = (heard.perSlot.get(slotId) ?? 0) >= Math.min(projectsPerSlotMax, HEARD_PER_SLOT_MAX)
      if (isFull || heard.votes.size >= HEARD_PER_EPOCH_MAX) return { code: 'quota_exceeded', writes: [] }
      keep(heard, key, vote)
      return { code: 'accepted', writes: [{ key, value: encode(vote) }] }
    },
    of: (epochId) => [...heardIn(epochId).votes.values()],
    async letGo(oldest) {
      if (oldest <= kept) return
      kept = oldest
      for (const epochId of open.keys()) if (epochId < oldest) open.delete(epochId)
      for (;;) {
        const gone = store.scan(HEARD_PREFIX, { limit: STEP_LENGTH }).filter(({ key }) => key < heardsPrefix(oldest))
        if (gone.length === 0) return
        await store.commit(gone.map(({ key }) => ({ key })))
      }
    },
  }
}

/** Without the bytes that it came in: whoever sent it says how many those are. */
function keep({ votes, perSlot }: EpochHeard, key: string, { submissionId, submission }: BatchedSubmission): void {
  const { slotId } = submission.request
  votes.set(key, { submissionId, submission })
  perSlot.set(slotId, (perSlot.get(slotId) ?? 0) + 1)
}

function encode({ submissionId, submission }: BatchedSubmission): Uint8Array {
  const payload = encodeSubmission(submission)
  const bytes = new Uint8Array(ID_BYTES + payload.length)
  new TextEncoder().encodeInto(submissionId, bytes)
  bytes.set(payload, ID_BYTES)
  return bytes
}

/** What was verified once is not verified again: the store is ours. */
function decode(bytes: Uint8Array): BatchedSubmission {
  const submission = decodeSubmission(bytes.subarray(ID_BYTES))
  if (submission === undefined) throw new Error('a stored vote no longer decodes: the store was written by another version')
  return { submissionId: new TextDecoder().decode(bytes.subarray(0, ID_BYTES)), submission }
}
