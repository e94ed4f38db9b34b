import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonValue } from '#domain/compute.ts'
import { isWeftError } from '#domain/errors.ts'
import { canonicalJson, INT_DIGITS_MAX, JSON_DEPTH_MAX, parseCanonicalJson } from './canonical-json.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const textOf = (value: JsonValue) => new TextDecoder().decode(canonicalJson(value))
const parse = (text: string) => parseCanonicalJson(new TextEncoder().encode(text))
const failsMalformed = (run: () => unknown) => {
  try {
    run()
  } catch (failure) {
    return isWeftError(failure, 'JSON_MALFORMED')
  }
  return false
}

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
    ['\x7f/é😀\ud800\n\x00', '"\\u007f/\\u00e9\\ud83d\\ude00\\ud800\\n\\u0000"'],
    // Code point order: a lone surrogate, U+E000, then U+10000 although its first code unit is below U+E000.
    [{ '\u{10000}': 3n, '\ue000': 2n, '\ud800': 1n }, '{"\\ud800":1,"\\ue000":2,"\\ud800\\udc00":3}'],
    [JSON.parse('{"__proto__":null,"a":[true,[]]}'), '{"__proto__":null,"a":[true,[]]}'],
  ])('%o', (value, text) => {
    expect(textOf(value)).toBe(text)
  })

  test('refuses what is not JSON, too deep or too long for Python', () => {
    const nested = (depth: number): JsonValue => (depth === 0 ? null : [nested(depth - 1)])
    expect(textOf(nested(JSON_DEPTH_MAX))).toContain('null')
    expect(failsMalformed(() => canonicalJson(nested(JSON_DEPTH_MAX + 1)))).toBe(true)
    expect(failsMalformed(() => canonicalJson({ a: undefined } as unknown as JsonValue))).toBe(true)
    expect(failsMalformed(() => canonicalJson(10n ** BigInt(INT_DIGITS_MAX)))).toBe(true)
    expect(textOf(-(10n ** BigInt(INT_DIGITS_MAX - 1)))).toHaveLength(INT_DIGITS_MAX + 1)
  })
})

describe('reading', () => {
  test.each<[string, JsonValue]>([
    [' { "b" : 1, "a" : 1.0 } ', { b: 1n, a: 1 }],
    ['[NaN,-Infinity,Infinity,1e400]', [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]],
    ['"NaN \\" Infinity, -Infinity"', 'NaN " Infinity, -Infinity'],
    ['{"NaN":["\\\\",NaN,"Infinity"]}', { NaN: ['\\', Number.NaN, 'Infinity'] }],
    ['-0', 0n],
    ['1E2', 100],
    ['123456789012345678901234567890', 123456789012345678901234567890n],
  ])('%s', (text, value) => {
    expect(parse(text)).toEqual(value)
  })

  const broken = ['', '{', '[1,]', '01', 'Nan', '-NaN', 'NaNN', 'InfinityNaN', '+Infinity', '1.', '.5', '[1 2]', '{"a" 1}', '{"a":1,}']
  const brokenText = ['"\\x"', '"open', "{'a':1}", '\ufeff1', '[1][2]', '"\\u12g4"', '"\n"']
  test.each([...broken, ...brokenText])('refuses %j', (text) => {
    expect(failsMalformed(() => parse(text))).toBe(true)
  })

  test('refuses integers that Python would not read', () => {
    expect(parse(`-${'9'.repeat(INT_DIGITS_MAX)}`)).toBeLessThan(0n)
    expect(failsMalformed(() => parse('9'.repeat(INT_DIGITS_MAX + 1)))).toBe(true)
  })

  test('refuses deep nesting and bytes that are not UTF-8', () => {
    expect(failsMalformed(() => parse('['.repeat(100_000)))).toBe(true)
    expect(failsMalformed(() => parse('['.repeat(JSON_DEPTH_MAX + 2) + ']'.repeat(JSON_DEPTH_MAX + 2)))).toBe(true)
    expect(failsMalformed(() => parseCanonicalJson(new Uint8Array([0x22, 0xff, 0x22])))).toBe(true)
  })

  test('whatever was written reads back the same', () => {
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, false),
        fc.bigInt(),
        fc.double(),
        fc.string({ unit: 'binary' }),
        fc.array(tie('value')),
        fc.dictionary(fc.string({ unit: 'binary' }), tie('value')),
      ),
    }))
    fc.assert(
      fc.property(value, (original) => {
        const bytes = canonicalJson(original)
        expect(canonicalJson(parseCanonicalJson(bytes))).toStrictEqual(bytes)
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
