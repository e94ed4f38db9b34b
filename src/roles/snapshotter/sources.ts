import type { SnapshotHistory } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { EpochHistory } from './history.ts'
import type { BuiltOn, Source } from './records.ts'

/** Sources that a record names: of a day of epochs each second there are 86,400. */
const SOURCES_MAX = 128

/** The history as one aggregate reads it, and what it has read. */
export interface UsedHistory {
  readonly history: SnapshotHistory
  /** `undefined` when it asked for nothing, or there was nothing. */
  builtOn(): BuiltOn | undefined
  /** The failure that says which earlier epoch was waited for in vain; `undefined` when none is. */
  missing(): WeftError | undefined
}

export function useHistory(history: EpochHistory): UsedHistory {
  const own = new Map<string, Source>()
  const finalized = new Map<string, Source>()
  let count = 0
  const asking = new Map<string, { readonly projectId: string; readonly epochId: number }>()

  function note(key: string, source: Source): void {
    const sources = source.isOwn ? own : finalized
    if (sources.has(key)) return
    count += 1
    sources.set(key, source)
    // Read from the oldest on, as the order of aggregates is.
    if (sources.size > SOURCES_MAX) sources.delete(sources.keys().next().value as string)
  }

  return {
    history: {
      firstEpochId: history.firstEpochId,
      async snapshot(projectId, epochId) {
        const key = `${epochId} ${projectId}`
        asking.set(key, { projectId, epochId })
        const earlier = await history.snapshot(projectId, epochId)
        asking.delete(key)
        if (earlier !== undefined) note(key, earlier.source)
        return earlier?.snapshot
      },
    },
    builtOn() {
      if (count === 0) return undefined
      const sources = [...newestFirst(own), ...newestFirst(finalized)].slice(0, SOURCES_MAX)
      return { asOf: history.releaseBlock, count, sources }
    },
    missing() {
      for (const { projectId, epochId } of asking.values()) {
        const detail = history.waitsFor(projectId, epochId)
        if (detail !== undefined) return new WeftError('HISTORY_MISSING', { projectId, epochId, detail })
      }
      return undefined
    },
  }
}

const newestFirst = (sources: ReadonlyMap<string, Source>): Source[] =>
  [...sources.values()].sort((left, right) => right.epochId - left.epochId)
