import { attestRows } from './attest/whole-process.ts'
import { tableOf } from './seal/rows.ts'

/** What attesting an epoch costs a whole validator process: `./weft bench attest [--json]`. */
const rows = await attestRows()
process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify({ rows })}\n` : tableOf(rows))
