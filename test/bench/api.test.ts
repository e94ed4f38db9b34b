import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { SlotId } from '#domain/ids.ts'
import type { IndexDatabase, PointRow } from '#io/database/port.ts'
import { openSqliteIndex } from '#io/database/sqlite.ts'
import { createFiller, projectOf } from './api/filled.ts'
import { multiplied } from './api/multiplied.ts'
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
  expect(rows.filter(({ target }) => target !== undefined)).toHaveLength(6)
  expect(rows.find(({ name }) => name.includes('events lost'))).toMatchObject({ value: 0, pass: true })
})

/** All that the index says, but for which bytes are where. */
async function said(index: IndexDatabase, projects: number): Promise<unknown> {
  const withoutCid = ({ snapshotCid: _cid, ...row }: PointRow) => row
  const places = Array.from({ length: projects }, (_, place) => projectOf(place))
  const epochs = await index.epochs({ limit: 100 })
  const { bytes: _bytes, firstChange: _first, lastChange: _last, ...summary } = await index.summary()
  return {
    summary,
    epochs,
    blocks: await index.knownBlocks(),
    batches: await Promise.all(epochs.map(({ epochId }) => index.batches({ epochId, limit: 10 }))),
    points: await Promise.all(
      places.map(async (projectId) => (await index.points({ projectId, order: 'ascending', limit: 100 })).map(withoutCid)),
    ),
    projects: await index.projects({ limit: 100 }),
    slot: await index.slotEpochs({ slotId: 1 as SlotId, limit: 100 }),
    wanted: await index.wantedSnapshots(Number.MAX_SAFE_INTEGER, 10),
  }
}

test('an epoch that is multiplied is an index as though each had come through the port, and goes on like it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  const path = join(folder, 'index.sqlite')
  await multiplied(path, { projects: 3, epochs: 4 })
  const copied = await openSqliteIndex({ path, market: 'bench', indexId: 'bench' })
  const filled = await openSqliteIndex({ path: ':memory:', market: 'bench', indexId: 'bench' })
  await copied.lead()
  const filler = createFiller(filled)
  for (let epochs = 0; epochs < 4; epochs += 1) await filler.next(3)
  expect(await said(copied, 3)).toEqual(await said(filled, 3))
  await Promise.all([filler.next(3), createFiller(copied, 4).next(3)])
  expect(await said(copied, 3)).toEqual(await said(filled, 3))
  await copied.close()
  await filled.close()
  rmSync(folder, { recursive: true })
})
