import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonValue } from '#domain/compute.ts'
import { isWeftError } from '#domain/errors.ts'
import { canonicalJson, INT_DIGITS_MAX, JSON_DEPTH_MAX, parseCanonicalJson } from './canonical-json.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const textOf = (value: JsonValue) => new TextDecoder().decode(canonicalJson(value))
const parse = (text: string) => parseCanonicalJson(new TextEncoder().encode(text))
/** What a refusal says; `undefined` when nothing was refused. */
function detailOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (failure) {
    if (isWeftError(failure, 'JSON_MALFORMED')) return String(failure.facts.detail)
    throw failure
  }
}
const nested = (depth: number, wrap: (inner: JsonValue) => JsonValue): JsonValue => (depth === 0 ? null : wrap(nested(depth - 1, wrap)))

describe('writing', () => {
  test.each<[JsonValue, string]>([
    [5n, '5'],
    [5, '5.0'],
    [-0, '-0.0'],
    [1e-5, '1e-05'],
    [0.0001, '0.0001'],
    [1e16, '1e+16'],
    [9999999999999998, '9999999999999998.0'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    ['\x7f/é😀\ud800\n\x00', '"\\u007f/\\u00e9\\ud83d\\ude00\\ud800\\n\\u0000"'],
    // Code point order: a lone surrogate, U+E000, then U+10000 although its first code unit is below U+E000.
    [{ '\u{10000}': 3n, '\ue000': 2n, '\ud800': 1n }, '{"\\ud800":1,"\\ue000":2,"\\ud800\\udc00":3}'],
    // Nothing but surrogates: U+DC00 before U+10000, though its code unit is above.
    [{ '\u{10000}': 2n, '\udc00': 1n }, '{"\\udc00":1,"\\ud800\\udc00":2}'],
    // The same beginning, then less; then two code units that a step of two would pass over.
    [{ '\u{10000}b': 2n, '\u{10000}': 1n }, '{"\\ud800\\udc00":1,"\\ud800\\udc00b":2}'],
    [{ '\u{10000}': 1n, '\u{10000}b': 2n }, '{"\\ud800\\udc00":1,"\\ud800\\udc00b":2}'],
    [{ '\u{10000}\0': 2n, '\u{10000}': 1n }, '{"\\ud800\\udc00":1,"\\ud800\\udc00\\u0000":2}'],
    [{ ab: 2n, aa: 1n, '\u{10000}': 3n }, '{"aa":1,"ab":2,"\\ud800\\udc00":3}'],
    [JSON.parse('{"__proto__":null,"a":[true,[]]}'), '{"__proto__":null,"a":[true,[]]}'],
  ])('%o', (value, text) => {
    expect(textOf(value)).toBe(text)
  })

  test('refuses what is not JSON, too deep or too long for Python', () => {
    for (const wrap of [(inner: JsonValue) => [inner], (inner: JsonValue) => ({ a: inner })]) {
      expect(textOf(nested(JSON_DEPTH_MAX, wrap))).toContain('null')
      expect(detailOf(() => canonicalJson(nested(JSON_DEPTH_MAX + 1, wrap)))).toBe('nested deeper than 100')
    }
    expect(detailOf(() => canonicalJson({ a: undefined } as unknown as JsonValue))).toBe('a value of type undefined is not JSON')
    const tooLong = 10n ** BigInt(INT_DIGITS_MAX)
    for (const value of [tooLong, -tooLong]) expect(detailOf(() => canonicalJson(value))).toBe('an integer of more than 4300 digits')
    expect(textOf(tooLong / 10n)).toHaveLength(INT_DIGITS_MAX)
    expect(textOf(-tooLong / 10n)).toHaveLength(INT_DIGITS_MAX + 1)
  })

  test('G7: refuses more than 32 MiB', () => {
    expect(canonicalJson('x'.repeat(33_554_430))).toHaveLength(33_554_432)
    expect(() => canonicalJson('x'.repeat(33_554_431))).toThrow(
      /^COMPUTE_LIMIT .limit: size, allowed: 33554432, detail: it has 33554433 bytes/,
    )
  })
})

describe('reading', () => {
  test.each<[string, JsonValue]>([
    [' { "b" : 1, "a" : 1.0 } ', { b: 1n, a: 1 }],
    ['[NaN,-Infinity,Infinity,1e400]', [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]],
    ['"NaN \\" Infinity, -Infinity"', 'NaN " Infinity, -Infinity'],
    ['{"NaN":["\\\\",NaN,"Infinity"]}', { NaN: ['\\', Number.NaN, 'Infinity'] }],
    ['"\\/\\b\\f\\n\\r\\t"', '/\b\f\n\r\t'],
    ['-0', 0n],
    ['1E2', 100],
    ['123456789012345678901234567890', 123456789012345678901234567890n],
  ])('%s', (text, value) => {
    expect(parse(text)).toEqual(value)
  })

  test.each([
    ['', 'unexpected the end at character 0'],
    ['[1 }', 'unexpected "}" at character 3'],
    ['"open', 'unexpected the end at character 5'],
    ['"\\', 'unexpected "\\\\" at character 1'],
    ['"\\u123"', 'unexpected "\\\\" at character 1'],
    ['{x":1}', 'unexpected "x" at character 1'],
    ['1 2', 'unexpected "2" at character 2'],
  ])('says of %j what it is that does not belong there', (text, detail) => {
    expect(detailOf(() => parse(text))).toBe(detail)
  })

  const broken = ['', '{', '[1,]', '01', 'Nan', '-NaN', 'NaNN', 'InfinityNaN', '+Infinity', '1.', '.5', '[1 2]', '{"a" 1}', '{"a":1,}']
  const brokenText = ['"\\x"', '"open', "{'a':1}", '\ufeff1', '[1][2]', '"\\u12g4"', '"\n"']
  test.each([...broken, ...brokenText])('refuses %j', (text) => {
    expect(detailOf(() => parse(text))).toMatch(/^unexpected /)
  })

  test('refuses integers that Python would not read', () => {
    expect(parse(`-${'9'.repeat(INT_DIGITS_MAX)}`)).toBeLessThan(0n)
    for (const sign of ['', '-'])
      expect(detailOf(() => parse(sign + '9'.repeat(INT_DIGITS_MAX + 1)))).toBe('an integer of more than 4300 digits')
  })

  test('refuses deep nesting and bytes that are not UTF-8', () => {
    expect(detailOf(() => parse('['.repeat(100_000)))).toBe('nested deeper than 100')
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const nestedText = (depth: number) => `${open.repeat(depth)}null${close.repeat(depth)}`
      expect(textOf(parse(nestedText(JSON_DEPTH_MAX)))).toBe(nestedText(JSON_DEPTH_MAX))
      expect(detailOf(() => parse(nestedText(JSON_DEPTH_MAX + 1)))).toBe('nested deeper than 100')
    }
    expect(detailOf(() => parseCanonicalJson(new Uint8Array([0x22, 0xff, 0x22])))).toBe('the bytes are not UTF-8')
  })

  test('G7: refuses more than 32 MiB, before it reads them', () => {
    const blank = new Uint8Array(33_554_433).fill(0x20)
    blank[0] = 0x31
    expect(parseCanonicalJson(blank.subarray(0, 33_554_432))).toBe(1n)
    expect(detailOf(() => parseCanonicalJson(blank))).toBe('33554433 bytes, at most 33554432 are allowed')
  })

  test('whatever was written reads back the same', () => {
    // `fc.string` has a unit for any code point too, and takes seconds to make it.
    const points = fc.oneof(fc.nat({ max: 0x7f }), fc.nat({ max: 0x10ffff }), fc.integer({ min: 0xd800, max: 0xdfff }))
    const text = fc.array(points, { maxLength: 10 }).map((list) => String.fromCodePoint(...list))
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, false),
        fc.bigInt(),
        fc.double(),
        text,
        fc.array(tie('value')),
        fc.dictionary(text, tie('value')),
      ),
    }))
    fc.assert(
      fc.property(value, (original) => {
        const bytes = canonicalJson(original)
        expect(textOf(parseCanonicalJson(bytes))).toBe(new TextDecoder().decode(bytes))
        expect(bytes.every((byte) => byte >= 0x20 && byte < 0x7f)).toBe(true)
      }),
      { numRuns: 300, ...replay },
    )
  })

  test('bytes of any kind never do anything but parse or fail as malformed', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string().map((text) => new TextEncoder().encode(text)),
          fc.json().map((text) => new TextEncoder().encode(text)),
        ),
        (bytes) => {
          try {
            parseCanonicalJson(bytes)
          } catch (failure) {
            expect(isWeftError(failure, 'JSON_MALFORMED')).toBe(true)
          }
        },
      ),
      { numRuns: 500, ...replay },
    )
  })
})
