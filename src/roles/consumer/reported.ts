import type { Cid } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { batchesUpTo, type DataPoint, isOnChain, type ListedBatch, type OpenBatch, type ReadFile } from './find-batch.ts'

/** What the chain says of a data point. `pending`: its batch is not decided; `disputed`: the validators refused it and asked for another. */
export type DataStatus = 'absent' | 'pending' | 'disputed' | 'finalized'

export interface Reported {
  /** `undefined` when it cannot be told: no file that can be read has the project, and not all can. */
  readonly status: DataStatus | undefined
  /** Empty when absent or untold. */
  readonly snapshotCid: Cid
  /** The epoch's batches up to the one that speaks for the project; text when there are too many. */
  readonly listed: readonly ListedBatch[] | string
}

/**
 * What stands on chain of a data point. The contract names its CID, unless the batch is anchored by its roots: then its file does, which is
 * looked for among those of the epoch and is worth what the anchored roots are (G8). That costs the reading of each of them up to the one.
 */
export async function reportedOf(point: DataPoint, chain: AnchorChain, readFile: ReadFile): Promise<Reported> {
  const { status, snapshotCid } = await chain.snapshotStatus(point.projectId, point.epochId)
  const isNamed = status !== 'absent'
  const listed = await batchesUpTo(point, chain, isNamed ? undefined : readFile)
  const last = typeof listed === 'string' ? undefined : listed.findLast(isOnChain)
  if (isNamed)
    return { status: status === 'pending' && last?.isRefused === true ? 'disputed' : status, snapshotCid: snapshotCid as Cid, listed }
  const index = last?.projectIds.indexOf(point.projectId) ?? -1
  if (last === undefined || index < 0) {
    const isUntold = typeof listed !== 'string' && listed.some((batch) => 'mayHold' in batch)
    return { status: isUntold ? undefined : 'absent', snapshotCid: '' as Cid, listed }
  }
  return { status: statusOf(last), snapshotCid: last.snapshotCids[index] as Cid, listed }
}

function statusOf({ isFinalized, isRefused }: OpenBatch): DataStatus {
  if (isFinalized) return 'finalized'
  return isRefused === true ? 'disputed' : 'pending'
}
