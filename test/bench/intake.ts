import { NOT_RUN, table } from './intake/table.ts'
import { type Row, tableOf } from './seal/rows.ts'

/**
 * What it costs to take submissions in, from a peer's bytes on a socket to its durable receipt: `./weft bench intake [--json]`. The sequencer is a process of its own, whose CPU is
 * counted with all its threads, and those who load it are another; both share the machine. `WEFT_BENCH_PEERS=1000` connects fewer, `WEFT_BENCH_EPOCHS` makes the long run shorter.
 */
const isJson = process.argv.includes('--json')
const setting = (name: string, fallback: number): number => Number(process.env[name] ?? fallback)

// Ctrl-C passes by the end of this file, and by what is done at the end of a process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const rows: Row[] = []
const peers = setting('WEFT_BENCH_PEERS', 5_000)
const options = {
  peers,
  peersOfMany: Math.min(peers, 1_000),
  fewPeers: 20,
  count: 40_000,
  burst: 40_000,
  idleMs: 10_000,
  epochs: setting('WEFT_BENCH_EPOCHS', 60),
  perSecond: 10_000,
  relayedPeers: 100,
  signatures: 40_000,
}
for await (const row of table(options)) {
  rows.push(row)
  if (!isJson) process.stdout.write(tableOf([row]))
}
if (isJson) process.stdout.write(`${JSON.stringify({ rows, notRun: NOT_RUN })}\n`)
else for (const { name, why } of NOT_RUN) process.stdout.write(`  ${name}: not run, ${why}\n`)
