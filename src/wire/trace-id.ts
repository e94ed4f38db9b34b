import type { Cid, EpochId, SubmissionId } from '#domain/ids.ts'
import type { SpanName } from '#domain/spans.ts'
import { packCid } from './packed-cid.ts'

/** The trace id of the OpenTelemetry standard: 16 bytes as 32 hex digits. */
export type TraceId = string

const TRACE_ID_DIGITS = 32

/**
 * The trace of a submission has its id, a UUID, without the hyphens: whoever has the one, from a receipt, a batch or `./weft trace`, has the other. So the
 * parts that snapshotter, collector and sequencer tell, each to a place of its own, belong together without a word about traces between them.
 */
export const traceIdOf = (submissionId: SubmissionId): TraceId => submissionId.replaceAll('-', '')

/** The trace of a batch: the first half of the digest in its CID, which sequencer and validators have alike. */
export const traceIdOfBatch = (batchCid: Cid): TraceId => packCid(batchCid).word.slice(0, TRACE_ID_DIGITS)

/** What is told of a stage of a batch. */
export const spanOfBatch = (name: SpanName, { epochId, batchCid }: { readonly epochId: EpochId; readonly batchCid: Cid }) => ({
  name,
  traceId: (): TraceId => traceIdOfBatch(batchCid),
  facts: { epochId, batchCid },
})
