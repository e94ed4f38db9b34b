import { expect, test, vi } from 'vitest'
import type { BlockNumber, SubmissionId } from '#domain/ids.ts'
import { FIELD_OF_NOBODY } from './odd-message.test-world.ts'
import { decodeSubmission, encodeSubmission } from './submission-proto.ts'
import { createFrameReader } from './length-prefix.ts'
import { encodeDelivery, encodeReceipt, parseDelivery, parseReceipt } from './submit-frame.ts'
import { parseMessage } from './untrusted-message.ts'

vi.mock('./untrusted-message.ts', { spy: true })

const submission = {
  request: { slotId: 7, deadlineBlock: 2 ** 40, snapshotCid: 'bafy', epochId: Number.MAX_SAFE_INTEGER, projectId: 'pairs:0x01:TEST' },
  signature: 'ab'.repeat(65),
  header: `0x${'0e'.repeat(32)}`,
  dataMarket: `0x${'21'.repeat(20)}`,
  nodeVersion: 'v2.11.0',
  protocolState: `0x${'5e'.repeat(20)}`,
} as unknown as NonNullable<ReturnType<typeof decodeSubmission>>
const submissionId = 'e8b9a4d2-0a57-4c8e-9d2e-1f0f8f4f3b11' as SubmissionId
const delivery = { submissionId, payload: Uint8Array.of(0x80, ...encodeSubmission(submission)) }
const refusal = { submissionId, code: 'quota_exceeded', reason: '4 projects an epoch' } as const
const siblings = new Uint8Array(640).fill(0xf7)
const proof = { anchorBlock: Number.MAX_SAFE_INTEGER as BlockNumber, index: 2 ** 32 - 1, siblings, signature: 'fb'.repeat(65) }
const promise = { submissionId, code: 'accepted', reason: '', proof } as const

function unframed(bytes: Uint8Array): Uint8Array {
  const [step] = createFrameReader({ frameBytesMax: bytes.length }).push(bytes)
  return step?.kind === 'frame' ? step.bytes : expect.fail('is no frame')
}

test.each<[string, unknown, Uint8Array, (bytes: Uint8Array) => unknown]>([
  ['a submission', submission, encodeSubmission(submission), decodeSubmission],
  ['a delivery', delivery, unframed(encodeDelivery(delivery)), parseDelivery],
  ['a receipt of what is refused', refusal, unframed(encodeReceipt(refusal)), parseReceipt],
  ['a signed receipt', promise, unframed(encodeReceipt(promise)), parseReceipt],
])('%s as our writers leave it costs no object of the generated type', (_, value, bytes, read) => {
  vi.mocked(parseMessage).mockClear()
  expect(read(bytes)).toEqual(value)
  expect(parseMessage).not.toHaveBeenCalled()
  expect(read(Uint8Array.from([...bytes, ...FIELD_OF_NOBODY]))).toEqual(value)
  expect(parseMessage).toHaveBeenCalledOnce()
})
