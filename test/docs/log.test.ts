import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CONTRACT_CODES, CONTRACT_ERRORS } from '#domain/contract-codes.ts'
import { EPOCH_REASONS } from '#domain/epoch.ts'
import { ERRORS } from '#domain/errors.ts'
import { EVENTS } from '#domain/events.ts'
import { PROJECT_REASONS } from '#domain/project.ts'
import { BATCH_REASONS, DELIVERY_REASONS, RECOMPUTE_REASONS, UNREADY_REASONS, UNTOLD_REASONS } from '#domain/reasons.ts'
import { REJECTIONS } from '#domain/rejection.ts'
import { logPage } from '../../tools/docs/log.ts'

const home = join(import.meta.dirname, '../..')

test('docs/LOG.md is what the tables say', () => {
  expect(readFileSync(join(home, 'docs/LOG.md'), 'utf8')).toBe(logPage())
})

/** The product's own text, without tests, fakes and what only tests use. */
const sources = globSync('src/{domain,life,roles,node,operator,io}/**/*.ts', { cwd: home })
  .filter((path) => !/\.test(-[a-z]+)?\.ts$|suite[^/]*\.ts$|fake[^/]*\.ts$/.test(path))
  .sort()
  .map((path) => ({ path, text: readFileSync(join(home, path), 'utf8') }))

/** What a pattern finds, with where. */
const found = (pattern: RegExp): { readonly name: string; readonly path: string }[] =>
  sources.flatMap(({ path, text }) => [...text.matchAll(pattern)].map(([, name = '']) => ({ name, path })))

describe('no name that a log line or a record can carry lacks its row', () => {
  const events = [...found(/\breport\((?:[a-zA-Z.]+ === '[a-z]+' \? )?'([a-z_]+)'/g), ...found(/\breport\(.+ : '([a-z_]+)'/g)]

  test('of events: each that is reported is in the table, and each of the table is reported', () => {
    expect(events.filter(({ name }) => !Object.hasOwn(EVENTS, name))).toEqual([])
    // The ends of a batch are put together from its state; the type of `report` holds them to the table.
    const known = new Set([...events.map(({ name }) => name), 'batch_attested', 'batch_withheld', 'batch_missed'])
    expect(Object.keys(EVENTS).filter((event) => !known.has(event))).toEqual([])
  })

  test('of reasons and codes: each that the code writes is in a table that `./weft explain` reads', () => {
    const tables = [
      ERRORS,
      REJECTIONS,
      CONTRACT_CODES,
      CONTRACT_ERRORS,
      EPOCH_REASONS,
      PROJECT_REASONS,
      BATCH_REASONS,
      DELIVERY_REASONS,
      UNTOLD_REASONS,
      RECOMPUTE_REASONS,
      UNREADY_REASONS,
    ]
    const known = new Set([...tables.flatMap((table) => Object.keys(table)), 'accepted', 'duplicate', 'simulated'])
    const written = found(/\b(?:reason|code|why): '([A-Za-z_]+)'/g)
    expect(written.length).toBeGreaterThan(30)
    expect(written.filter(({ name }) => !known.has(name))).toEqual([])
  })
})
