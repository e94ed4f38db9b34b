import { describe, expect, test } from 'vitest'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { IndexReads, PointRow, PointsQuery } from '#io/database/port.ts'
import { decodeCursor } from '#wire/cursor.ts'
import { readRange, strictJson, TEXT_LENGTH_MAX } from './points.ts'
import { seriesOf } from './series.ts'

const projectId = 'type:source:ns' as ProjectId

/** An index with a data point in each of so many epochs, whose texts have so many characters; and what was asked of it. */
function indexOf({ epochs, length = 10 }: { readonly epochs: number; readonly length?: number }) {
  const asked: PointsQuery[] = []
  const points: IndexReads['points'] = async (query) => {
    asked.push(query)
    const ids = Array.from({ length: epochs }, (_, place) => place + 1).filter(
      (id) => id >= (query.from ?? 0) && id <= (query.to ?? epochs),
    )
    const ordered = query.order === 'ascending' ? ids : ids.reverse()
    const text = query.text ? 'x'.repeat(length) : undefined
    return ordered.slice(0, query.limit).map((epochId) => ({ projectId, epochId, text }) as unknown as PointRow)
  }
  return { asked, index: { points } as IndexReads }
}

const asking = { breathe: async () => undefined, spend: () => undefined, header: () => undefined, caller: 'a test' }
const epoch = (id: number) => id as EpochId

/** All pages, one after another. */
async function pages(index: IndexReads, asked: object, withText = false): Promise<number[][]> {
  const found: number[][] = []
  for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
    const { rows, nextCursor } = await readRange(
      { projectId, ...asked, ...(cursor !== undefined && { cursor }) },
      { index, asking, withText },
    )
    found.push(rows.map(({ epochId }) => epochId))
    cursor = nextCursor === undefined ? undefined : decodeCursor(nextCursor)
  }
  return found
}

describe('pages of a range', () => {
  test.each([
    ['end where it ends', { from: epoch(2), to: epoch(4), limit: 2 }, [[2, 3], [4]]],
    ['are as long as asked for', { from: epoch(7), limit: 3 }, [[7, 8, 9], [10]]],
    ['of the last so many begin with the oldest of them', { last: 5, limit: 2 }, [[6, 7], [8, 9], [10]]],
    ['of the last so many up to an epoch', { last: 2, to: epoch(4) }, [[3, 4]]],
    ['of nothing are one, and empty', { from: epoch(11) }, [[]]],
  ])('%s', async (_what, asked, epochs) => {
    expect(await pages(indexOf({ epochs: 10 }).index, asked)).toEqual(epochs)
  })

  test('A11: end early where snapshots are long, and each brings at least one', async () => {
    const { index, asked } = indexOf({ epochs: 5, length: TEXT_LENGTH_MAX * 0.4 })
    expect(await pages(index, { limit: 5 }, true)).toEqual([[1, 2], [3, 4], [5]])
    const { index: huge } = indexOf({ epochs: 3, length: TEXT_LENGTH_MAX + 1 })
    expect(await pages(huge, { limit: 3 }, true)).toEqual([[1], [2], [3]])
    expect(Math.max(...asked.map(({ limit }) => limit))).toBeLessThanOrEqual(16)
  })

  test('A11: of small snapshots a thousand are read in a few looks', async () => {
    const { index, asked } = indexOf({ epochs: 1_000 })
    expect((await pages(index, { limit: 1_000 }, true))[0]).toHaveLength(1_000)
    expect(asked.length).toBeLessThanOrEqual(3)
  })

  test('that end before they begin are refused', async () => {
    await expect(pages(indexOf({ epochs: 1 }).index, { from: epoch(2), to: epoch(1) })).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
  })
})

test.each([
  ['{"a":NaN,"b":-Infinity,"NaN":[Infinity]}', '{"a":null,"b":null,"NaN":[null]}'],
  [String.raw`{"a":"NaN \" -Infinity \\","b":NaN}`, String.raw`{"a":"NaN \" -Infinity \\","b":null}`],
])('what JSON does not have is null, and texts are left alone: %s', (text, expected) => expect(strictJson(text)).toBe(expected))

test('A11: as long as a snapshot may be, it is told', () => {
  for (const letter of ['a', '\\"']) {
    const text = `["NaN ${letter.repeat(TEXT_LENGTH_MAX / letter.length)}"]`
    expect(strictJson(text) === text).toBe(true)
  }
})

test('A11: a series costs what is read for it, not what it shows', async () => {
  const spent: number[] = []
  const { index } = indexOf({ epochs: 3, length: 1_000 })
  const { items } = await seriesOf({ projectId, path: 'value' }, { index }, { ...asking, spend: (bytes) => void spent.push(bytes) })
  expect([items.length, spent]).toEqual([3, [3_000]])
})
