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
/** About what an integer, a text and a member of an object cost. */
const OTHER_BYTES = 48

/** Fields of `ROWS_EPOCHS` epochs of a project, where it is decided what these have. */
export interface Rows {
  /** The block as of which it was known, and so is of every later one; infinite where it is not known. */
  readonly since: Float64Array
  readonly hasData: Uint8Array
  readonly columns: readonly JsonValue[][]
  /** What values that are no floats cost. */
  othersBytes: number
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
  function remember(key: string, index: number, fields: SeriesRange['fields'], row: Row): void {
    const rows = cache.rows(key) ?? emptyRows(fields.length)
    // It cannot have become another: lists that were given away stay as they are.
    if ((rows.since[index] as number) <= releaseBlock) return
    rows.since[index] = releaseBlock
    rows.hasData[index] = row === undefined ? 0 : 1
    for (const [column, value] of (row ?? []).entries()) {
      const values = rows.columns[column] as JsonValue[]
      rows.othersBytes += bytesOf(value) - bytesOf(values[index] as JsonValue)
      values[index] = value
    }
    cache.setRows(key, rows, ROWS_EPOCHS * (ROW_BYTES + FLOAT_BYTES * fields.length) + rows.othersBytes)
  }

  /** Whether as of every block from the release on the epoch has this and nothing else. */
  function isDecided(projectId: string, epochId: number, earlier: Earlier | undefined): boolean {
    const decision = cache.decision(`${epochId} ${projectId}`, releaseBlock)
    return decision !== undefined && decision.snapshotCid === earlier?.source.snapshotCid
  }

  return async ({ projectId, from, before, fields }, read) => {
    const names = fields.map((field) => (typeof field === 'string' ? field : field.name)).join()
    const keyOf = (epochId: number) => `${projectId} ${names} ${Math.floor(epochId / ROWS_EPOCHS)}`
    const pieces: Piece[] = []
    for (let start = from; start < before; start = nextPiece(start)) {
      // Held here: what is read meanwhile may push them out of the cache.
      const rows = cache.rows(keyOf(start))
      const piece = { from: start, before: Math.min(nextPiece(start), before), rows }
      pieces.push({ ...piece, unknown: unknownIn(piece, { releaseBlock, newest: before - SOURCES_MAX }) })
    }
    const unknown = pieces.flatMap((piece) => piece.unknown)
    const fresh = new Map<number, Row>()
    for (let start = 0; start < unknown.length; start += READS_AT_ONCE) {
      const epochIds = unknown.slice(start, start + READS_AT_ONCE)
      const snapshots = await Promise.all(epochIds.map((epochId) => read(projectId, epochId)))
      for (const [index, epochId] of epochIds.entries()) {
        const earlier = snapshots[index]
        const row = earlier && fieldsOf(earlier.snapshot, fields)
        fresh.set(epochId, row)
        if (isDecided(projectId, epochId, earlier)) remember(keyOf(epochId), epochId % ROWS_EPOCHS, fields, row)
      }
      onRead(projectId, start + epochIds.length, unknown.length)
    }
    return joined(pieces, fields.length, fresh)
  }
}

/** Epochs of a range that lie together, and what is remembered of them. */
interface Piece {
  readonly from: number
  readonly before: number
  readonly rows: Rows | undefined
  /** Those that have to be read. */
  readonly unknown: readonly number[]
}

const nextPiece = (epochId: number): number => (Math.floor(epochId / ROWS_EPOCHS) + 1) * ROWS_EPOCHS

function unknownIn(
  { from, before, rows }: Omit<Piece, 'unknown'>,
  { releaseBlock, newest }: { readonly releaseBlock: BlockNumber; readonly newest: number },
): readonly number[] {
  const unknown: number[] = []
  for (let epochId = from; epochId < before; epochId += 1) {
    const isKnown = rows !== undefined && epochId < newest && (rows.since[epochId % ROWS_EPOCHS] as number) <= releaseBlock
    if (!isKnown) unknown.push(epochId)
  }
  return unknown
}

/** Ascending, from what was read now and what was known before. What lies together in whole is not copied: windows are long. */
function joined(pieces: readonly Piece[], width: number, fresh: ReadonlyMap<number, Row>): RememberedSeries {
  const columns = Array.from({ length: width }, (): (readonly JsonValue[])[] => [])
  let [isWhole, remembered] = [true, 0]
  for (const piece of pieces) {
    const { from, before, rows, unknown } = piece
    const values = rows && unknown.length === 0 && hasAll(rows, piece) ? cut(rows, piece) : gathered(piece, width, fresh)
    for (const [place, column] of columns.entries()) column.push(values.columns[place] ?? [])
    isWhole &&= values.count === before - from
    remembered += values.count - values.fresh
  }
  return { columns, isWhole, remembered }
}

interface Values {
  readonly columns: readonly (readonly JsonValue[])[]
  /** Epochs that have data, and those of them that were read now. */
  readonly count: number
  readonly fresh: number
}

const hasAll = ({ hasData }: Rows, { from, before }: Piece): boolean =>
  !hasData.subarray(from % ROWS_EPOCHS, (from % ROWS_EPOCHS) + before - from).includes(0)

function cut({ columns }: Rows, { from, before }: Piece): Values {
  const [start, count] = [from % ROWS_EPOCHS, before - from]
  const isUncut = count === ROWS_EPOCHS
  return { columns: isUncut ? columns : columns.map((values) => values.slice(start, start + count)), count, fresh: 0 }
}

/** One by one: of some there is no data, or they were read now. */
function gathered({ from, before, rows }: Piece, width: number, fresh: ReadonlyMap<number, Row>): Values {
  const columns = Array.from({ length: width }, (): JsonValue[] => [])
  let [count, freshCount] = [0, 0]
  for (let epochId = from; epochId < before; epochId += 1) {
    const [index, isFresh] = [epochId % ROWS_EPOCHS, fresh.has(epochId)]
    const row = isFresh ? fresh.get(epochId) : undefined
    if (isFresh ? row === undefined : rows?.hasData[index] !== 1) continue
    count += 1
    if (isFresh) freshCount += 1
    for (const [place, column] of columns.entries())
      column.push((row === undefined ? rows?.columns[place]?.[index] : row[place]) as JsonValue)
  }
  return { columns, count, fresh: freshCount }
}

/** Of what is no float by itself. */
function bytesOf(value: JsonValue): number {
  if (typeof value === 'number') return 0
  if (typeof value === 'string') return OTHER_BYTES + 2 * value.length
  if (value === null || typeof value !== 'object') return OTHER_BYTES
  return Object.entries(value).reduce((sum, [name, member]) => sum + OTHER_BYTES + 2 * name.length + bytesOf(member), OTHER_BYTES)
}

function emptyRows(width: number): Rows {
  return {
    since: new Float64Array(ROWS_EPOCHS).fill(Number.POSITIVE_INFINITY),
    hasData: new Uint8Array(ROWS_EPOCHS),
    // Made of floats from the beginning, and without holes: that is how they stay unboxed.
    columns: Array.from({ length: width }, () => Array.from({ length: ROWS_EPOCHS }, (): JsonValue => 0.5)),
    othersBytes: 0,
  }
}
