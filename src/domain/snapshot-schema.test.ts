import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  boolean,
  either,
  float,
  int,
  jsonSchemaOf,
  list,
  map,
  nullable,
  object,
  type SnapshotOf,
  snapshotProblems,
  text,
} from './snapshot-schema.ts'

const schema = object({
  contract: text({ description: 'The pair.' }),
  complete: boolean(),
  reserves: map(float({ unit: 'USD' }), { key: 'block' }),
  pairs: list(object({ name: nullable(text()), swaps: int() })),
})
const value = { contract: '0x1', complete: true, reserves: { block7: 1.5 }, pairs: [{ name: null, swaps: 3n }] }

describe('snapshotProblems', () => {
  test('a snapshot as declared has none', () => {
    expect(snapshotProblems(schema, value)).toEqual([])
  })

  test('an integer where a float is declared is told, and the other way round: they are different bytes', () => {
    expect(snapshotProblems(schema, { ...value, reserves: { block7: 1n } })).toEqual(['reserves.block7 is an integer, a float is declared'])
    expect(snapshotProblems(schema, { ...value, pairs: [{ name: 'A-B', swaps: 3 }] })).toEqual([
      'pairs[0].swaps is a float, an integer is declared',
    ])
  })

  test('what is missing, not declared, null, or no key of a block is told with its place', () => {
    const { contract: _, ...rest } = value
    expect(snapshotProblems(schema, { ...rest, more: 1n, complete: null, reserves: { x: 2, block07: 1 } })).toEqual([
      'contract is missing',
      'complete is null, a boolean is declared',
      'reserves.x is no key of a block',
      'reserves.block07 is no key of a block',
      'more is not declared',
    ])
  })

  test('names that every object has are not taken for fields', () => {
    expect(snapshotProblems(object({}), { toString: 1n })).toEqual(['toString is not declared'])
    expect(snapshotProblems(object({ toString: int() }), {})).toEqual(['toString is missing'])
  })

  test('of several forms one must fit, each of them whole', () => {
    const schema = list(either([object({ amount: int() }), object({ price: float() })]))
    expectTypeOf<SnapshotOf<typeof schema>>().toEqualTypeOf<readonly ({ readonly amount: bigint } | { readonly price: number })[]>()
    expect(snapshotProblems(schema, [{ amount: 1n }, { price: 1 }])).toEqual([])
    expect(snapshotProblems(schema, [{ amount: 1n }, { amount: 1, price: 1 }])).toEqual(['[1] has none of the forms declared'])
    expect(snapshotProblems(either([int(), text()]), null)).toEqual(['the snapshot has none of the forms declared'])
    expect(jsonSchemaOf(schema)).toMatchObject({ items: { anyOf: [{ required: ['amount'] }, { required: ['price'] }] } })
  })

  test('the whole may be of another kind, and nothing of JSON', () => {
    expect(snapshotProblems(schema, [])).toEqual(['the snapshot is a list, an object is declared'])
    expect(snapshotProblems(list(int()), {})).toEqual(['the snapshot is an object, a list is declared'])
    expect(snapshotProblems(int(), undefined as never)).toEqual(['the snapshot is nothing that JSON has, an integer is declared'])
  })

  test('of many problems the first twenty are told', () => {
    expect(snapshotProblems(list(int()), Array(50).fill('x'))).toHaveLength(20)
  })
})

test('types follow the schema', () => {
  expectTypeOf<SnapshotOf<typeof schema>>().toEqualTypeOf<{
    readonly contract: string
    readonly complete: boolean
    readonly reserves: { readonly [key: string]: number }
    readonly pairs: readonly { readonly name: string | null; readonly swaps: bigint }[]
  }>()
})

test('JSON Schema says kinds, units, descriptions and keys', () => {
  expect(jsonSchemaOf(schema)).toEqual({
    type: 'object',
    properties: {
      contract: { type: 'string', description: 'The pair.' },
      complete: { type: 'boolean' },
      reserves: { type: 'object', additionalProperties: { type: 'number', 'x-unit': 'USD' }, 'x-key': 'block' },
      pairs: {
        type: 'array',
        items: {
          type: 'object',
          properties: { name: { anyOf: [{ type: 'string' }, { type: 'null' }] }, swaps: { type: 'integer' } },
          required: ['name', 'swaps'],
          additionalProperties: false,
        },
      },
    },
    required: ['contract', 'complete', 'reserves', 'pairs'],
    additionalProperties: false,
  })
})
