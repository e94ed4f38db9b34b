import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inputOf, sha256Of } from './sha256.ts'

const replayFromEnv = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const hash = (bytes: Uint8Array): string => {
  inputOf(bytes.length).set(bytes)
  return sha256Of(bytes.length).toHex()
}
const expected = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

test('every length gives what Node.js gives, across all that padding does', () => {
  for (let length = 0; length <= 300; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 131 + length) & 255)
    expect(hash(bytes)).toBe(expected(bytes))
  }
})

test('what was hashed before leaves nothing behind', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (inputs) => {
      expect(inputs.map(hash)).toEqual(inputs.map(expected))
    }),
    { numRuns: 200, ...replayFromEnv },
  )
})
