import type { Cid, ContractNumber, EpochId } from '#domain/ids.ts'
import { isBatchWindowOver, type LaterWindows } from '#domain/window.ts'
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

/** What the chain is asked for to say whether more batches of an epoch may come. */
type Openness = Pick<AnchorChain, 'isEpochEnded' | 'epochInfo' | 'head' | 'market'>

/** Whether batches of a released epoch may still come, apart from those that correct refuted ones: it is not declared ended, nor is the window of its release over. Throws as the chain does. */
export async function isOpenToBatches(epochId: EpochId, chain: Openness): Promise<boolean> {
  return (await openToBatches([epochId], chain)).length > 0
}

/** Those of the epochs of which that is so, in their order: head and market are asked once for all. Throws as the chain does. */
export async function openToBatches(epochIds: readonly EpochId[], chain: Openness): Promise<readonly EpochId[]> {
  const [head, market] = await Promise.all([chain.head(), chain.market()])
  const isOpen = await Promise.all(
    epochIds.map(async (epochId) => {
      if (await chain.isEpochEnded(epochId)) return false
      const { contractNumber } = await chain.epochInfo(epochId)
      return isOpenAt(contractNumber, head.contractNumber, market)
    }),
  )
  return epochIds.filter((_, index) => isOpen[index])
}

/** The same of one that is not declared ended; `released` is 0 where it was not. */
const isOpenAt = (released: ContractNumber, head: ContractNumber, market: LaterWindows): boolean =>
  released > 0 && !isBatchWindowOver(released, head, market)

function statusOf({ isFinalized, isRefused }: OpenBatch): DataStatus {
  if (isFinalized) return 'finalized'
  return isRefused === true ? 'disputed' : 'pending'
}
