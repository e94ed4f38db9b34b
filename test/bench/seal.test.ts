import { expect, test } from 'vitest'
import type { EpochId, SlotId } from '#domain/ids.ts'
import { row, type Row } from './seal/rows.ts'
import { table } from './seal/table.ts'
import { key, openWorld } from './seal/world.ts'

test('every row of a tiny table has its name, value, unit, and whether it passes', async () => {
  const rows: Row[] = []
  for await (const each of table({ projects: 3, slots: 2, growth: [2], rounds: 1, blockMs: 20 })) rows.push(each)
  for (const { name, value, unit, pass } of rows) {
    expect(name).toMatch(/\S/)
    expect(unit).toMatch(/\S/)
    expect([Number.isFinite(value), typeof pass]).toEqual([true, 'boolean'])
  }
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
  expect(rows.filter(({ target }) => target !== undefined)).toHaveLength(17)
})

test('an epoch is released though something else waits for a block', async () => {
  const world = await openWorld({ projects: 1, slots: 1, form: 'dag-cbor' })
  world.chain.assignSigner(1 as SlotId, key.address)
  await world.release(1)
  expect(world.sequencer.epoch(1 as EpochId)).toMatchObject({ state: 'released' })
  await world.stop()
})

test('a row passes up to its target, and without one', () => {
  expect([row('a', 2, 'ms', 2).pass, row('a', 2.01, 'ms', 2).pass, row('a', 9, 'ms').pass]).toEqual([true, false, true])
})
