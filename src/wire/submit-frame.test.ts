import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BlockNumber, SubmissionId } from '#domain/ids.ts'
import { DeliverySchema, ReceiptMessageSchema } from './gen/weft_pb.ts'
import { type FrameReader, type FrameStep, withLength } from './length-prefix.ts'
import { asHeld, FIELD_OF_NOBODY, oddMessages, oddTexts } from './odd-message.test-world.ts'
import {
  createDeliveryReader,
  createReceiptReader,
  encodeDelivery,
  encodeReceipt,
  parseDelivery,
  parseReceipt,
  SUBMIT_PROTOCOL,
} from './submit-frame.ts'
import { unlessThrown } from './untrusted.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const deliveries = fc.array(fc.record({ submissionId: fc.uuid({ version: 4 }), payload: fc.uint8Array({ maxLength: 500 }) }), {
  maxLength: 12,
})

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

/** Feeds `bytes` in pieces whose sizes repeat `sizes`. */
function feed(reader: FrameReader, bytes: Uint8Array, sizes: readonly number[]): FrameStep[] {
  const steps: FrameStep[] = []
  for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] as number
    steps.push(...reader.push(bytes.subarray(offset, offset + size)))
    offset += size
  }
  return steps
}

const runs = { numRuns: Number(process.env['FUZZ_INPUTS'] ?? 1_000), ...replay }

/** `read` says of what the generated code can read the same as it does of that with a field of nobody, which the generated code has to look at. */
function readsAsGenerated(
  schema: typeof DeliverySchema | typeof ReceiptMessageSchema,
  fields: Parameters<typeof oddMessages>[0],
  read: (bytes: Uint8Array) => unknown,
): void {
  let readCount = 0
  fc.assert(
    fc.property(oddMessages(fields), asHeld, (message, held) => {
      const isMessage = unlessThrown(() => fromBinary(schema, Uint8Array.from(message))) !== undefined
      const found = read(held(message))
      if (found !== undefined) readCount += 1
      expect(found).toEqual(isMessage ? read(held([...message, ...FIELD_OF_NOBODY])) : undefined)
    }),
    runs,
  )
  expect(readCount).toBeGreaterThan(runs.numRuns / 20)
}

const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 })

test('the stream has the name under which the other side listens', () => {
  expect(SUBMIT_PROTOCOL).toBe('/weft/submit/1.0.0')
})

describe('deliveries', () => {
  test('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(deliveries, sizes, (sent, cut) => {
        const reader = createDeliveryReader()
        const steps = feed(reader, concat(sent.map(encodeDelivery)), cut)
        expect(steps.map((step) => step.kind === 'frame' && parseDelivery(step.bytes))).toEqual(sent)
        expect(reader.isBetweenFrames()).toBe(true)
      }),
      replay,
    )
  })

  test('are written as the message of their type is', () => {
    fc.assert(
      fc.property(deliveries, (sent) => {
        for (const { submissionId, payload } of sent) {
          const message = toBinary(DeliverySchema, create(DeliverySchema, { submissionId, submission: payload }))
          expect(encodeDelivery({ submissionId, payload })).toEqual(withLength(message))
        }
      }),
      replay,
    )
  })

  test('are what the generated code takes them for, however they are written', () => {
    readsAsGenerated(DeliverySchema, { 1: oddTexts(), 2: oddTexts() }, parseDelivery)
  })

  test('garbage never throws, and after the first broken frame nothing is read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), sizes, (garbage, cut) => {
        const steps = feed(createDeliveryReader(), garbage, cut)
        for (const step of steps) if (step.kind === 'frame') parseDelivery(step.bytes)
        const firstBroken = steps.findIndex((step) => step.kind !== 'frame')
        expect(firstBroken === -1 || firstBroken === steps.length - 1).toBe(true)
      }),
      replay,
    )
  })

  test.each([
    ['a length over the limit', [0xff, 0xff, 0x7f], 'oversized'],
    ['a length of four bytes', [0x80, 0x80, 0x80, 0x01], 'malformed'],
    ['an empty frame', [0x00], 'malformed'],
    ['a length spelled with a needless byte', [0x81, 0x00], 'malformed'],
  ])('%s ends the reading', (_, bytes, kind) => {
    const reader = createDeliveryReader()
    expect(reader.push(Uint8Array.from(bytes))).toEqual([{ kind }])
    expect(reader.push(encodeDelivery({ submissionId: 'x', payload: new Uint8Array(1) }))).toEqual([])
  })

  test('a payload of 64 KiB passes, one byte more is told apart', () => {
    const largest = encodeDelivery({ submissionId: 'x', payload: new Uint8Array(65_536) })
    const [step] = createDeliveryReader().push(largest)
    expect(step?.kind === 'frame' && parseDelivery(step.bytes)).toMatchObject({ submissionId: 'x' })
    const [over] = createDeliveryReader().push(encodeDelivery({ submissionId: 'x', payload: new Uint8Array(65_537) }))
    expect(over?.kind === 'frame' && parseDelivery(over.bytes)).toBe('frame_oversized')
  })

  test('G7: an id of 64 characters passes, and the largest delivery there is fits into a frame', () => {
    const delivery = { submissionId: 'x'.repeat(64), payload: new Uint8Array(65_536) }
    const [step] = createDeliveryReader().push(encodeDelivery(delivery))
    expect(step?.kind === 'frame' && parseDelivery(step.bytes)).toEqual(delivery)
  })

  test('G7: a frame of 128 bytes more than the largest submission is read, one of 129 is not', () => {
    expect(createDeliveryReader().push(withLength(new Uint8Array(65_536 + 128)))[0]).toMatchObject({ kind: 'frame' })
    expect(createDeliveryReader().push(withLength(new Uint8Array(65_536 + 129)))).toEqual([{ kind: 'oversized' }])
  })

  test('an id that is too long, and bytes that are no delivery, are refused', () => {
    const [step] = createDeliveryReader().push(encodeDelivery({ submissionId: 'x'.repeat(65), payload: new Uint8Array(0) }))
    expect(step?.kind === 'frame' && parseDelivery(step.bytes)).toBeUndefined()
    expect(parseDelivery(Uint8Array.of(0xff, 0xff))).toBeUndefined()
  })
})

