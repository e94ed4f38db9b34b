import { isTaken } from '#domain/rejection.ts'
import type { SpanName } from '#domain/spans.ts'
import { isSubmissionId, type SubmissionId } from '#domain/ids.ts'
import type { Inbound } from '#io/intake/port.ts'
import type { SpanFacts } from '#io/traces/port.ts'
import type { TracedDeps } from '#life/traced.ts'
import { receive } from '#wire/receive.ts'
import { traceIdOf } from '#wire/trace-id.ts'
import type { Judged } from './admit.ts'

/** The deliveries of a group have their times in common: the clock is read once for a stage, and what is told of one is read from it again, for the few that are followed. */
export interface GroupSpans {
  /** All are judged. */
  judged(): void
  /** What they wrote is on disk. */
  durable(): void
  /** This one is, with its receipt, if any reaches it. */
  answered(delivery: Inbound, code: Judged['code']): void
}

/** `undefined` where nobody follows traces. */
export function createGroupSpans(group: number, { tracer, clock }: TracedDeps): GroupSpans | undefined {
  if (tracer === undefined) return undefined
  const beganMs = clock.nowMs()
  let judgedMs = beganMs
  let durableMs = beganMs
  return {
    judged() {
      judgedMs = clock.nowMs()
    },
    durable() {
      durableMs = clock.nowMs()
    },
    answered(delivery, code) {
      if (!isSubmissionId(delivery.submissionId)) return
      const traceId = traceIdOf(delivery.submissionId.toLowerCase() as SubmissionId)
      const facts = () => factsOf(delivery, code, group)
      const tell = (name: SpanName, from: number, to: number): void => tracer.tell({ traceId, name, beganMs: from, endedMs: to }, facts)
      tell('sequencer.verify', beganMs, judgedMs)
      if (isTaken(code)) tell('sequencer.record', judgedMs, durableMs)
      tell('sequencer.receipt', durableMs, clock.nowMs())
    },
  }
}

function factsOf(delivery: Inbound, code: Judged['code'], group: number): SpanFacts {
  const form = receive(delivery)
  const failure = isTaken(code) ? undefined : code
  if (!form.ok) return { facts: { code, group }, failure }
  const { epochId, projectId, slotId, snapshotCid } = form.received.submission.request
  return { facts: { epochId, projectId, slotId, snapshotCid, code, group }, failure }
}
