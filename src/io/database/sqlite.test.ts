import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test, vi } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { content, createChain, MARKET, numberOf } from './chain.test-world.ts'
import { openSqliteIndex } from './sqlite.ts'
import { databaseSuite } from './suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-index-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const openFile = (name: string, market = MARKET) => openSqliteIndex({ path: join(folder, name), market, indexId: 'index' })
databaseSuite('sqlite', {
  async fresh() {
    files += 1
    const name = `${files}/index.sqlite`
    await (await openFile(name)).close()
    return name
  },
  open: openFile,
})

databaseSuite('sqlite in memory', {
  fresh: async () => ':memory:',
  open: () => openSqliteIndex({ path: ':memory:', market: MARKET, indexId: 'index' }),
  isLost: true,
})

const CHILD = fileURLToPath(new URL('./sqlite.test-child.ts', import.meta.url))

test('A1: kill -9 at any moment leaves whole steps, and the next process leads and goes on', async () => {
  const name = 'killed/index.sqlite'
  for (const linesBeforeKill of [1, 13, 60]) {
    const child = spawn(process.execPath, [CHILD, join(folder, name)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const seen: number[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      seen.push(Number(line))
      if (seen.length === linesBeforeKill) child.kill('SIGKILL')
    }
    expect(seen.length).toBeGreaterThanOrEqual(linesBeforeKill)
    const database = await openFile(name)
    const { indexed, epochs, points, unreadBatches } = await database.summary()
    expect(indexed?.block).toBeGreaterThanOrEqual(seen.at(-1) as number)
    const blocks = (indexed?.block as number) - 99
    // Two blocks an epoch: what each of them did is there, and nothing else; only a file may not have been read yet.
    expect(epochs).toBe(Math.ceil(blocks / 2))
    expect(points + 2 * unreadBatches).toBe(2 * epochs)
    const [newest] = await database.epochs({ limit: 1 })
    expect((await database.batches({ epochId: newest?.epochId as EpochId, limit: 9 })).map(({ status }) => status)).toEqual([
      blocks % 2 === 0 ? 'finalized' : 'pending',
    ])
    await database.close()
  }
})

test('a disk that is full takes nothing in, and gives what is there; with room it goes on where it was', async () => {
  const begun = vi.spyOn(DatabaseSync.prototype, 'exec')
  const database = await openFile('full/index.sqlite')
  const connection = begun.mock.contexts[0] as DatabaseSync
  begun.mockRestore()
  expect(await database.lead()).toBe(true)
  const chain = createChain()
  await database.apply([chain.block(['EpochReleased', 1], ['SnapshotBatchSubmitted', 1, 'batch1'])])
  const batchNo = await numberOf(database, 'batch1')
  const large = content(Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`p${index}`, `c${index}`])))
  connection.exec('PRAGMA max_page_count = 1')
  await expect(database.putBatch(batchNo, large)).rejects.toMatchObject({ code: 'DATABASE_FULL', kind: 'transient' })
  expect(await database.summary()).toMatchObject({ epochs: 1, projects: 0, points: 0, unreadBatches: 1 })
  connection.exec(`PRAGMA max_page_count = ${2 ** 30}`)
  await database.putBatch(batchNo, large)
  expect(await database.summary()).toMatchObject({ projects: 2_000, points: 2_000, unreadBatches: 0 })
  await database.close()
})

test('a file that is no database is told, and stays as it is', async () => {
  const path = join(folder, 'wrong.sqlite')
  writeFileSync(path, 'no database at all. '.repeat(1_000))
  await expect(openFile('wrong.sqlite')).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
  await expect(openSqliteIndex({ path: '/dev/null/index.sqlite', market: MARKET, indexId: 'index' })).rejects.toMatchObject({
    code: 'STORE_PLACE_WRONG',
  })
})