describe('receipts', () => {
  const receipt = { submissionId: 'e8b9a4d2-0a57-4c8e-9d2e-1f0f8f4f3b11' as SubmissionId, code: 'window_closed', reason: 'over' } as const

  test('come out as they went in; a long reason is cut', () => {
    const [step] = createReceiptReader().push(encodeReceipt({ ...receipt, reason: '界'.repeat(400) }))
    expect(step?.kind === 'frame' && parseReceipt(step.bytes)).toEqual({ ...receipt, reason: '界'.repeat(256) })
  })

  test('are written as the message of their type is, whatever they hold', () => {
    const proofs = fc.record({
      anchorBlock: fc.maxSafeNat(),
      index: fc.nat(2 ** 32 - 1),
      siblings: fc.uint8Array({ maxLength: 640 }),
      signature: fc.uint8Array({ minLength: 65, maxLength: 65 }),
    })
    const receipts = fc.record({
      submissionId: fc.oneof(fc.uuid({ version: 4 }), fc.string(), fc.constantFrom('', '界'.repeat(64))),
      code: fc.constantFrom(...(['accepted', 'rate_limited', 'inbox_full'] as const)),
      reason: fc.constantFrom('', 'over'),
      proof: fc.option(proofs, { nil: undefined }),
    })
    fc.assert(
      fc.property(receipts, ({ submissionId, code, reason, proof }) => {
        const shown = proof && { ...proof, anchorBlock: BigInt(proof.anchorBlock) }
        const message = toBinary(ReceiptMessageSchema, create(ReceiptMessageSchema, { submissionId, code, reason, ...shown }))
        const told = proof && { ...proof, anchorBlock: proof.anchorBlock as BlockNumber, signature: proof.signature.toHex() }
        expect(encodeReceipt({ submissionId: submissionId as SubmissionId, code, reason, ...(told && { proof: told }) })).toEqual(
          withLength(message),
        )
      }),
      replay,
    )
  })

  const proof = {
    anchorBlock: (2 ** 40) as BlockNumber,
    index: 2 ** 20 - 1,
    siblings: new Uint8Array(20 * 32).fill(7),
    signature: '1b'.repeat(65),
  }

  test('signed ones come out as they went in, and are no longer than what readers of before take', () => {
    const signed = { submissionId: receipt.submissionId, code: 'accepted', reason: '', proof } as const
    const bytes = encodeReceipt(signed)
    expect(bytes.length).toBeLessThan(1_024)
    const [step] = createReceiptReader().push(bytes)
    expect(step?.kind === 'frame' && parseReceipt(step.bytes)).toEqual(signed)
  })

  test.each([
    ['a signature of another length', { signature: '1b'.repeat(64) }],
    ['a block beyond all blocks', { anchorBlock: (2 ** 53) as BlockNumber }],
  ])('G7: with %s it is a receipt without proof', (_, change) => {
    const [step] = createReceiptReader().push(encodeReceipt({ ...receipt, proof: { ...proof, ...change } }))
    expect(step?.kind === 'frame' && parseReceipt(step.bytes)).toEqual(receipt)
  })

  test('are what the generated code takes them for, however they are written', () => {
    const text = oddTexts()
    const signature = oddTexts(fc.constant('r'.repeat(65)))
    const fields = { 1: text, 2: oddTexts(fc.constant('accepted')), 3: text, 4: 'number', 5: 'number', 6: text, 7: signature } as const
    readsAsGenerated(ReceiptMessageSchema, fields, parseReceipt)
  })

  test('bytes that are no receipt are refused', () => {
    expect(parseReceipt(Uint8Array.of(0xff, 0xff))).toBeUndefined()
  })

  test('a code that the protocol does not have is no receipt', () => {
    const [step] = createReceiptReader().push(encodeReceipt({ ...receipt, code: 'toString' as 'accepted' }))
    expect(step?.kind === 'frame' && parseReceipt(step.bytes)).toBeUndefined()
  })

  test.each(['accepted', 'duplicate', 'simulated', 'inbox_full', 'vote_conflict'] as const)('%s is a code of the protocol', (code) => {
    const [step] = createReceiptReader().push(encodeReceipt({ ...receipt, code }))
    expect(step?.kind === 'frame' && parseReceipt(step.bytes)?.code).toBe(code)
  })

  test('a frame over the limit is not read', () => {
    expect(createReceiptReader().push(withLength(new Uint8Array(1_024)))[0]).toMatchObject({ kind: 'frame' })
    expect(createReceiptReader().push(withLength(new Uint8Array(1_025)))).toEqual([{ kind: 'oversized' }])
  })
})
