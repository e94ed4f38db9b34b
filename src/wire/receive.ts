import { isSubmissionId, type SubmissionId } from '#domain/ids.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import { decodeCollectJson, decodeSubmission, SUBMISSION_BYTES_MAX } from './submission-proto.ts'

/** In which of its two forms a submission is sent: protobuf, or the JSON of `/collect` (spec/02 §3). */
type SentAs = 'weft' | 'collect'

/** A delivery whose bytes are a submission. The payload is kept as it came: it is what gets stored. */
export interface Received {
  readonly submissionId: SubmissionId
  readonly submission: Submission
  readonly protocol: SentAs
  readonly payload: Uint8Array
}

/** Bytes to submission, or the code why not. Looks at form only. */
export function receive(delivery: {
  readonly submissionId: string
  readonly protocol: SentAs
  readonly payload: Uint8Array
}): { readonly ok: true; readonly received: Received } | { readonly ok: false; readonly why: Rejection } {
  const { protocol, payload } = delivery
  if (payload.length > SUBMISSION_BYTES_MAX) return { ok: false, why: 'frame_oversized' }
  if (!isSubmissionId(delivery.submissionId)) return { ok: false, why: 'submission_malformed' }
  const submission = decode(protocol, payload)
  if (submission === undefined) return { ok: false, why: 'submission_malformed' }
  return { ok: true, received: { submissionId: delivery.submissionId.toLowerCase() as SubmissionId, submission, protocol, payload } }
}

/** The same for bytes that come from the wire and bytes read back from the store. */
export function decode(protocol: SentAs, payload: Uint8Array): Submission | undefined {
  return protocol === 'weft' ? decodeSubmission(payload) : decodeCollectJson(payload)
}
