import pLimit from 'p-limit'
import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import { WeftError } from '#domain/errors.ts'
import type { Cid, ProjectId } from '#domain/ids.ts'
import type { BatchRow } from '#io/database/port.ts'
import type { Vote } from '#wire/api.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { readBatchFile } from '#wire/batch-file.ts'
import type { ServeDeps } from './served.ts'

/** Votes stand in batch files, which the index keeps no copy of: they are read when they are asked for. */

/** It is kept here as a rule; else those who hold it are near, or the answer says that it is not to be had. */
const FETCH_TIMEOUT_MS = 5_000
/** Files parsed and remembered, by their bytes: whoever looks at an epoch asks again and again. Parsed they take several times that, which is why not more. */
const KEPT_BYTES_MAX = BATCH_BYTES_MAX
/** Others wait: what is under way is in memory whole, too. */
const AT_ONCE_MAX = 4

export interface BatchFiles {
  /** Throws `BATCH_NOT_READ` where the index could not read it either, `IPFS_…` where it is no more to be had. */
  read(batch: Pick<BatchRow, 'batchCid' | 'file' | 'bytes'>): Promise<ReadBatch>
}

export interface ReadBatch {
  readonly submissions: Batch['submissions']
  vote(place: number): Vote | undefined
  /** Places of its votes, in the order of the file. */
  placesOf(projectId: ProjectId): readonly number[]
}

export function createBatchFiles(deps: Pick<ServeDeps, 'ipfs' | 'clock'>): BatchFiles {
  const files = new Map<Cid, { readonly parsed: Promise<ReadBatch>; readonly bytes: number }>()
  const limit = pLimit(AT_ONCE_MAX)
  const keptBytes = () => files.values().reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    async read({ batchCid, file, bytes = BATCH_BYTES_MAX }) {
      if (file !== 'read') throw new WeftError('BATCH_NOT_READ', { batchCid, file })
      const known = files.get(batchCid) ?? { parsed: limit(() => readBatch(batchCid, deps)), bytes }
      // The newest use is the last entry.
      files.delete(batchCid)
      files.set(batchCid, known)
      known.parsed.catch(() => files.delete(batchCid))
      for (const oldest of files.keys()) if (keptBytes() > KEPT_BYTES_MAX && oldest !== batchCid) files.delete(oldest)
      return known.parsed
    },
  }
}

async function readBatch(batchCid: Cid, { ipfs, clock }: Pick<ServeDeps, 'ipfs' | 'clock'>): Promise<ReadBatch> {
  const bytes = await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS })
  const parsed = await readBatchFile(bytes, batchCid, () => clock.sleep(0))
  if (!parsed.ok) throw new WeftError('BATCH_MALFORMED', { batchCid, detail: parsed.defect })
  const { submissions, projectIds, snapshotCids } = parsed.batch
  const winners = new Map(projectIds.map((projectId, index) => [projectId, snapshotCids[index]]))
  const places = Map.groupBy(submissions.keys(), (place) => (submissions[place] as BatchedSubmission).submission.request.projectId)
  return {
    submissions,
    placesOf: (projectId) => places.get(projectId) ?? [],
    vote(place) {
      const each = submissions[place]
      if (each === undefined) return undefined
      const { slotId, projectId, snapshotCid } = each.submission.request
      return { submissionId: each.submissionId, slotId, projectId, snapshotCid, isWinning: winners.get(projectId) === snapshotCid }
    },
  }
}
