import type { AggregateCompute, JsonValue } from 'weft/compute'
import { DAY_SECONDS } from './volume-24h.ts'

type Input = Pick<Parameters<AggregateCompute['aggregate']>[0], 'epoch' | 'projectId' | 'history' | 'epochsIn'>

/** What the aggregate itself said a day ago; `undefined` when it did not exist then, or said nothing. */
export async function dayAgo({ epoch, projectId, history, epochsIn }: Input): Promise<JsonValue | undefined> {
  const epochId = epoch.epochId - epochsIn(DAY_SECONDS)
  const first = await history.firstEpochId(projectId)
  return first === undefined || epochId < first ? undefined : history.snapshot(projectId, epochId)
}

/** In percent of what was then; 0 where there was nothing then, for nothing can be said of that. */
export const changeInPercent = (now: number, then: number | undefined): number =>
  then === undefined || then === 0 ? 0 : ((now - then) / then) * 100
