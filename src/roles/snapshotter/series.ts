import { fieldsOf, type JsonValue, READS_AT_ONCE, type Series, type SeriesRange } from '#domain/compute.ts'
import type { BlockNumber } from '#domain/ids.ts'
import type { HistoryCache } from './history-cache.ts'
import type { Earlier } from './history.ts'
import { SOURCES_MAX } from './sources.ts'

/** Epochs that lie together: what is behind the longest window is let go in such pieces. */
const ROWS_EPOCHS = 1_024
/** An epoch's `since` and `hasData`. */
const ROW_BYTES = 9
/** Engines keep lists of nothing but doubles unboxed. */
const FLOAT_BYTES = 8
const OTHER_BYTES = 48
/** What longer texts cost would have to be counted; they are read anew each time. */
const TEXT_LENGTH_MAX = 64

/** Fields of `ROWS_EPOCHS` epochs of a project, where it is decided what these have. */
export interface Rows {
  /** The block as of which it was known, and so is of every later one; infinite where it is not known. */
  readonly since: Float64Array
  readonly hasData: Uint8Array
  readonly columns: readonly JsonValue[][]
  /** Values that are no floats. */
  others: number
}

/** An epoch's fields; `undefined` when it has no data. */
type Row = readonly JsonValue[] | undefined

export interface SeriesDeps {
  /** Of the epoch whose aggregates ask. */
  readonly releaseBlock: BlockNumber
  readonly cache: Pick<HistoryCache, 'decision' | 'rows' | 'setRows'>
  /** Told now and then how many epochs were read one by one. */
  readonly onRead: (projectId: string, read: number, of: number) => void
}

export type ReadSeries = (
  range: SeriesRange,
  read: (projectId: string, epochId: number) => Promise<Earlier | undefined>,
) => Promise<RememberedSeries>

export interface RememberedSeries extends Series {
  /** Snapshots in it that were not read for it. */
  readonly remembered: number
}

/**
 * Reads each epoch by itself once, and remembers the fields of those whose data no later block can change (N18): from then on a window
 * costs what its undecided epochs cost, and the newest `SOURCES_MAX`, whose CIDs the record names. No sums are kept: they begin with the present epoch,
 * and doubles added in another order are others.
 */
export function createSeries({ releaseBlock, cache, onRead }: SeriesDeps): ReadSeries {
  function remember(key: string, index: number, fields: readonly string[], row: Row): void {
    if (row?.every(isSmall) === false) return
    const rows = cache.rows(key) ?? emptyRows(fields.length)
    rows.since[index] = Math.min(rows.since[index] as number, releaseBlock)
    rows.hasData[index] = row === undefined ? 0 : 1
    for (const [column, value] of (row ?? []).entries()) {
      const values = rows.columns[column] as JsonValue[]
      values[index] = value
      if (typeof value !== 'number') rows.others += 1
    }
    cache.setRows(key, rows, ROWS_EPOCHS * (ROW_BYTES + FLOAT_BYTES * fields.length) + OTHER_BYTES * rows.others)
  }

  /** Whether as of every block from the release on the epoch has this and nothing else. */
  function isDecided(projectId: string, epochId: number, earlier: Earlier | undefined): boolean {
    const decision = cache.decision(`${epochId} ${projectId}`, releaseBlock)
    return decision !== undefined && decision.snapshotCid === earlier?.source.snapshotCid
  }

  return async ({ projectId, from, before, fields }, read) => {
    const keyOf = (piece: number) => `${projectId} ${fields.join()} ${piece}`
    // Held here: what is read meanwhile may push them out of the cache.
    const known = new Map<number, Rows>()
    const unknown: number[] = []
    for (let epochId = from; epochId < before; ) {
      const rows = cache.rows(keyOf(pieceOf(epochId)))
      if (rows !== undefined) known.set(pieceOf(epochId), rows)
      for (const end = Math.min(endOf(epochId), before); epochId < end; epochId += 1) {
        const since = epochId < before - SOURCES_MAX ? rows?.since[epochId % ROWS_EPOCHS] : undefined
        if (since === undefined || since > releaseBlock) unknown.push(epochId)
      }
    }

    const fresh = new Map<number, Row>()
    for (let start = 0; start < unknown.length; start += READS_AT_ONCE) {
      const epochIds = unknown.slice(start, start + READS_AT_ONCE)
      const snapshots = await Promise.all(epochIds.map((epochId) => read(projectId, epochId)))
      for (const [index, epochId] of epochIds.entries()) {
        const earlier = snapshots[index]
        const row = earlier && fieldsOf(earlier.snapshot, fields)
        fresh.set(epochId, row)
        if (isDecided(projectId, epochId, earlier)) remember(keyOf(pieceOf(epochId)), epochId % ROWS_EPOCHS, fields, row)
      }
      onRead(projectId, start + epochIds.length, unknown.length)
    }
    return joined({ from, before, width: fields.length }, known, fresh)
  }
}

/** Ascending, from what was read now and what was known before. Once per epoch and field: nothing is made or looked up that need not be. */
function joined(
  { from, before, width }: { readonly from: number; readonly before: number; readonly width: number },
  known: ReadonlyMap<number, Rows>,
  fresh: ReadonlyMap<number, Row>,
): RememberedSeries {
  const columns = Array.from({ length: width }, (): JsonValue[] => [])
  let [isWhole, remembered] = [true, 0]
  for (let epochId = from; epochId < before; ) {
    const rows = known.get(pieceOf(epochId))
    for (const end = Math.min(endOf(epochId), before); epochId < end; epochId += 1) {
      const isFresh = fresh.has(epochId)
      const row = isFresh ? fresh.get(epochId) : undefined
      if (isFresh ? row === undefined : rows?.hasData[epochId % ROWS_EPOCHS] !== 1) {
        isWhole = false
        continue
      }
      if (!isFresh) remembered += 1
      for (let place = 0; place < width; place += 1) {
        const value = row === undefined ? rows?.columns[place]?.[epochId % ROWS_EPOCHS] : row[place]
        columns[place]?.push(value as JsonValue)
      }
    }
  }
  return { columns, isWhole, remembered }
}

/** The first epoch that lies elsewhere. */
const endOf = (epochId: number): number => (pieceOf(epochId) + 1) * ROWS_EPOCHS

const pieceOf = (epochId: number): number => Math.floor(epochId / ROWS_EPOCHS)

const isSmall = (value: JsonValue): boolean =>
  value === null || (typeof value !== 'object' && (typeof value !== 'string' || value.length <= TEXT_LENGTH_MAX))

function emptyRows(width: number): Rows {
  return {
    since: new Float64Array(ROWS_EPOCHS).fill(Number.POSITIVE_INFINITY),
    hasData: new Uint8Array(ROWS_EPOCHS),
    columns: Array.from({ length: width }, () => new Array<JsonValue>(ROWS_EPOCHS).fill(0.5)),
    others: 0,
  }
}
