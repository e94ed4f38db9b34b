import { rowsOf } from './scale-out/rows.ts'
import { type Row, tableOf } from './seal/rows.ts'

/**
 * What it costs to take submissions in through JetStream: `./weft bench scale-out [--json]`. All parts are processes of the command line on a real chain, over one NATS server that
 * syncs each write; their CPU is counted with all threads, as Linux counts it, and that of who loads them is not. All of it shares the machine.
 */
const isJson = process.argv.includes('--json')

// Ctrl-C passes by the end of this file, and by what is done at the end of a process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const rows: Row[] = []
const options = { slots: 100, projects: Number(process.env['WEFT_BENCH_PROJECTS'] ?? 100), perWrite: 5 }
for await (const row of rowsOf(options)) {
  rows.push(row)
  if (!isJson) process.stdout.write(tableOf([row]))
}
if (isJson) process.stdout.write(`${JSON.stringify({ rows })}\n`)
