import { EPOCH_BATCHES_MAX } from '#domain/batch.ts'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import type { BatchRow, EpochRow, OutvotedRow } from '#io/database/port.ts'
import { type Batch, type Epoch, PAGE_LENGTH, type Vote } from '#wire/api.ts'
import { type BatchFiles, createBatchFiles } from './batch-files.ts'
import { pageOf, placeOf, placesOf } from './pages.ts'
import { listAnswer } from './point-answers.ts'
import { contentOf, holdsText, readEpoch, readPoint, reasonOf } from './points.ts'
import type { Answers, ServeDeps } from './served.ts'
import type { WindowedDeps, WindowsNow } from './windows.ts'

/** The answers about epochs, their batches, and who voted for what. */
export function epochAnswers(deps: WindowedDeps) {
  const { index, windows } = deps
  const files = createBatchFiles(deps)

  async function epochOf(epochId: EpochId): Promise<EpochRow> {
    const row = await index.epoch(epochId)
    if (row === undefined) throw new WeftError('EPOCH_UNKNOWN', { epochId, newestEpochId: (await index.bounds()).newestEpochId ?? 0 })
    return row
  }
  async function batchOf(batchCid: Cid, epochId: EpochId | undefined): Promise<BatchRow> {
    const row = await index.batch(batchCid, epochId)
    if (row === undefined) throw new WeftError('BATCH_UNKNOWN', { batchCid })
    return row
  }

  return {
    async epochs({ limit = PAGE_LENGTH, cursor }) {
      const rows = await index.epochs({ before: placeOf(cursor), limit: limit + 1 })
      const now = await windows.now()
      return pageOf(rows, { limit, placeOf: (row) => row.epochId, shown: (row) => shownEpoch(row, now) })
    },
    async epoch({ epochId }) {
      const row = await epochOf(epochId)
      const batches = await index.batches({ epochId, limit: EPOCH_BATCHES_MAX })
      return { ...shownEpoch(row, await windows.now()), batchList: batches.map(shownBatch) }
    },
    async epochPoints({ data, text, ...asked }, asking) {
      const content = contentOf({ data, text }, false)
      const { rows, nextCursor } = await readEpoch(asked, { index, asking, withText: holdsText(content) })
      return listAnswer(rows, content, nextCursor)
    },
    async votes({ projectId, epochId, limit = PAGE_LENGTH, cursor }) {
      const point = await readPoint({ projectId, epochId }, { index, withText: false })
      if (point === undefined) return { items: [] }
      const file = await files.read(await batchOf(point.batchCid, epochId))
      const places = file.placesOf(projectId)
      const after = placeOf(cursor) ?? -1
      const rows = places.filter((place) => place > after).slice(0, limit + 1)
      return pageOf(rows, { limit, placeOf: (place) => place, shown: (place) => file.vote(place) as Vote })
    },
    async epochOutvoted({ epochId, limit = PAGE_LENGTH, cursor }) {
      await epochOf(epochId)
      const [place, position = 0] = placesOf(cursor, 2) ?? []
      const after = place === undefined ? undefined : { index: place, position }
      const rows = await index.outvoted({ epochId, after, limit: limit + 1 })
      const votes = await votesAt(rows, { epochId, files, index })
      return pageOf(rows, {
        limit,
        placeOf: (row) => `${row.index}.${row.position}`,
        shown: (row) => votes.get(row) as Vote,
      })
    },
    async batch({ batchCid, epoch }) {
      return shownBatch(await batchOf(batchCid, epoch))
    },
    async batchSubmissions({ batchCid, epoch, limit = PAGE_LENGTH, cursor }) {
      const { submissions, vote } = await files.read(await batchOf(batchCid, epoch))
      const from = (placeOf(cursor) ?? -1) + 1
      const rows = submissions.slice(from, from + limit + 1).map((each, offset) => ({ ...each, place: from + offset }))
      return pageOf(rows, {
        limit,
        placeOf: (row) => row.place,
        shown: (row) => ({ ...(vote(row.place) as Vote), signature: row.submission.signature }),
      })
    },
  } satisfies Partial<Answers>
}

/** From the files in which they stand. */
async function votesAt(
  rows: readonly OutvotedRow[],
  { epochId, files, index }: Pick<ServeDeps, 'index'> & { readonly epochId: EpochId; readonly files: BatchFiles },
): Promise<ReadonlyMap<OutvotedRow, Vote | undefined>> {
  const votes = new Map<OutvotedRow, Vote | undefined>()
  for (const [batchCid, own] of Map.groupBy(rows, (row) => row.batchCid)) {
    const batch = await index.batch(batchCid, epochId)
    // A reorganisation has taken it back meanwhile.
    if (batch === undefined) throw new WeftError('BATCH_UNKNOWN', { batchCid })
    const file = await files.read(batch)
    for (const row of own) votes.set(row, file.vote(row.position))
  }
  return votes
}

export function shownEpoch(epoch: EpochRow, now: WindowsNow): Epoch {
  const { unreadBatches: _unread, releasedContractNumber: _released, finalizedAt, ...row } = epoch
  // What is final so far is not all that there will be.
  if (now.isOpen(epoch)) return { ...row, status: 'open' }
  const reason = row.endedBlock === undefined ? reasonOf('window_over', { untilBlock: now.untilBlock(epoch) }) : undefined
  return { ...row, ...(finalizedAt !== undefined && { finalizedAt }), ...(reason !== undefined && { reason }) }
}

function shownBatch({ batchNo: _no, ...row }: BatchRow): Batch {
  return { ...row, attestations: [...row.attestations] }
}
