import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { whereNotJson } from './json-place.ts'

describe('the place where a text stops being JSON', () => {
  test.each<[string, number, number, string]>([
    ['', 1, 1, 'a value'],
    ['{"a": 1,}', 1, 9, 'a name in double quotes'],
    ['{a: 1}', 1, 2, "a name in double quotes or '}'"],
    ['{"a": abc}', 1, 7, 'a value'],
    ["{'a': 1}", 1, 2, "a name in double quotes or '}'"],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3, "',' or '}'"],
    ['{\n  // why\n}', 2, 3, "a name in double quotes or '}'"],
    ['{"a" 1}', 1, 6, "':'"],
    ['[1 2]', 1, 4, "',' or ']'"],
    ['[1,', 1, 4, 'a value'],
    ['[007]', 1, 3, "',' or ']'"],
    ['{}\n{}', 2, 1, 'the end of the file'],
    ['{"a": "b\n"}', 1, 9, "'\"', or an escape that JSON has"],
    ['["\\x"]', 1, 3, "'\"', or an escape that JSON has"],
  ])('%j', (text, line, column, expected) => {
    expect(whereNotJson(text)).toEqual({ line, column, expected })
  })

  test('a string of megabytes takes no stack', () => {
    expect(whereNotJson(JSON.stringify(`${'x'.repeat(2_000_000)}${'\\'.repeat(1_000_000)}`))).toBe(undefined)
  })

  test('there is one exactly when the engine refuses the text', () => {
    const isJson = (text: string): boolean => {
      try {
        JSON.parse(text)
        return true
      } catch {
        return false
      }
    }
    const seed = process.env['FUZZ_SEED']
    const pieces = fc.constantFrom(...'{}[],:" \n\\ux01-.eE+'.split(''), 'true', 'null', '"a"', '"a":', '12', '\\u00e9', '\u2028')
    const spoiled = fc
      .tuple(fc.json(), fc.nat(), pieces)
      .map(([json, at, piece]) => `${json.slice(0, at % (json.length + 1))}${piece}${json.slice(at % (json.length + 1))}`)
    const texts = fc.oneof(
      fc.json(),
      spoiled,
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => (whereNotJson(text) === undefined) === isJson(text)),
      { numRuns: 2_000, ...(seed === undefined ? {} : { seed: Number(seed) }) },
    )
  })
})
