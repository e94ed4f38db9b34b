import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { NAMES } from './misbehaviours.ts'
import { runHostile } from './network.ts'
import { tableOf } from './results.ts'

/** The long form: `node test/hostile/run.ts [--how beside|alone] [--epochs N] [--seed N] [--only NAME,…] [--json]` prints what became of it. */

const { values } = parseArgs({
  options: {
    how: { type: 'string', default: 'beside' },
    epochs: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: NAMES.join() },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const dataDir = mkdtempSync(join(tmpdir(), 'weft-hostile-'))
try {
  const outcome = await runHostile({
    dataDir,
    how: values.how === 'alone' ? 'alone' : 'beside',
    epochs: Number(values.epochs),
    seed: Number(values.seed),
    names: NAMES.filter((name) => values.only.split(',').includes(name)),
    tell: (text) => process.stderr.write(`${text}\n`),
  })
  process.stdout.write(`${values.json ? JSON.stringify(outcome) : tableOf(outcome)}\n`)
  if (values.keep) process.stdout.write(`data directory: ${dataDir}\n`)
} finally {
  if (!values.keep) rmSync(dataDir, { recursive: true, force: true })
}
