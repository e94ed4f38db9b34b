import type { JsonValue, SnapshotHistory } from './compute.ts'

/** Snapshots read at a time: a day can have 7,200 epochs, each perhaps one request. */
const READS_AT_ONCE = 32

/** What a window holds besides the present epoch. */
export interface Earlier {
  /** Ascending; epochs without data are left out. */
  readonly snapshots: readonly JsonValue[]
  /** Whether the project reaches back to the window's beginning, and no epoch of it ended without data. */
  readonly isWhole: boolean
}

/** A project's snapshots of the `windowEpochs` epochs before `epochId`. */
export async function earlierInWindow(
  history: SnapshotHistory,
  { projectId, epochId, windowEpochs }: { readonly projectId: string; readonly epochId: number; readonly windowEpochs: number },
): Promise<Earlier> {
  const tail = epochId - windowEpochs
  const first = (await history.firstEpochId(projectId)) ?? epochId
  const snapshots: (JsonValue | undefined)[] = []
  for (let start = Math.max(tail, first); start < epochId; start += READS_AT_ONCE) {
    const epochIds = Array.from({ length: Math.min(READS_AT_ONCE, epochId - start) }, (_, index) => start + index)
    snapshots.push(...(await Promise.all(epochIds.map((each) => history.snapshot(projectId, each)))))
  }
  return { snapshots: snapshots.filter((snapshot) => snapshot !== undefined), isWhole: first <= tail && !snapshots.includes(undefined) }
}
