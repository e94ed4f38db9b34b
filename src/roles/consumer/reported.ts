import type { Cid, EpochId } from '#domain/ids.ts'
import { isBatchWindowOver } from '#domain/window.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { batchesUpTo, type DataPoint, isOnChain, type ListedBatch, type OpenBatch, type ReadFile } from './find-batch.ts'

/** What the chain says of a data point. `pending`: its batch is not decided; `disputed`: the validators refused it and asked for another. */
export type DataStatus = 'absent' | 'pending' | 'disputed' | 'finalized'

export interface Reported {
  /** `undefined` when it cannot be told: no file that can be read has the project, and not all can. */
  readonly status: DataStatus | undefined
  /** Empty when absent or untold. */
  readonly snapshotCid: Cid
  /** More batches of the epoch may come; `false`, unasked, where the contract names the snapshot. */
  readonly isOpen: boolean
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
  // Asked before the batches are: one that comes meanwhile is among them, or more may come.
  const isOpen = !isNamed && (await isOpenToBatches(point.epochId, chain))
  const listed = await batchesUpTo(point, chain, isNamed ? undefined : readFile)
  const last = typeof listed === 'string' ? undefined : listed.findLast(isOnChain)
  if (isNamed)
    return {
      status: status === 'pending' && last?.isRefused === true ? 'disputed' : status,
      snapshotCid: snapshotCid as Cid,
      isOpen,
      listed,
    }
  const index = last?.projectIds.indexOf(point.projectId) ?? -1
  if (last === undefined || index < 0) {
    const isUntold = typeof listed !== 'string' && listed.some((batch) => 'mayHold' in batch)
    return { status: isUntold ? undefined : 'absent', snapshotCid: '' as Cid, isOpen, listed }
  }
  return { status: statusOf(last), snapshotCid: last.snapshotCids[index] as Cid, isOpen, listed }
}

/** Whether batches of a released epoch may still come, apart from those that correct refuted ones: it is not declared ended, nor is the window of its release over. Throws as the chain does. */
export async function isOpenToBatches(
  epochId: EpochId,
  chain: Pick<AnchorChain, 'isEpochEnded' | 'epochInfo' | 'head' | 'market'>,
): Promise<boolean> {
  const [isEnded, { contractNumber }, head, market] = await Promise.all([
    chain.isEpochEnded(epochId),
    chain.epochInfo(epochId),
    chain.head(),
    chain.market(),
  ])
  return !isEnded && contractNumber > 0 && !isBatchWindowOver(contractNumber, head.contractNumber, market)
}

function statusOf({ isFinalized, isRefused }: OpenBatch): DataStatus {
  if (isFinalized) return 'finalized'
  return isRefused === true ? 'disputed' : 'pending'
}
