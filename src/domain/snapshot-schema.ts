import type { JsonValue } from './compute.ts'

/**
 * What a snapshot looks like, said by whoever computes it. The kind of every number is part of it, for a `bigint` and a `number` are different
 * bytes and so different CIDs; units and descriptions are shown to readers.
 *
 *     const schema = object({ price: float({ unit: 'USD' }), reserves: map(int({ unit: 'wei' }), { key: 'block' }) })
 *     type Price = SnapshotOf<typeof schema>   // { price: number; reserves: Readonly<Record<string, bigint>> }
 */
export type SnapshotSchema =
  | (Note & { readonly kind: 'int' | 'float' | 'text' | 'boolean' })
  | (Note & { readonly kind: 'nullable'; readonly of: SnapshotSchema })
  | (Note & { readonly kind: 'list'; readonly of: SnapshotSchema })
  | (Note & { readonly kind: 'map'; readonly of: SnapshotSchema })
  | (Note & { readonly kind: 'either'; readonly of: readonly SnapshotSchema[] })
  | (Note & { readonly kind: 'object'; readonly fields: { readonly [name: string]: SnapshotSchema } })

export interface Note {
  /** `USD`, `wei`, `seconds`, `%` … */
  readonly unit?: string
  /** A sentence for readers. */
  readonly description?: string
  /** Of a map: what its keys are. `block`: `block<N>`, ascending. */
  readonly key?: 'block' | 'text'
}

/** The value that a schema describes, as computes write it. */
export type SnapshotOf<Schema extends SnapshotSchema> = Schema extends { readonly kind: 'object'; readonly fields: infer Fields }
  ? { readonly [Name in keyof Fields]: Fields[Name] extends SnapshotSchema ? SnapshotOf<Fields[Name]> : never }
  : Schema extends { readonly kind: 'list'; readonly of: infer Item extends SnapshotSchema }
    ? readonly SnapshotOf<Item>[]
    : Schema extends { readonly kind: 'map'; readonly of: infer Item extends SnapshotSchema }
      ? { readonly [key: string]: SnapshotOf<Item> }
      : Schema extends { readonly kind: 'nullable'; readonly of: infer Item extends SnapshotSchema }
        ? SnapshotOf<Item> | null
        : Schema extends { readonly kind: 'either'; readonly of: readonly (infer Item extends SnapshotSchema)[] }
          ? SnapshotOf<Item>
          : Schema extends { readonly kind: 'int' }
            ? bigint
            : Schema extends { readonly kind: 'float' }
              ? number
              : Schema extends { readonly kind: 'text' }
                ? string
                : Schema extends { readonly kind: 'boolean' }
                  ? boolean
                  : never

export const int = (note: Note = {}) => ({ kind: 'int', ...note }) as const
export const float = (note: Note = {}) => ({ kind: 'float', ...note }) as const
export const text = (note: Note = {}) => ({ kind: 'text', ...note }) as const
export const boolean = (note: Note = {}) => ({ kind: 'boolean', ...note }) as const
export const nullable = <const Item extends SnapshotSchema>(of: Item, note: Note = {}) => ({ kind: 'nullable', of, ...note }) as const
export const list = <const Item extends SnapshotSchema>(of: Item, note: Note = {}) => ({ kind: 'list', of, ...note }) as const
export const map = <const Item extends SnapshotSchema>(of: Item, note: Note = {}) => ({ kind: 'map', of, ...note }) as const
/** One of several forms, as where a list holds events of different kinds. */
export const either = <const Items extends readonly SnapshotSchema[]>(of: Items, note: Note = {}) =>
  ({ kind: 'either', of, ...note }) as const
export const object = <const Fields extends { readonly [name: string]: SnapshotSchema }>(fields: Fields, note: Note = {}) =>
  ({ kind: 'object', fields, ...note }) as const

/** Told of one snapshot. */
const PROBLEMS_MAX = 20

/** Where a value is not as its schema says: `pairs[3].liquidity is an integer, a float is declared`. Empty when it is. */
export function snapshotProblems(schema: SnapshotSchema, value: JsonValue): readonly string[] {
  const problems: string[] = []
  look(schema, value, '', problems)
  return problems
}

