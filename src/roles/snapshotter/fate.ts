import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { VoteFate } from '#domain/submission.ts'
import type { Store } from '#io/store/port.ts'
import { openRecords } from './records.ts'

interface HandedVote {
  readonly epochId: EpochId
  readonly projectId: ProjectId
  readonly slotId: SlotId
  readonly snapshotCid: Cid
}

/** As the snapshotter's store has it once the epoch is concluded (N19); `undefined` before, and of a vote that is not its own. */
export function fateOf({ epochId, projectId, slotId, snapshotCid }: HandedVote, store: Store): VoteFate | undefined {
  const records = openRecords(store)
  const outcome = records.outcome(epochId, projectId)
  const isOwn =
    records.project(epochId, projectId)?.snapshotCid === snapshotCid &&
    records.handedOver(epochId, projectId).some((handed) => handed.slotId === slotId)
  if (!isOwn || outcome?.leftOut === undefined) return undefined
  if (!outcome.leftOut.includes(slotId)) return 'included'
  // Where nothing was finalized, that says it for all of them.
  return outcome.verdict === 'none' ? undefined : 'missing'
}
