import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { NAMES } from '../hostile/misbehaviours.ts'
import { type HostileOutcome, runHostile, tableOf } from '../hostile/network.ts'

/** A whole network whose every role reaches its chains through an endpoint of its own that misbehaves, each in another way at any moment. */

const SEED = 1
const EPOCHS = 2
const RUN_MS = 100_000
const folder = mkdtempSync(join(tmpdir(), 'weft-e2e-hostile-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function expectWhole(outcome: HostileOutcome): void {
  const { lines, summary, wasted, rows } = outcome
  const told = tableOf(outcome)
  expect(summary.unfinished, told).toEqual([])
  expect(
    lines.map(({ epochId }) => epochId),
    told,
  ).toEqual(Array.from({ length: lines.length }, (_, index) => index + 1))
  for (const line of lines) expect(line, told).toMatchObject({ finalized: line.projects, missed: [], attestations: 3 })
  expect(wasted, 'nothing is sent twice, or in vain').toEqual([])
  for (const { role, chain, misbehaviour, named } of rows)
    expect(new Set(named).size, `${role} names ${named.join(', ')} of its ${chain} chain while there is ${misbehaviour}`).toBe(named.length)
}

test(
  'beside an honest endpoint, whatever the other one does: every epoch is whole',
  async () => {
    expectWhole(await runHostile({ dataDir: join(folder, 'beside'), how: 'beside', seed: SEED, epochs: EPOCHS, names: NAMES }))
  },
  RUN_MS,
)

test(
  'alone, so long as it can be borne: every epoch is whole',
  async () => {
    expectWhole(await runHostile({ dataDir: join(folder, 'alone'), how: 'alone', seed: SEED, epochs: EPOCHS, names: NAMES }))
  },
  RUN_MS,
)
