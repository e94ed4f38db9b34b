import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPostgresIndex } from '#io/database/postgres.ts'
import { startPostgres } from '#io/database/server.test-world.ts'
import { openSqliteIndex } from '#io/database/sqlite.ts'
import { multiplied } from './api/multiplied.ts'
import { table } from './api/table.ts'
import { type Row, tableOf } from './seal/rows.ts'

/**
 * What reading from an api costs: `./weft bench api [--json]`. `WEFT_BENCH_SIZE=1000x10000` is how many projects over how many epochs are in the index first,
 * 100x1000 unless said; in PostgreSQL, where each is indexed, at most so many.
 */
const INDEXED_EPOCHS_MAX = 1_000
const [projects = 100, epochs = 1_000] = (process.env['WEFT_BENCH_SIZE'] ?? '100x1000').split('x').map(Number)
const isJson = process.argv.includes('--json')
const options = { projects, epochs, reads: 2_000, readers: 1_000, epochProjects: 1_000 }

const rows: Row[] = []
const tell = (row: Row): void => {
  rows.push(row)
  if (!isJson) process.stdout.write(tableOf([row]))
}

const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
try {
  const path = join(folder, 'index.sqlite')
  await multiplied(path, options)
  const sqlite = await openSqliteIndex({ path, market: 'bench', indexId: 'bench' })
  for await (const row of table(sqlite, { name: 'SQLite', ...options, filled: epochs })) tell(row)
  await sqlite.close()
} finally {
  rmSync(folder, { recursive: true })
}

const server = await startPostgres()
try {
  const postgres = await openPostgresIndex({ url: await server.database(), market: 'bench', indexId: 'bench' })
  for await (const row of table(postgres, { name: 'PostgreSQL', ...options, epochs: Math.min(epochs, INDEXED_EPOCHS_MAX) })) tell(row)
  await postgres.close()
} finally {
  await server.stop()
}
if (isJson) process.stdout.write(`${JSON.stringify({ rows })}\n`)
