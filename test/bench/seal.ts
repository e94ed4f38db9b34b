import { join } from 'node:path'
import { attestRows } from './attest/whole-process.ts'
import { heapOf, startChild } from './intake/child.ts'
import { type Row, tableOf } from './seal/rows.ts'
import type { TableOptions } from './seal/table.ts'

/**
 * What sealing an epoch costs a whole sequencer, and attesting it a whole validator: `./weft bench seal [--json]`. `WEFT_BENCH_GROWTH=20` leaves out the epochs of up to 125,000
 * submissions, which take a minute.
 */
const growth = (process.env['WEFT_BENCH_GROWTH'] ?? '10,20,40,125').split(',').map(Number)
const isJson = process.argv.includes('--json')

const rows: Row[] = []
const tell = (row: Row): void => {
  rows.push(row)
  if (!isJson) process.stdout.write(tableOf([row]))
}
// A heap of the size that the launcher gives a sequencer.
const sealing = startChild(join(import.meta.dirname, 'seal/sealing.ts'), heapOf('sequencer'))
const options: TableOptions = { projects: 1_000, slots: 20, growth, rounds: 3, blockMs: 1_000 }
await sealing.ask('open', options)
for (;;) {
  const { done, value } = await sealing.ask<IteratorResult<Row, undefined>>('next')
  if (done === true) break
  tell(value)
}
await sealing.kill()
for (const row of await attestRows()) tell(row)
if (isJson) process.stdout.write(`${JSON.stringify({ rows })}\n`)
