import { expect, test } from 'vitest'
import { lived, sustained, type TableOptions } from './intake/table.ts'
import type { Row } from './seal/rows.ts'

/** Nine processes start, each of which reads a few hundred files, on whatever else the machine has to do. */
const TIMEOUT_MS = 180_000

const TINY: TableOptions = {
  peers: 5,
  peersOfMany: 3,
  fewPeers: 2,
  count: 50,
  burst: 50,
  idleMs: 10,
  epochs: 3,
  perSecond: 1_000,
  relayedPeers: 2,
  signatures: 512,
}

test.each([
  ['one that is not sealed', lived],
  ['one of three epochs that are', sustained],
])(
  'every row of a tiny intake, %s, has its name, value, unit, and whether it passes, and nothing is lost',
  async (_, rowsOf) => {
    const rows: Row[] = []
    for await (const each of rowsOf(TINY)) rows.push(each)
    for (const { name, value, unit, pass } of rows) {
      expect(name).toMatch(/\S/)
      expect(unit).toMatch(/\S/)
      expect([name, Number.isFinite(value), typeof pass]).toEqual([name, true, 'boolean'])
    }
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
    expect(rows.filter(({ unit, pass }) => unit === 'submissions' && !pass)).toEqual([])
  },
  TIMEOUT_MS,
)
