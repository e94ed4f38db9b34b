import type { SubmissionId } from '#domain/ids.ts'
import type { DeliveryReason } from '#domain/reasons.ts'
import { isTaken } from '#domain/rejection.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import type { TracedDeps } from '#life/traced.ts'
import { traceIdOf } from '#wire/trace-id.ts'
import { type Entry, voteIn } from './outbox.ts'

/** What is told of submissions to whoever follows traces. */
export interface Spans {
  /** One is handed over: what it gives is called when it is on disk. */
  accepting(): (submissionId: SubmissionId, submission: Submission) => void
  /** It is sent: what it gives is called with what came back; `undefined` when the link failed. */
  sending(entry: Entry, address: string): (receipt: Receipt | 'unacknowledged' | undefined) => void
  /** It is given up. */
  expired(entry: Entry, reason: DeliveryReason): void
}

/** `undefined` where nobody follows traces: then no clock is read for them. */
export function createSpans({ tracer, clock }: TracedDeps): Spans | undefined {
  if (tracer === undefined) return undefined
  return {
    accepting() {
      const beganMs = clock.nowMs()
      return (submissionId, { request: { epochId, projectId, slotId, snapshotCid } }) => {
        const span = { traceId: traceIdOf(submissionId), name: 'collector.accept', beganMs, endedMs: clock.nowMs() } as const
        tracer.tell(span, () => ({ facts: { epochId, projectId, slotId, snapshotCid } }))
      }
    },
    sending({ key, submissionId, attempts: attempt }, address) {
      const beganMs = clock.nowMs()
      return (receipt) => {
        const isFine = receipt === 'unacknowledged' || (receipt !== undefined && isTaken(receipt.code))
        const code = receipt === undefined ? 'LINK_FAILED' : receipt === 'unacknowledged' ? receipt : receipt.code
        const span = { traceId: traceIdOf(submissionId), name: 'collector.deliver', beganMs, endedMs: clock.nowMs() } as const
        tracer.tell(span, () => ({ facts: { ...voteIn(key), attempt, address, code }, failure: isFine ? undefined : code }))
      }
    },
    expired({ key, submissionId, firstSeenMs }, reason) {
      const span = { traceId: traceIdOf(submissionId), name: 'collector.expire', beganMs: firstSeenMs, endedMs: clock.nowMs() } as const
      tracer.tell(span, () => ({ facts: { ...voteIn(key) }, failure: reason }))
    },
  }
}
