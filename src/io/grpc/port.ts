import type { Rejection } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'

/** The gRPC service `submission.Submission` between a snapshotter and its local collector (spec/02 §2). */

/**
 * What the collector answers: `Success` only after the submission is durable (G1), or why it does not take it. On the wire that is `Failure`, as
 * deployed nodes know it, with the code in the trailers `weft-code` and `weft-reason`; a client that finds none there has `Failure`.
 */
export type HandOverAnswer = 'Success' | 'Failure' | Rejection

export interface SubmissionServer {
  /** `host:port` it listens on. */
  readonly endpoint: string
  close(): Promise<void>
}

/**
 * Called per submission that parses. Throwing `QUEUE_FULL` or `STORE_FULL` becomes RESOURCE_EXHAUSTED; anything else INTERNAL.
 * A message that does not parse is answered INVALID_ARGUMENT by the adapter and never gets here.
 */
export type SubmissionHandler = (submission: Submission) => Promise<HandOverAnswer>

export interface SubmissionClient {
  /** Throws `COLLECTOR_UNAVAILABLE`, also when there is no answer in time or the signal aborts, and `QUEUE_FULL`. A submission that the collector cannot parse is a `Failure`. */
  submitSnapshot(submission: Submission, options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<HandOverAnswer>
  close(): Promise<void>
}
