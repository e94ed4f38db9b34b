import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CURSOR_LENGTH_MAX, decodeCursor, encodeCursor } from './cursor.ts'

const replayFromEnv = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

test('a place comes back, and its cursor needs no escaping in a URL', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (place) => {
      expect(encodeCursor(place)).toMatch(/^[\w-]*$/)
      if (encodeCursor(place).length <= CURSOR_LENGTH_MAX) expect(decodeCursor(encodeCursor(place))).toBe(place)
    }),
    { numRuns: 100, ...replayFromEnv },
  )
})

test('the longest project id and a slot fit', () => {
  const place = `${'x'.repeat(256)} ${'9'.repeat(16)}`
  expect(decodeCursor(encodeCursor(place))).toBe(place)
})

test.each(['*', 'a b', '_w', '/w==', 'x'.repeat(CURSOR_LENGTH_MAX + 4)])('%j is no cursor', (text) =>
  expect(decodeCursor(text)).toBeUndefined(),
)
