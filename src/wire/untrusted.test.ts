import { describe, expect, test } from 'vitest'
import { SnapshotSubmissionSchema } from './gen/submission_pb.ts'
import { isRecord, parseJson, parseMessage, unlessThrown } from './untrusted.ts'

test.each([
  [{}, true],
  [Object.create(null), true],
  [[], false],
  [null, false],
  [undefined, false],
  ['{}', false],
  [7, false],
  [() => ({}), false],
])('%o is a record: %s', (value, expected) => {
  expect(isRecord(value)).toBe(expected)
})

test('text that is not JSON is undefined, null stays null', () => {
  expect([parseJson('{"a":[1]}'), parseJson('null'), parseJson('{"a"'), parseJson('')]).toEqual([{ a: [1] }, null, undefined, undefined])
})

describe('a protobuf message', () => {
  test('loses the fields that it does not have', () => {
    // Field 3, the header; then field 100.
    const message = parseMessage(SnapshotSubmissionSchema, Uint8Array.of(0x1a, 1, 0x61, 0xa2, 0x06, 1, 0x62))
    expect(message).toMatchObject({ header: 'a' })
    expect(message?.$unknown).toBeUndefined()
  })

  test('cut off, it is none', () => {
    expect(parseMessage(SnapshotSubmissionSchema, Uint8Array.of(0x1a, 2, 0x61))).toBeUndefined()
  })
})

test('what throws gives undefined, what does not gives its value', () => {
  const fails = () => {
    throw new Error('malformed')
  }
  expect([unlessThrown(fails), unlessThrown(() => 0)]).toEqual([undefined, 0])
})
