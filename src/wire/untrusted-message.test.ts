import { describe, expect, test } from 'vitest'
import { SnapshotSubmissionSchema } from './gen/submission_pb.ts'
import { parseMessage } from './untrusted-message.ts'

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