function look(schema: SnapshotSchema, value: JsonValue, at: string, problems: string[]): void {
  if (problems.length >= PROBLEMS_MAX) return
  if (schema.kind === 'nullable') {
    if (value !== null) look(schema.of, value, at, problems)
    return
  }
  if (schema.kind === 'either') {
    if (!schema.of.some((each) => snapshotProblems(each, value).length === 0))
      problems.push(`${at || 'the snapshot'} has none of the forms declared`)
    return
  }
  const declared = schema.kind
  const found = kindOf(value)
  const isFit = declared === found || (declared === 'map' && found === 'object')
  if (!isFit) {
    problems.push(`${at || 'the snapshot'} is ${WORDS[found]}, ${WORDS[declared]} is declared`)
    return
  }
  if (schema.kind === 'list')
    for (const [index, item] of (value as readonly JsonValue[]).entries()) look(schema.of, item, `${at}[${index}]`, problems)
  if (schema.kind === 'map')
    for (const [key, item] of Object.entries(value as object)) {
      if (schema.key === 'block' && !/^block(0|[1-9][0-9]*)$/.test(key)) problems.push(`${below(at, key)} is no key of a block`)
      look(schema.of, item as JsonValue, below(at, key), problems)
    }
  if (schema.kind === 'object') lookAtFields(schema.fields, value as { readonly [name: string]: JsonValue }, at, problems)
}

function lookAtFields(
  fields: { readonly [name: string]: SnapshotSchema },
  value: { readonly [name: string]: JsonValue },
  at: string,
  problems: string[],
): void {
  for (const [name, field] of Object.entries(fields)) {
    if (Object.hasOwn(value, name)) look(field, value[name] as JsonValue, below(at, name), problems)
    else problems.push(`${below(at, name)} is missing`)
  }
  for (const name of Object.keys(value)) if (!Object.hasOwn(fields, name)) problems.push(`${below(at, name)} is not declared`)
}

const below = (at: string, name: string): string => (at === '' ? name : `${at}.${name}`)

const WORDS = {
  int: 'an integer',
  float: 'a float',
  text: 'a text',
  boolean: 'a boolean',
  list: 'a list',
  map: 'a map',
  object: 'an object',
  null: 'null',
  nothing: 'nothing that JSON has',
} as const

function kindOf(value: JsonValue): keyof typeof WORDS {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'list'
  const kinds = { bigint: 'int', number: 'float', string: 'text', boolean: 'boolean', object: 'object' } as const
  return kinds[typeof value as keyof typeof kinds] ?? 'nothing'
}

/** The same in the words of JSON Schema 2020-12, for readers of JSON. Integers may have any number of digits. */
export function jsonSchemaOf(schema: SnapshotSchema): { readonly [key: string]: unknown } {
  const { unit, description, kind } = schema
  const note = { ...(description !== undefined && { description }), ...(unit !== undefined && { 'x-unit': unit }) }
  switch (kind) {
    case 'int':
      return { type: 'integer', ...note }
    case 'float':
      return { type: 'number', ...note }
    case 'text':
      return { type: 'string', ...note }
    case 'boolean':
      return { type: 'boolean', ...note }
    case 'nullable':
      return { anyOf: [jsonSchemaOf(schema.of), { type: 'null' }], ...note }
    case 'either':
      return { anyOf: schema.of.map(jsonSchemaOf), ...note }
    case 'list':
      return { type: 'array', items: jsonSchemaOf(schema.of), ...note }
    case 'map':
      return {
        type: 'object',
        additionalProperties: jsonSchemaOf(schema.of),
        ...(schema.key !== undefined && { 'x-key': schema.key }),
        ...note,
      }
    case 'object':
      return {
        type: 'object',
        properties: Object.fromEntries(Object.entries(schema.fields).map(([name, field]) => [name, jsonSchemaOf(field)])),
        required: Object.keys(schema.fields),
        additionalProperties: false,
        ...note,
      }
  }
}
