import { WeftError } from '#domain/errors.ts'
import { Answer } from '#io/http/port.ts'
import type { ApiInput, Observation } from '#wire/api.ts'
import { fieldOf, parsePath } from '#wire/field.ts'
import { readRange, textLength } from './points.ts'
import type { Answers, ServeDeps } from './served.ts'

/** One field over epochs, as JSON or for a spreadsheet. Throws `REQUEST_INVALID`. */
export async function seriesOf(
  asked: Omit<ApiInput<'series'>, 'format'>,
  { index }: Pick<ServeDeps, 'index'>,
  asking: Parameters<Answers['series']>[1],
) {
  const path = parsePath(asked.path)
  if (path === undefined)
    throw new WeftError('REQUEST_INVALID', { problems: ['path: is no path: names or numbers, with dots between them'] })
  const { rows, nextCursor } = await readRange(asked, { index, asking, withText: true })
  asking.spend(textLength(rows))
  const items: Observation[] = []
  for (const { epochId, releasedAt, end, status, text } of rows) {
    items.push({ epochId, at: releasedAt, block: end, status, value: text === undefined ? null : fieldOf(text, path) })
    if (items.length % BREATH_EVERY === 0) await asking.breathe()
  }
  return { items, nextCursor }
}

/** Snapshots parsed between two turns of the event loop. */
const BREATH_EVERY = 20

const COLUMNS = ['epochId', 'at', 'block', 'status', 'value'] as const satisfies readonly (keyof Observation)[]

/** RFC 4180. The next page's cursor is in a header, where a table has no place for it. */
export function csvAnswer({ items, nextCursor }: Awaited<ReturnType<typeof seriesOf>>): Answer {
  const lines = items.map((item) => COLUMNS.map((column) => cellOf(item[column])).join(','))
  return new Answer({
    type: 'text/csv; charset=utf-8',
    body: { text: `${[COLUMNS.join(','), ...lines].join('\r\n')}\r\n` },
    ...(nextCursor !== undefined && { headers: { 'x-next-cursor': nextCursor } }),
  })
}

/** A text that a spreadsheet would take for a formula is marked as a text: snapshots are written by others. */
function cellOf(value: number | string | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value)
  const isNumber = /^-?\d+(\.\d+)?$/.test(value)
  const safe = !isNumber && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
