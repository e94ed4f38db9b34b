import fc from 'fast-check'
import { expect, test } from 'vitest'
import { completeBytes } from './older-engines.ts'

test('what an engine lacks does the same as where it has it', () => {
  const lacking = { prototype: {} } as {
    prototype: { toHex?: () => string }
    fromHex?: typeof Uint8Array.fromHex
    fromBase64?: typeof Uint8Array.fromBase64
  }
  completeBytes(lacking)
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(lacking.prototype.toHex?.call(bytes)).toBe(bytes.toHex())
      expect(lacking.fromHex?.(bytes.toHex())).toEqual(bytes)
      expect(lacking.fromBase64?.(bytes.toBase64())).toEqual(bytes)
    }),
  )
  for (const text of ['0', 'xy', '0x']) expect(() => lacking.fromHex?.(text)).toThrow(SyntaxError)
  expect(() => lacking.fromBase64?.('*')).toThrow()
})

test('what an engine has stays as it is', () => {
  const { toHex } = Uint8Array.prototype
  completeBytes(Uint8Array)
  expect(Uint8Array.prototype.toHex).toBe(toHex)
})
