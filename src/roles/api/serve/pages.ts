import { WeftError } from '#domain/errors.ts'
import { encodeCursor } from '#wire/cursor.ts'

/** Lists are told in pages: a cursor is the place of the last entry told, in the words of the index. */

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly nextCursor: string | undefined
}

/** `rows` are asked for with one more than `limit`, which shows whether there are more. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  {
    limit,
    placeOf,
    shown,
  }: { readonly limit: number; readonly placeOf: (row: Row) => string | number; readonly shown: (row: Row) => Item },
): Page<Item> {
  const told = rows.slice(0, limit)
  const last = told.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  return { items: told.map(shown), nextCursor: hasMore ? encodeCursor(String(placeOf(last))) : undefined }
}

/** Integers that a cursor of ours holds. Throws `REQUEST_INVALID`: others write cursors, too. */
export function placesOf(cursor: string | undefined, count: number): readonly number[] | undefined {
  if (cursor === undefined) return undefined
  const places = cursor.split('.')
  if (places.length !== count || !places.every((place) => /^\d{1,15}$/.test(place)))
    throw new WeftError('REQUEST_INVALID', { problems: ['cursor: is no cursor of this list'] })
  return places.map(Number)
}

export const placeOf = (cursor: string | undefined): number | undefined => placesOf(cursor, 1)?.[0]
