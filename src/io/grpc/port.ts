import type { SubmissionId } from '#domain/ids.ts'
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

/** Told before `Success` is: under which id the submission goes on. */
export type OnTaken = (submissionId: SubmissionId) => void

/**
 * Called per submission that parses. Throwing `QUEUE_FULL` or `STORE_FULL` becomes RESOURCE_EXHAUSTED; anything else INTERNAL.
 * A message that does not parse is answered INVALID_ARGUMENT by the adapter and never gets here.
 */
export type SubmissionHandler = (submission: Submission, onTaken?: OnTaken) => Promise<HandOverAnswer>

export interface SubmissionClient {
  /**
   * Throws `COLLECTOR_UNAVAILABLE`, also when there is no answer in time or the signal aborts, and `QUEUE_FULL`. A submission that the collector cannot parse is a
   * `Failure`. `onTaken` is called where the collector tells the id, in the trailer `weft-submission-id`; deployed ones do not.
   */
  submitSnapshot(
    submission: Submission,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal; readonly onTaken?: OnTaken | undefined },
  ): Promise<HandOverAnswer>
  close(): Promise<void>
}
