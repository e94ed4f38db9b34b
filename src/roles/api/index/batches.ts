import { isWeftError, toldOf } from '#domain/errors.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { BatchContent, WantedBatch } from '#io/database/port.ts'
import { pauseMs } from '#life/backoff.ts'
import { isUnreadable } from '#life/keep.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { contentOf, contentWithout } from './batch-content.ts'
import { workLanes } from './lanes.ts'
import { type ReadingDeps, RETRY_BACKOFF, timeoutMs } from './reading.ts'

/** Files of 64 MiB at most. */
const AT_ONCE_MAX = 4
const RETRIES_MAX = 2

export interface BatchesDeps extends ReadingDeps {
  readonly chain: Pick<AnchorChain, 'batch'>
}

/** Reads what chain and file say of every batch, keeps the file, and tries again what cannot be had. */
export function readBatches(deps: BatchesDeps, signal: AbortSignal): Promise<never> {
  const { database } = deps
  return workLanes(
    {
      wanted: database.wantedBatches,
      keyOf: ({ batchNo }) => batchNo,
      isRetry: ({ attempts }) => attempts > 0,
      atOnceMax: AT_ONCE_MAX,
      retriesMax: RETRIES_MAX,
      async work(batch) {
        await database.putBatch(batch.batchNo, await readBatch(batch, deps, signal))
        deps.bell.ring()
      },
    },
    deps,
    signal,
  )
}

async function readBatch(batch: WantedBatch, deps: BatchesDeps, signal: AbortSignal): Promise<BatchContent> {
  const { epochId, batchCid, attempts } = batch
  const nextTryMs = deps.clock.nowMs() + pauseMs(RETRY_BACKOFF, attempts + 1, deps.random)
  const later: BatchContent = { file: 'waiting', anchoring: 'projects', entries: [], slots: [], outvoted: [], nextTryMs }
  let anchored: Awaited<ReturnType<AnchorChain['batch']>>
  try {
    anchored = await deps.chain.batch(epochId, batchCid)
  } catch (failure) {
    signal.throwIfAborted()
    // An endpoint that does not answer, or a batch of which it tells nonsense: none of them keeps the others waiting.
    if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
    deps.report('will_try_again', { ...toldOf(failure), doing: 'read_batch', pauseMs: nextTryMs - deps.clock.nowMs() })
    return later
  }
  // A node that has not seen the block, or a reorganisation that is about to be heard of.
  if (anchored === undefined) return later
  try {
    const bytes = await deps.ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: timeoutMs(attempts), signal })
    const content = await contentOf({ epochId, anchored }, bytes, () => deps.clock.sleep(0, signal))
    if (content.file === 'read') await deps.ipfs.pin(batchCid, epochId)
    else deps.report('batch_malformed', { epochId, batchCid })
    return content
  } catch (failure) {
    signal.throwIfAborted()
    // That there is no room here says nothing of who serves it: all of the index waits (A6).
    if (!isUnreadable(failure) || failure.code === 'STORE_FULL') throw failure
    const isHopeless = failure.code === 'ID_MALFORMED' || failure.code === 'IPFS_CONTENT_TOO_LARGE'
    return isHopeless ? contentWithout(anchored, 'malformed') : contentWithout(anchored, 'unavailable', nextTryMs)
  }
}
