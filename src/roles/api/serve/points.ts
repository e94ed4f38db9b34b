import { WeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import { ABSENCE_REASONS } from '#domain/reasons.ts'
import type { IndexReads, PointRow } from '#io/database/port.ts'
import type { Asking } from '#io/http/port.ts'
import { PAGE_LENGTH, type Point, type Reason } from '#wire/api.ts'
import { encodeCursor } from '#wire/cursor.ts'
import { placesOf } from './pages.ts'

/** Data points as they are told, and ranges of them. */

/** Characters of snapshots in one answer; a range of a thousand usual ones takes ten million. What is beyond comes with the next page. */
export const TEXT_LENGTH_MAX = 16 * 1024 * 1024
/** Rows read first, where they may be large: how large they are says how many are read next. */
const FIRST_ROWS = 16
/** Each read is at most so many times the one before: sizes vary. */
const GROWTH = 16

/** Characters that were read, whatever is told of them. */
export const textLength = (rows: readonly PointRow[]): number => rows.reduce((sum, { text }) => sum + (text?.length ?? 0), 0)

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

export const reasonOf = (code: Reason['code'], facts: Partial<Reason> = {}): Reason => ({ code, message: ABSENCE_REASONS[code], ...facts })

/**
 * The JSON of a data point. The snapshot goes in as it was written: it is JSON already, and no digit of it changes; only what Python writes and
 * JSON does not have (NaN, Infinity) is `null` there.
 */
export function pointJson(row: PointRow, { data, text }: Content): string {
  const told = JSON.stringify({ ...shownPoint(row), ...(text && row.text !== undefined && { text: row.text }) })
  return data && row.text !== undefined ? `${told.slice(0, -1)},"data":${strictJson(row.text)}}` : told
}

/**
 * A string is left as it is, whatever it says; outside of them these words stand only for numbers. Word by word: a pattern for whole strings has no stack
 * for the longest.
 */
export function strictJson(text: string): string {
  if (!/NaN|Infinity/.test(text)) return text
  let isInString = false
  return text.replace(/\\.|"|-?(?:NaN|Infinity)/g, (part) => {
    if (part === '"') isInString = !isInString
    return isInString || part === '"' ? part : 'null'
  })
}

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
  let { from } = range
  return gather(
    { limit: asked.limit ?? asked.last ?? PAGE_LENGTH, withText, asking },
    async (count) => {
      const found = await index.points({ projectId, from, to: range.to, order: 'ascending', limit: count, text: withText })
      from = (found.at(-1)?.epochId ?? from) + 1
      return found
    },
    (row) => `${row.epochId}.${range.to ?? 0}`,
  )
}

/**
 * Reads on until the page is full. How many rows are read at a time follows from how large those before were: nobody knows how large the next are. The
 * cursor names the last row told: `placeOf` it.
 */
async function gather(
  { limit, withText, asking }: { readonly limit: number; readonly withText: boolean; readonly asking: Asking },
  read: (count: number) => Promise<readonly PointRow[]>,
  placeOf: (row: PointRow) => string,
): Promise<RangeRead> {
  const rows: PointRow[] = []
  let length = 0
  for (let step = withText ? FIRST_ROWS : limit + 1; ; ) {
    const count = Math.min(step, limit + 1 - rows.length)
    const found = await read(count)
    for (const row of found) {
      length += row.text?.length ?? 0
      const last = rows.at(-1)
      // One is told however long it is: nobody would come past it.
      const isEnough = rows.length === limit || length > TEXT_LENGTH_MAX
      if (last !== undefined && isEnough) return { rows, nextCursor: encodeCursor(placeOf(last)) }
      rows.push(row)
    }
    if (found.length < count) return { rows, nextCursor: undefined }
    await asking.breathe()
    const fitting = Math.floor((TEXT_LENGTH_MAX - length) / (length / rows.length || 1))
    step = Math.max(1, Math.min(step * GROWTH, fitting))
  }
}

/** Where a range begins and ends: the cursor of a page before it has kept both. `undefined` when there is nothing in it. */
async function rangeOf({ projectId, from = 0 as EpochId, to, last, cursor }: RangeAsked, index: IndexReads) {
  const [told, end = 0] = placesOf(cursor, 2) ?? []
  if (told !== undefined) return { from: told + 1, to: end === 0 ? undefined : end }
  if (last === undefined) return { from: from as number, to: to as number | undefined }
  const newest = await index.points({ projectId, from, to, order: 'newest_first', limit: last })
  const [first] = newest
  const oldest = newest.at(-1)
  return first === undefined || oldest === undefined ? undefined : { from: oldest.epochId as number, to: first.epochId as number }
}

interface Reading {
  readonly index: IndexReads
  readonly withText: boolean
}
type PointAsked = { readonly projectId: ProjectId; readonly epochId: EpochId }

export async function readPoint({ projectId, epochId }: PointAsked, { index, withText }: Reading): Promise<PointRow | undefined> {
  const [row] = await index.points({ projectId, from: epochId, to: epochId, order: 'ascending', limit: 1, text: withText })
  return row
}

/** The newest that is final, or with `any` the newest. */
export async function readLatest(
  { projectId, status }: { readonly projectId: ProjectId; readonly status?: 'finalized' | 'any' | undefined },
  { index, withText }: Reading,
): Promise<PointRow | undefined> {
  const isFinalized = status === 'any' ? undefined : true
  const [row] = await index.points({ projectId, order: 'newest_first', limit: 1, text: withText, isFinalized })
  return row
}

/** Projects of an epoch as they are asked for. */
export interface EpochAsked {
  readonly epochId: EpochId
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

/** By project, at most `limit`, and with their texts at most so many characters of them. */
export async function readEpoch(
  { epochId, limit = PAGE_LENGTH, cursor }: EpochAsked,
  { index, asking, withText }: Reading & { readonly asking: Asking },
): Promise<RangeRead> {
  let after = cursor
  return gather(
    { limit, withText, asking },
    async (count) => {
      const found = await index.epochPoints({ epochId, after, limit: count, text: withText })
      after = found.at(-1)?.projectId
      return found
    },
    (row) => row.projectId,
  )
}
