import type { BlockNumber, SubmissionId } from '#domain/ids.ts'
import { REJECTIONS, type ReceiptCode } from '#domain/rejection.ts'
import type { Receipt, ReceiptProof } from '#domain/submission.ts'
import { DeliverySchema, type ReceiptMessage, ReceiptMessageSchema } from './gen/weft_pb.ts'
import { createFrameReader, type FrameReader } from './length-prefix.ts'
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

/** `undefined` when the frame holds something else; `frame_oversized` when the submission in it is too large. */
export function parseDelivery(frame: Uint8Array): Delivery | 'frame_oversized' | undefined {
  const message = parseMessage(DeliverySchema, frame)
  if (message === undefined || message.submissionId.length > SUBMISSION_ID_LENGTH_MAX) return undefined
  if (message.submission.length > SUBMISSION_BYTES_MAX) return 'frame_oversized'
  return { submissionId: message.submissionId, payload: message.submission }
}

/** `undefined` when the frame holds something else, or a code that version 1.0.0 does not have. */
export function parseReceipt(frame: Uint8Array): Receipt | undefined {
  const message = parseMessage(ReceiptMessageSchema, frame)
  if (message === undefined || !isReceiptCode(message.code)) return undefined
  const { submissionId, code, reason } = message
  const proof = proofIn(message)
  return { submissionId: submissionId as SubmissionId, code, reason, ...(proof && { proof }) }
}

/** `undefined` without a signature. Whether it shows anything is for whoever checks it. */
function proofIn({ anchorBlock, index, siblings, signature }: ReceiptMessage): ReceiptProof | undefined {
  if (signature.length !== SIGNATURE_BYTES || anchorBlock > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  return { anchorBlock: Number(anchorBlock) as BlockNumber, index, siblings, signature: signature.toHex() }
}

function isReceiptCode(code: string): code is ReceiptCode {
  return TAKEN_CODES.includes(code) || Object.hasOwn(REJECTIONS, code)
}
