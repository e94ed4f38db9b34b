import { type Row, tableOf } from './seal/rows.ts'
import { idleTable, memoryTable, table, windowTable } from './snapshotter/table.ts'

/** What the base snapshots of a market cost a snapshotter whose endpoint is 50 ms away, what long windows cost, and what doing nothing costs: `./weft bench snapshotter [--json]`. */
const isJson = process.argv.includes('--json')

const rows: Row[] = []
for (const rowsOf of [table({ pairs: [20, 60, 179], awayMs: 50, bulkPairs: 10_000 }), windowTable(), memoryTable(), idleTable()]) {
  for await (const each of rowsOf) {
    rows.push(each)
    if (!isJson) process.stdout.write(tableOf([each]))
  }
}
if (isJson) process.stdout.write(`${JSON.stringify({ rows })}\n`)
