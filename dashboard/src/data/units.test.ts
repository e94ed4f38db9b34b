import { describe, expect, test } from 'vitest'
import { jsonSchemaOf, float, int, list, map, nullable, object } from '#domain/snapshot-schema.ts'
import { declaredAt, writerOf } from './units.ts'

const SCHEMA = jsonSchemaOf(
  object({
    price: float({ unit: 'EUR', description: 'Of one' }),
    reserves: map(float({ unit: 'token 0' }), { key: 'block' }),
    pairs: list(object({ liquidity: float({ unit: 'USD' }), change: float({ unit: '%' }) })),
    rates: nullable(object({ used: float({ unit: 'ratio' }) })),
    timestamp: int({ unit: 'seconds' }),
    age: int({ unit: 's' }),
    volumes: map(float(), { unit: 'USD' }),
    totalTrade: float(),
  }),
)

describe('a number is written in the unit that its schema declares', () => {
  test.each([
    [['price'], 1.5, '1.5 EUR'],
    [['reserves', 'block17'], 2_000, '2,000 token 0'],
    [['reserves', '*'], 2_000, '2,000 token 0'],
    [['pairs', '3', 'liquidity'], 12.5, '$12.50'],
    [['pairs', '3', 'change'], 2.5, '2.5 %'],
    [['rates', 'used'], 0.25, '25.00%'],
    [['timestamp'], 1_700_000_000, expect.stringContaining('2023')],
    [['age'], 90, '1 min 30 s'],
    // A map may say it for all that is in it.
    [['volumes', 'anything'], 12.5, '$12.50'],
  ])('%j', (path, value, written) => {
    expect(writerOf(path, SCHEMA)(value)).toEqual(written)
  })

  test('else by its name, and where that says nothing as it is', () => {
    expect(writerOf(['totalTrade'], SCHEMA)(12.5)).toBe('$12.50')
    expect(writerOf(['totalTrade'])(12.5)).toBe('$12.50')
    expect(writerOf(['raw'], SCHEMA)(12.5)).toBe('12.5')
    for (const odd of [null, 7, [], { anyOf: {} }, { properties: [], items: true }]) expect(writerOf(['a', 'b'], odd)(12.5)).toBe('12.5')
  })
})

test('what a field means is what is declared of it, not of what holds it', () => {
  expect(declaredAt(SCHEMA, ['price'])).toEqual({ unit: 'EUR', description: 'Of one' })
  expect(declaredAt(SCHEMA, ['pairs', '0'])).toEqual({})
})
