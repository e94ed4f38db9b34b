import type { SnapshotContent, WantedSnapshot } from '#io/database/port.ts'
import { pauseMs } from '#life/backoff.ts'
import { isUnreadable, SNAPSHOT_BYTES_MAX } from '#life/keep.ts'
import { isSnapshotText } from '#wire/snapshot-text.ts'
import { unlessThrown } from '#wire/untrusted.ts'
import { workLanes } from './lanes.ts'
import { type ReadingDeps, RETRY_BACKOFF, timeoutMs } from './reading.ts'

const AT_ONCE_MAX = 32
const RETRIES_MAX = 8
/** Written in one transaction. */
const PUT_MAX = 256

/** Fetches every winning snapshot, keeps it, so that it is served from here too (G8), and takes its text into the tables. */
export function readSnapshots(deps: ReadingDeps, signal: AbortSignal): Promise<never> {
  const put = createGroups(deps)
  return workLanes(
    {
      wanted: deps.database.wantedSnapshots,
      keyOf: ({ snapshotCid }) => snapshotCid,
      isRetry: ({ attempts }) => attempts > 0,
      atOnceMax: AT_ONCE_MAX,
      retriesMax: RETRIES_MAX,
      work: async (wanted) => put(await readSnapshot(wanted, deps, signal)),
    },
    deps,
    signal,
  )
}

async function readSnapshot(
  { snapshotCid, epochId, attempts }: WantedSnapshot,
  deps: ReadingDeps,
  signal: AbortSignal,
): Promise<SnapshotContent> {
  try {
    const bytes = await deps.ipfs.get(snapshotCid, { bytesMax: SNAPSHOT_BYTES_MAX, timeoutMs: timeoutMs(attempts), signal })
    await deps.ipfs.pin(snapshotCid, epochId)
    const text = unlessThrown(() => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return text === undefined || !isSnapshotText(text) ? { snapshotCid, state: 'not_json' } : { snapshotCid, state: 'here', text }
  } catch (failure) {
    signal.throwIfAborted()
    // That there is no room here says nothing of who serves it: all of the index waits (A6).
    if (!isUnreadable(failure) || failure.code === 'STORE_FULL') throw failure
    if (failure.code === 'ID_MALFORMED' || failure.code === 'IPFS_CONTENT_TOO_LARGE') return { snapshotCid, state: 'not_json' }
    return { snapshotCid, state: 'unavailable', nextTryMs: deps.clock.nowMs() + pauseMs(RETRY_BACKOFF, attempts + 1, deps.random) }
  }
}

/** What comes while something is written is written next, in one go. */
function createGroups({ database, bell }: ReadingDeps) {
  const waiting: SnapshotContent[] = []
  let writing: Promise<void> | undefined
  async function write(): Promise<void> {
    // Others of the same turn come along.
    await undefined
    try {
      while (waiting.length > 0) {
        await database.putSnapshots(waiting.splice(0, PUT_MAX))
        bell.ring()
      }
    } finally {
      writing = undefined
    }
  }
  return (snapshot: SnapshotContent): Promise<void> => {
    waiting.push(snapshot)
    writing ??= write()
    return writing
  }
}
