import type { SnapshotHistory } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { Earlier, EpochHistory } from './history.ts'
import type { BuiltOn, Source } from './records.ts'

/** Sources that a record names: of a day of epochs each second there are 86,400. */
export const SOURCES_MAX = 128

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
  /** How many each range had that were remembered: asked for again they are the same. */
  const remembered = new Map<string, number>()
  const asking = new Map<string, { readonly projectId: string; readonly epochId: number }>()

  function note(key: string, source: Source): void {
    const sources = source.isOwn ? own : finalized
    if (sources.has(key)) return
    count += 1
    sources.set(key, source)
    // Read from the oldest on, as the order of aggregates is.
    if (sources.size > SOURCES_MAX) sources.delete(sources.keys().next().value as string)
  }

  async function read(projectId: string, epochId: number): Promise<Earlier | undefined> {
    const key = `${epochId} ${projectId}`
    asking.set(key, { projectId, epochId })
    const earlier = await history.snapshot(projectId, epochId)
    asking.delete(key)
    if (earlier !== undefined) note(key, earlier.source)
    return earlier
  }

  return {
    history: {
      firstEpochId: history.firstEpochId,
      snapshot: async (projectId, epochId) => (await read(projectId, epochId))?.snapshot,
      async series(range) {
        const { columns, isWhole, remembered: unread } = await history.series(range, read)
        remembered.set(`${range.projectId} ${range.from} ${range.before}`, unread)
        return { columns, isWhole }
      },
    },
    builtOn() {
      const all = [...remembered.values()].reduce((sum, each) => sum + each, count)
      if (all === 0) return undefined
      const sources = [...newestFirst(own), ...newestFirst(finalized)].slice(0, SOURCES_MAX)
      return { asOf: history.releaseBlock, count: all, sources }
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
