import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ReceiptMessageSchema } from './gen/weft_pb.ts'
import { createMessageReader } from './message-reader.ts'
import { asHeld, oddMessages, oddTexts } from './odd-message.test-world.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const runs = { numRuns: Number(process.env['FUZZ_INPUTS'] ?? 5_000), ...replay }

const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 150 })
const bytes = fc.uint8Array({ maxLength: 300 })
const plain = fc.record({
  submissionId: ascii,
  code: ascii,
  reason: ascii,
  anchorBlock: fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constantFrom(0, 127, 128, 2 ** 32, Number.MAX_SAFE_INTEGER)).map(BigInt),
  index: fc.oneof(fc.nat(300), fc.nat(2 ** 32 - 1)),
  siblings: bytes,
  signature: bytes,
})
const encoded = (message: object): Uint8Array => toBinary(ReceiptMessageSchema, create(ReceiptMessageSchema, message))

const reader = createMessageReader({ 1: 'text', 2: 'text', 3: 'text', 4: 'uint', 5: 'uint', 6: 'bytes', 7: 'bytes' })
const found = () => ({
  submissionId: reader.text(1),
  code: reader.text(2),
  reason: reader.text(3),
  anchorBlock: BigInt(reader.uint(4)),
  index: reader.uint(5),
  siblings: reader.bytes(6),
  signature: reader.bytes(7),
})
function generated(message: Uint8Array) {
  const { $typeName: _, $unknown: __, ...fields } = fromBinary(ReceiptMessageSchema, message, { readUnknownFields: false })
  return fields
}

describe('a message', () => {
  test('that is plain is read as the generated code reads it', () => {
    fc.assert(
      fc.property(plain, (message) => {
        const written = encoded(message)
        expect(reader.read(written)).toBe(true)
        expect(found()).toEqual(message)
        for (const [index, value] of Object.values(message).entries())
          expect(reader.has(index + 1)).toBe(typeof value === 'object' || typeof value === 'string' ? value.length > 0 : Number(value) > 0)
      }),
      replay,
    )
  })

  test('of whatever bytes is read as the generated code reads it, or left to that', () => {
    const edit = fc.record({ at: fc.nat(), byte: fc.nat(255), count: fc.nat(2) })
    const messages = fc.tuple(plain, fc.array(edit, { maxLength: 3 }), fc.option(plain)).map(([message, edits, more]) => {
      const written = [...encoded(message), ...(more === null ? [] : encoded(more))]
      for (const { at, byte, count } of edits) written.splice(at % (written.length + 1), count, byte)
      return Uint8Array.from(written)
    })
    let readCount = 0
    const text = oddTexts()
    const odd = fc
      .tuple(oddMessages({ 1: text, 2: text, 3: text, 4: 'number', 5: 'number', 6: text, 7: text }), asHeld)
      .map(([message, held]) => held(message))
    fc.assert(
      fc.property(fc.oneof(odd, messages, bytes), (message) => {
        if (!reader.read(message)) return
        readCount += 1
        // Of a number of 32 bits the generated code cuts off the rest: who has such a field looks.
        if (reader.uint(5) < 2 ** 32) expect(found()).toEqual(generated(message))
      }),
      runs,
    )
    expect(readCount).toBeGreaterThan(runs.numRuns / 20)
  })
})

test.each([
  ['a field that the message does not have', [0x42, 0x00]],
  ['a field twice', [0x20, 1, 0x20, 2]],
  ['a field twice, and the second like another', [0x20, 1, 0x20, 0x28, 1]],
  ['a field written as another kind', [0x0d, 0, 0, 0, 0]],
  ['a number of more than 2^53', [0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f]],
  ['a number that does not end', [0x20, 0x80]],
  ['a number of nine bytes', [0x20, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
  ['a text that does not end', [0x0a, 2, 0x61]],
  ['a text that is not ASCII', [0x0a, 2, 0xc3, 0xa4]],
  ['a text that is just beyond ASCII', [0x0a, 1, 0x80]],
  ['a tag of two bytes', [0xa0, 0x00, 0x01]],
])('%s is left to the generated code', (_, message) => {
  expect(reader.read(Uint8Array.from(message))).toBe(false)
})

test('what was found is a part of what was read, and of nothing read before', () => {
  expect(reader.read(encoded({ code: 'first', siblings: Uint8Array.of(1, 2) }))).toBe(true)
  const second = encoded({ reason: 'second', signature: Uint8Array.of(3) })
  const within = new Uint8Array(second.length + 9)
  within.set(second, 5)
  const part = within.subarray(5, 5 + second.length)
  expect(reader.read(part)).toBe(true)
  expect([reader.text(2), reader.text(3), reader.bytes(6).length, [...reader.bytes(7)]]).toEqual(['', 'second', 0, [3]])
  expect(reader.bytes(7).buffer).toBe(within.buffer)
})

test('a number may be spelled in eight bytes, needless ones among them', () => {
  expect(reader.read(Uint8Array.of(0x20, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00))).toBe(true)
  expect(reader.uint(4)).toBe(1)
})

test('fields are read up to the number 15: the tags of those beyond have two bytes', () => {
  const highest = createMessageReader({ 15: 'uint', 16: 'uint' })
  expect(highest.read(Uint8Array.of(0x78, 7))).toBe(true)
  expect(highest.uint(15)).toBe(7)
  expect(highest.read(Uint8Array.of(0x80, 0x01, 7))).toBe(false)
})
