import type { JsonValue, SnapshotHistory } from 'weft/compute'

export const DAY_SECONDS = 86_400

/** What the project itself said a day ago; `undefined` when it does not reach back so far, or said nothing. */
export async function ownDayAgo(
  history: SnapshotHistory,
  { projectId, epochId, dayEpochs }: { readonly projectId: string; readonly epochId: number; readonly dayEpochs: number },
): Promise<JsonValue | undefined> {
  const tail = epochId - dayEpochs
  const first = await history.firstEpochId(projectId)
  return first !== undefined && first <= tail && tail < epochId ? history.snapshot(projectId, tail) : undefined
}

/** In percent of what it was; 0 when it was 0, of which nothing is a share. */
export function changePercent(now: number, then: number): number {
  return then === 0 ? 0 : ((now - then) / then) * 100
}
