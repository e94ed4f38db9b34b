import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { Change, IndexReads, PointRow } from '#io/database/port.ts'
import { shownEpoch } from './epoch-answers.ts'
import { shownPoint } from './points.ts'
import type { WindowedDeps } from './windows.ts'

/** What readers of the stream are told of a change: its data as of now, for whoever is behind needs no history of statuses. */
export interface Told {
  readonly seq: number
  readonly kind: 'point' | 'undone' | 'epoch'
  /** JSON, without the snapshot's text. */
  readonly data: string
  readonly projectId?: ProjectId
  readonly point?: PointRow
}

/** A point by itself costs a read; more of one epoch are read side by side. */
const SINGLE_READS_MAX = 8
const PAGE = 1_000

/**
 * In order. A change of a point that another one of the same follows is left out, and so is one of a point that a reorganisation has taken back
 * since: that is a change of its own, and follows.
 */
export async function toldOf(
  changes: readonly Change[],
  { index, windows }: Pick<WindowedDeps, 'index' | 'windows'>,
): Promise<readonly Told[]> {
  const last = lastOfEach(changes)
  const rows = await rowsOf(last, index)
  const now = await windows.now()
  const told: Told[] = []
  for (const change of last) {
    const { seq, kind, epochId } = change
    if (kind === 'epoch') {
      const row = await index.epoch(epochId)
      if (row !== undefined) told.push({ seq, kind, data: JSON.stringify(shownEpoch(row, now)) })
    } else if (kind === 'undone') {
      const { projectId } = change
      told.push({ seq, kind, projectId, data: JSON.stringify({ projectId, epochId }) })
    } else {
      const point = rows.get(keyOf(change))
      if (point !== undefined) told.push({ seq, kind, projectId: change.projectId, point, data: JSON.stringify(shownPoint(point)) })
    }
  }
  return told
}

const keyOf = ({ epochId, projectId }: { readonly epochId: EpochId; readonly projectId: ProjectId }): string => `${epochId} ${projectId}`

function lastOfEach(changes: readonly Change[]): readonly Change[] {
  const seen = new Set<string>()
  const kept: Change[] = []
  for (const change of changes.toReversed()) {
    const key = change.kind === 'epoch' ? String(change.epochId) : keyOf(change)
    if (change.kind === 'undone') seen.delete(key)
    else if (seen.has(key)) continue
    else seen.add(key)
    kept.push(change)
  }
  return kept.reverse()
}

async function rowsOf(changes: readonly Change[], index: IndexReads): Promise<ReadonlyMap<string, PointRow>> {
  const rows = new Map<string, PointRow>()
  const points = changes.flatMap((change) => (change.kind === 'point' ? [change] : []))
  for (const [epochId, own] of Map.groupBy(points, (change) => change.epochId)) {
    const wanted = new Set(own.map((change) => change.projectId))
    const found = wanted.size > SINGLE_READS_MAX ? epochRows(epochId, wanted, index) : singleRows(epochId, wanted, index)
    for await (const row of found) rows.set(keyOf(row), row)
  }
  return rows
}

async function* singleRows(epochId: EpochId, wanted: ReadonlySet<ProjectId>, index: IndexReads): AsyncIterable<PointRow> {
  for (const projectId of wanted) yield* await index.points({ projectId, from: epochId, to: epochId, order: 'ascending', limit: 1 })
}

async function* epochRows(epochId: EpochId, wanted: ReadonlySet<ProjectId>, index: IndexReads): AsyncIterable<PointRow> {
  let left = wanted.size
  let after: ProjectId | undefined
  while (left > 0) {
    const page = await index.epochPoints({ epochId, after, limit: PAGE })
    const found = page.filter((row) => wanted.has(row.projectId))
    yield* found
    left -= found.length
    after = page.at(-1)?.projectId
    if (page.length < PAGE) return
  }
}
