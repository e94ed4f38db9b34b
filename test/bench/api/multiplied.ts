import { DatabaseSync } from 'node:sqlite'
import { openSqliteIndex } from '#io/database/sqlite.ts'
import { TABLES, type TableName } from '#io/database/tables/sql.ts'
import { BLOCKS_PER_EPOCH, createFiller, SECONDS_PER_BLOCK, type Size } from './filled.ts'

/**
 * An index in a SQLite file as `createFiller` leaves it after so many epochs, but for the text of the snapshots: the first epoch comes through the
 * port, and the engine copies it. What takes an hour to index is there in minutes, and is as large.
 */
export async function multiplied(path: string, { projects, epochs }: Size): Promise<void> {
  const index = await openSqliteIndex({ path, market: 'bench', indexId: 'bench' })
  await index.lead()
  await createFiller(index).next(projects)
  await index.close()
  const database = new DatabaseSync(path)
  // Nobody needs it after a power cut.
  database.exec('PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144')
  for (const [table, order] of COPIED) {
    // The left one of a CROSS JOIN is the outer loop: in this order rows come, and nothing is sorted.
    const from = order === 'by epoch' ? 'times CROSS JOIN first' : 'first CROSS JOIN times'
    const columns = Object.keys(TABLES[table].columns)
    database.exec(`CREATE TEMP TABLE first AS SELECT * FROM ${table}`)
    database
      .prepare(
        `WITH RECURSIVE times (more) AS (SELECT 1 WHERE ? > 1 UNION ALL SELECT more + 1 FROM times WHERE more + 1 < ?)
         INSERT INTO ${table} (${columns.join(', ')}) SELECT ${columns.map((column) => shifted(column, projects)).join(', ')}
         FROM ${from}`,
      )
      .run(epochs, epochs)
    database.exec('DROP TABLE first')
  }
  database.prepare('UPDATE projects SET last_finalized = ?').run(epochs)
  database.close()
}

/** In the order of their keys, so that each page is written once. */
const COPIED: readonly (readonly [TableName, 'by epoch' | 'by key'])[] = [
  ['blocks', 'by epoch'],
  ['epochs', 'by epoch'],
  ['batches', 'by epoch'],
  ['attestations', 'by epoch'],
  ['points', 'by key'],
  ['contents', 'by epoch'],
  ['slot_votes', 'by key'],
]

/** What a column holds `more` epochs later. */
function shifted(column: string, projects: number): string {
  if (column === 'epoch_id' || column === 'batch_no') return `${column} + more`
  if (column === 'content_no') return `content_no + more * ${projects}`
  if (column === 'begin_block' || column === 'end_block') return `${column} + more * 10`
  if (column.endsWith('number') || column === 'block' || column.endsWith('_block')) return `${column} + more * ${BLOCKS_PER_EPOCH}`
  if (column === 'timestamp' || column === 'at' || column.endsWith('_at'))
    return `${column} + more * ${BLOCKS_PER_EPOCH * SECONDS_PER_BLOCK}`
  if (column === 'hash' || column === 'parent_hash') return `'0xblock' || (substr(${column}, 8) + more * ${BLOCKS_PER_EPOCH})`
  if (column === 'batch_cid') return `'bafybatch' || (1 + more)`
  // As long as its own, and in order.
  if (column === 'cid') return `'bafkrei' || printf('%08d', 1 + more) || substr(cid, 16)`
  return column
}
