import { type Row, tableOf } from './seal/rows.ts'
import { table } from './snapshotter/table.ts'

/** What the base snapshots of a market cost a snapshotter whose endpoint is 50 ms away: `./weft bench snapshotter [--json]`. */
const isJson = process.argv.includes('--json')

const rows: Row[] = []
for await (const each of table({ pairs: [20, 60, 179], awayMs: 50, bulkPairs: 10_000 })) {
  rows.push(each)
  if (!isJson) process.stdout.write(tableOf([each]))
}
if (isJson) process.stdout.write(`${JSON.stringify({ rows })}\n`)
