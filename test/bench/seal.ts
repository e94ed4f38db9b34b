import { row, type Row, tableOf } from './seal/rows.ts'
import { blocked } from './seal/blocked.ts'
import { seal } from './seal/sealed.ts'
import type { Size } from './seal/world.ts'

const full: Size = { projects: 1_000, slots: 20 }
const FORMS = ['json', 'dag-cbor'] as const

const rows: Row[] = []
for (const form of FORMS) {
  const sealed = await seal(full, form)
  console.error(sealed)
  rows.push(row(`x ${form}`, sealed.cpuMs / sealed.sha256Ms, '× sha256', form === 'json' ? 25 : 10))
  rows.push(row(`bytes ${form}`, sealed.bytes / sealed.submissions, 'bytes'))
  const { longestMs, receiptMs } = await blocked(full, form)
  rows.push(row(`blocked ${form}`, longestMs, 'ms', 50), row(`receipt ${form}`, receiptMs, 'ms'))
}
process.stdout.write(tableOf(rows))
