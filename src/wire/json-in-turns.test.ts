import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readJsonObject } from './json-in-turns.ts'

const replayFromEnv = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const bytesOf = (text: string) => new TextEncoder().encode(text)

function readWith(bytes: Uint8Array, pieceBytes?: number): { readonly value: unknown; readonly turns: number } {
  const reading = readJsonObject(bytes, pieceBytes)
  for (let turns = 1; ; turns += 1) {
    const { done, value } = reading.next()
    if (done === true) return { value: value && { ...value }, turns }
  }
}

/** What the engine's own parser makes of it, where that is an object. */
function whole(bytes: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

test('what is read in pieces is what is read at once', () => {
  const lists = fc.dictionary(fc.string(), fc.oneof(fc.array(fc.jsonValue(), { maxLength: 20 }), fc.jsonValue()))
  fc.assert(
    fc.property(lists, fc.constantFrom(undefined, '\t', '\r\n '), (record, indent) => {
      const text = JSON.stringify(record, undefined, indent)
      // Room for the longest value; so that lists are many pieces.
      const longest = Math.max(...Object.values(record).map((value) => JSON.stringify(value, undefined, indent).length))
      const bytes = bytesOf(text)
      expect(readWith(bytes, 4 * Math.max(100, longest)).value).toEqual(whole(bytes))
      expect(readWith(bytes).value).toEqual(whole(bytes))
    }),
    { numRuns: 200, ...replayFromEnv },
  )
})

test('G7: what is no JSON is none in whatever pieces', () => {
  const sound = bytesOf('{"a": [1, "x,]}\\"", [2, {"b": "\\\\"}], null] , "c":{"d":[ ]},"e":[],"f":"\u20ac"}')
  const bytes = fc.constantFrom(...bytesOf('{}[],:"\\ 1ax\n'), 0xff, 0xef)
  fc.assert(
    fc.property(fc.nat(sound.length - 1), bytes, fc.constantFrom(0, 1), fc.constantFrom(0, 1, 2), (at, byte, added, taken) => {
      const changed = Uint8Array.of(...sound.subarray(0, at), ...(added === 1 ? [byte] : []), ...sound.subarray(at + taken))
      const expected = whole(changed)
      expect(readWith(changed).value).toEqual(expected)
      const { value } = readWith(changed, 40)
      // A text without its quote may make one value larger than a piece.
      if (value !== undefined) expect(value).toEqual(expected)
    }),
    { numRuns: 2_000, ...replayFromEnv },
  )
})

test.each([
  '',
  '[]',
  '{}',
  ' {"a":1,}',
  '{,}',
  '{"a":[1,]}',
  '{"a":[,1]}',
  '{"a":[1,,2]}',
  '{"a":[12,34,]}',
  '{"a":[12,34,,56]}',
  '{"a":[12,34,56]}',
  '{"a":[1 2]}',
  '{"a":[1:2]}',
  '{"a":[1}}',
  '{"a":[1]]}',
  '{"a":1}}',
  '{"a":1} x',
  '{"a":1}{}',
  '{"a":1:2}',
  '{1:2}',
  '{"a"}',
  '{"a":1,"a":[2]}',
  '{"__proto__":[1]}',
  '\ufeff{"a":[1]}',
  '{"a":[\ufeff1]}',
  '{"a":["\ufeff"]}',
  '{"a":[1',
  '{"a":"',
])('%j is read, or not, as it is at once', (text) => {
  for (const pieceBytes of [undefined, 4, 5, 6, 8]) {
    const { value } = readWith(bytesOf(text), pieceBytes)
    if (pieceBytes === undefined || value !== undefined) expect(value).toEqual(whole(bytesOf(text)))
  }
})

test('G7: a long list is read in as many turns as it has pieces', () => {
  const text = JSON.stringify({ list: Array.from({ length: 1_000 }, (_, index) => `item ${index}`) })
  const { value, turns } = readWith(bytesOf(text), 1_000)
  expect(value).toEqual(JSON.parse(text))
  expect(turns).toBeGreaterThan(text.length / 1_100)
})

test('G7: a value that is larger than a piece is not read', () => {
  const of = (length: number) => [`{"a":"${'x'.repeat(length)}"}`, `{"a":["${'x'.repeat(length)}"]}`, `{"a":{"b":"${'x'.repeat(length)}"}}`]
  for (const text of of(10)) expect(readWith(bytesOf(text), 100).value).toEqual(JSON.parse(text))
  for (const text of of(101)) expect(readWith(bytesOf(text), 100).value).toBeUndefined()
})

test('G7: of more members than a thousand nothing is read, and small ones have no turn each', () => {
  const of = (count: number) =>
    bytesOf(JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, [index]]))))
  expect(readWith(of(1_000), 5_000)).toEqual({ value: whole(of(1_000)), turns: 3 })
  expect(readWith(of(1_001), 5_000).value).toBeUndefined()
})
