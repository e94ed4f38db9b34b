import { WeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { IndexReads, PointRow } from '#io/database/port.ts'
import type { Asking } from '#io/http/port.ts'
import { PAGE_LENGTH, type Point, REASONS, type Reason } from '#wire/api.ts'
import { encodeCursor } from '#wire/cursor.ts'
import { placesOf } from './pages.ts'

/** Data points as they are told, and ranges of them. */

/** Characters of snapshots in one answer; a range of a thousand usual ones takes ten million. What is beyond comes with the next page. */
export const TEXT_LENGTH_MAX = 16 * 1024 * 1024
/** Rows read first, where they may be large: how large they are says how many are read next. */
const FIRST_ROWS = 16
/** Each read is at most so many times the one before: sizes vary. */
const GROWTH = 16

/** What a data point is told with. */
export interface Content {
  readonly data: boolean
  readonly text: boolean
}

export const contentOf = (
  { data, text }: { readonly data?: boolean | undefined; readonly text?: boolean | undefined },
  fallback: boolean,
): Content => ({ data: data ?? fallback, text: text ?? false })

export const holdsText = ({ data, text }: Content): boolean => data || text

/** Without the snapshot. */
export function shownPoint({ content, text: _text, ...row }: PointRow): Omit<Point, 'data'> {
  const reason = content === 'not_json' ? reasonOf('not_json') : content === 'here' ? undefined : reasonOf('unavailable')
  return reason === undefined ? row : { ...row, reason }
}

export const reasonOf = (code: Reason['code'], facts: Partial<Reason> = {}): Reason => ({ code, message: REASONS[code], ...facts })

/**
 * The JSON of a data point. The snapshot goes in as it was written: it is JSON already, and no digit of it changes; only what Python writes and
 * JSON does not have (NaN, Infinity) is `null` there.
 */
export function pointJson(row: PointRow, { data, text }: Content): string {
  const told = JSON.stringify({ ...shownPoint(row), ...(text && row.text !== undefined && { text: row.text }) })
  return data && row.text !== undefined ? `${told.slice(0, -1)},"data":${strictJson(row.text)}}` : told
}

/** A string is left as it is, whatever it says; outside of them these words stand only for numbers. */
export const strictJson = (text: string): string =>
  /NaN|Infinity/.test(text) ? text.replace(/"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)/g, (part) => (part.startsWith('"') ? part : 'null')) : text

/** A range as it is asked for. */
export interface RangeAsked {
  readonly projectId: ProjectId
  readonly from?: EpochId | undefined
  readonly to?: EpochId | undefined
  readonly last?: number | undefined
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

export interface RangeRead {
  readonly rows: readonly PointRow[]
  readonly nextCursor: string | undefined
}

/** Epochs ascending, at most `limit`, and with their texts at most so many characters of them. Throws `REQUEST_INVALID`. */
export async function readRange(
  asked: RangeAsked,
  { index, asking, withText }: { readonly index: IndexReads; readonly asking: Asking; readonly withText: boolean },
): Promise<RangeRead> {
  const { projectId } = asked
  if (asked.from !== undefined && asked.to !== undefined && asked.from > asked.to)
    throw new WeftError('REQUEST_INVALID', { problems: ['from: is behind to'] })
  const range = await rangeOf(asked, index)
  if (range === undefined) return { rows: [], nextCursor: undefined }
  const limit = asked.limit ?? asked.last ?? PAGE_LENGTH
  const rows: PointRow[] = []
  let { from } = range
  let length = 0
  let step = withText ? FIRST_ROWS : limit + 1
  for (;;) {
    const wanted = Math.min(step, limit + 1 - rows.length)
    const found = await index.points({ projectId, from, to: range.to, order: 'ascending', limit: wanted, text: withText })
    for (const row of found) {
      length += row.text?.length ?? 0
      // One is told however long it is: nobody would come past it.
      const isEnough = rows.length === limit || (rows.length > 0 && length > TEXT_LENGTH_MAX)
      if (isEnough) return { rows, nextCursor: encodeCursor(`${row.epochId}.${range.to ?? 0}`) }
      rows.push(row)
      from = row.epochId + 1
    }
    if (found.length < wanted) return { rows, nextCursor: undefined }
    await asking.breathe()
    const fitting = Math.floor((TEXT_LENGTH_MAX - length) / (length / rows.length || 1))
    step = Math.max(1, Math.min(step * GROWTH, fitting))
  }
}

/** Where a range begins and ends: the cursor of a page before it has kept both. `undefined` when there is nothing in it. */
async function rangeOf({ projectId, from = 0 as EpochId, to, last, cursor }: RangeAsked, index: IndexReads) {
  const [next, end = 0] = placesOf(cursor, 2) ?? []
  if (next !== undefined) return { from: next, to: end === 0 ? undefined : end }
  if (last === undefined) return { from: from as number, to: to as number | undefined }
  const newest = await index.points({ projectId, from, to, order: 'newest_first', limit: last })
  const [first] = newest
  const oldest = newest.at(-1)
  return first === undefined || oldest === undefined ? undefined : { from: oldest.epochId as number, to: first.epochId as number }
}
