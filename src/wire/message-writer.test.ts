import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SnapshotSubmissionSchema } from './gen/submission_pb.ts'
import { ReceiptMessageSchema } from './gen/weft_pb.ts'
import { withLength } from './length-prefix.ts'
import { createMessageWriter } from './message-writer.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const texts = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ minLength: 120, maxLength: 400 }))
const uints = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER))

describe('a message is written as the generated code writes it', () => {
  const writer = createMessageWriter()

  test('texts, numbers, bytes; with its length before it, too', () => {
    const messages = fc.record({ code: texts, reason: texts, anchorBlock: uints, siblings: fc.uint8Array({ maxLength: 20_000 }) })
    fc.assert(
      fc.property(messages, ({ code, reason, anchorBlock, siblings }) => {
        const expected = toBinary(
          ReceiptMessageSchema,
          create(ReceiptMessageSchema, { code, reason, anchorBlock: BigInt(anchorBlock), siblings }),
        )
        const write = (fields: Parameters<Parameters<typeof writer.message>[0]>[0]) =>
          fields.text(2, code).text(3, reason).uint(4, anchorBlock).bytes(6, siblings)
        expect(writer.message(write)).toEqual(expected)
        if (expected.length > 0) expect(writer.framed(write)).toEqual(withLength(expected))
      }),
      replay,
    )
  })

  test('a message in it, also an empty one; what is optional and given, also when it is empty', () => {
    const messages = fc.record({ slotId: uints, projectId: texts, nodeVersion: texts })
    fc.assert(
      fc.property(messages, ({ slotId, projectId, nodeVersion }) => {
        const message = create(SnapshotSubmissionSchema, { request: { slotId: BigInt(slotId), projectId }, nodeVersion })
        const written = writer.message((fields) =>
          fields.message(1, (of) => of.uint(1, slotId).text(5, projectId)).givenText(5, nodeVersion),
        )
        expect(written).toEqual(toBinary(SnapshotSubmissionSchema, message))
      }),
      replay,
    )
  })
})

test('what was given is not changed by what is written after it', () => {
  const writer = createMessageWriter()
  const first = writer.message((fields) => fields.text(1, 'first'))
  writer.message((fields) => fields.text(1, 'other'))
  expect(first).toEqual(createMessageWriter().message((fields) => fields.text(1, 'first')))
})

test.each([
  ['a number that is none of the field', -1],
  ['a fraction', 0.5],
])('nothing of a message with %s stands before the next', (_, value) => {
  const writer = createMessageWriter()
  const good = () => writer.framed((fields) => fields.text(1, 'good'))
  const before = good()
  expect(() => writer.framed((fields) => fields.message(1, (of) => of.text(1, 'bad').uint(2, value)))).toThrow()
  expect(good()).toEqual(before)
})
