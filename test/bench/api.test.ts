import { expect, test } from 'vitest'
import { openSqliteIndex } from '#io/database/sqlite.ts'
import { table } from './api/table.ts'
import type { Row } from './seal/rows.ts'

test('every row of a tiny table has its name, value and unit, and no reader of a stream loses an event', async () => {
  const index = await openSqliteIndex({ path: ':memory:', market: 'bench', indexId: 'bench' })
  const rows: Row[] = []
  for await (const each of table(index, { name: 'tiny', projects: 3, epochs: 5, reads: 20, readers: 3, epochProjects: 4 })) rows.push(each)
  await index.close()
  for (const { name, value, unit } of rows)
    expect([name, Number.isFinite(value), unit]).toEqual([expect.stringMatching(/\S/), true, expect.stringMatching(/\S/)])
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
  expect(rows.filter(({ target }) => target !== undefined)).toHaveLength(4)
  expect(rows.find(({ name }) => name.includes('events lost'))).toMatchObject({ value: 0, pass: true })
})
