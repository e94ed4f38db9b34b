import type { BlockNumber, SubmissionId } from '#domain/ids.ts'
import { REJECTIONS, type ReceiptCode } from '#domain/rejection.ts'
import type { Receipt, ReceiptProof } from '#domain/submission.ts'
import { DeliverySchema, ReceiptMessageSchema } from './gen/weft_pb.ts'
import { createFrameReader, type FrameReader } from './length-prefix.ts'
import { createMessageReader } from './message-reader.ts'
import { createMessageWriter } from './message-writer.ts'
import { SUBMISSION_BYTES_MAX } from './submission-proto.ts'
import { parseMessage } from './untrusted-message.ts'

/** The frames of `/weft/submit/1.0.0`: deliveries one way, receipts the other. */
export const SUBMIT_PROTOCOL = '/weft/submit/1.0.0'

/** A UUID has 36 characters; what is longer is refused before it is copied anywhere. */
const SUBMISSION_ID_LENGTH_MAX = 64
/** Reasons are for people and written by the receiver; longer ones are cut. */
const REASON_LENGTH_MAX = 256
/** Payload, id, two field tags with their lengths. */
const DELIVERY_BYTES_MAX = SUBMISSION_BYTES_MAX + 128
/**
 * Id, code and reason, the reason at three bytes a character. What is signed is told without a reason, and its proof takes 800 bytes where a
 * million are signed together: as long as before receipts were signed, so that readers of then take these.
 */
const RECEIPT_BYTES_MAX = 1_024
const SIGNATURE_BYTES = 65
/** Of a field of 32 bits. */
const INDEX_MAX = 2 ** 32 - 1
const TAKEN_CODES = ['accepted', 'duplicate', 'simulated']

/** One submission on its way. `payload` is a protobuf `SnapshotSubmission`, not looked into here. */
export interface Delivery {
  readonly submissionId: string
  readonly payload: Uint8Array
}

const writer = createMessageWriter()

export function encodeDelivery({ submissionId, payload }: Delivery): Uint8Array {
  return writer.framed((fields) => fields.text(1, submissionId).bytes(2, payload))
}

export function encodeReceipt({ submissionId, code, reason, proof }: Receipt): Uint8Array {
  return writer.framed((fields) => {
    fields.text(1, submissionId).text(2, code).text(3, reason.slice(0, REASON_LENGTH_MAX))
    if (proof === undefined) return
    fields.uint(4, proof.anchorBlock).uint(5, proof.index).bytes(6, proof.siblings).bytes(7, Uint8Array.fromHex(proof.signature))
  })
}

export const createDeliveryReader = (): FrameReader => createFrameReader({ frameBytesMax: DELIVERY_BYTES_MAX })
export const createReceiptReader = (): FrameReader => createFrameReader({ frameBytesMax: RECEIPT_BYTES_MAX })

// Stryker disable next-line StringLiteral: what is neither number nor text is bytes.
const deliveryFields = createMessageReader({ 1: 'text', 2: 'bytes' })

/** `undefined` when the frame holds something else; `frame_oversized` when the submission in it is too large. */
export function parseDelivery(frame: Uint8Array): Delivery | 'frame_oversized' | undefined {
  const message = deliveryFields.read(frame)
    ? { submissionId: deliveryFields.text(1), submission: deliveryFields.bytes(2) }
    : parseMessage(DeliverySchema, frame)
  if (message === undefined || message.submissionId.length > SUBMISSION_ID_LENGTH_MAX) return undefined
  if (message.submission.length > SUBMISSION_BYTES_MAX) return 'frame_oversized'
  return { submissionId: message.submissionId, payload: message.submission }
}

// Stryker disable next-line StringLiteral: what is neither number nor text is bytes; a code that is not ASCII is none, however it is read.
const receiptFields = createMessageReader({ 1: 'text', 2: 'text', 3: 'text', 4: 'uint', 5: 'uint', 6: 'bytes', 7: 'bytes' })

/** `undefined` when the frame holds something else, or a code that version 1.0.0 does not have. */
export function parseReceipt(frame: Uint8Array): Receipt | undefined {
  const message = plainReceiptIn(frame) ?? parseMessage(ReceiptMessageSchema, frame)
  if (message === undefined || !isReceiptCode(message.code)) return undefined
  const { submissionId, code, reason } = message
  const proof = proofIn(message)
  return { submissionId: submissionId as SubmissionId, code, reason, ...(proof && { proof }) }
}

/** As either reader gives it. */
interface LooseReceipt {
  readonly submissionId: string
  readonly code: string
  readonly reason: string
  readonly anchorBlock: number | bigint
  readonly index: number
  readonly siblings: Uint8Array
  readonly signature: Uint8Array
}

/** `undefined` where the generated code has to look. */
function plainReceiptIn(frame: Uint8Array): LooseReceipt | undefined {
  // A longer index is cut to 32 bits there.
  if (!receiptFields.read(frame) || receiptFields.uint(5) > INDEX_MAX) return undefined
  return {
    submissionId: receiptFields.text(1),
    code: receiptFields.text(2),
    reason: receiptFields.text(3),
    anchorBlock: receiptFields.uint(4),
    index: receiptFields.uint(5),
    siblings: receiptFields.bytes(6),
    signature: receiptFields.bytes(7),
  }
}

/** `undefined` without a signature. Whether it shows anything is for whoever checks it. */
function proofIn({ anchorBlock, index, siblings, signature }: LooseReceipt): ReceiptProof | undefined {
  if (signature.length !== SIGNATURE_BYTES || anchorBlock > Number.MAX_SAFE_INTEGER) return undefined
  return { anchorBlock: Number(anchorBlock) as BlockNumber, index, siblings, signature: signature.toHex() }
}

function isReceiptCode(code: string): code is ReceiptCode {
  return TAKEN_CODES.includes(code) || Object.hasOwn(REJECTIONS, code)
}
