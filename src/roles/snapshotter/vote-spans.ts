import type { SpanName } from '#domain/spans.ts'
import type { OnTaken } from '#io/grpc/port.ts'
import type { Period } from '#io/traces/port.ts'
import type { TracedDeps } from '#life/traced.ts'
import { traceIdOf } from '#wire/trace-id.ts'
import type { TimedVote } from './hand-over.ts'

/** What is told of one attempt to hand a vote over, to whoever follows traces. Which trace it is in, the collector says at its end: it makes the id. */
export interface VoteSpans {
  signed(): void
  readonly taken: OnTaken
}

/** `undefined` where nobody follows traces: then no clock is read for them. */
export function createVoteSpans(
  { computing, epochId, projectId, slotId, snapshotCid }: TimedVote,
  { tracer, clock }: TracedDeps,
): VoteSpans | undefined {
  if (tracer === undefined) return undefined
  const signing = { beganMs: clock.nowMs(), endedMs: 0 }
  return {
    signed() {
      signing.endedMs = clock.nowMs()
    },
    taken(submissionId) {
      const traceId = traceIdOf(submissionId)
      const tell = (name: SpanName, period: Period): void =>
        tracer.tell({ traceId, name, ...period }, () => ({ facts: { epochId, projectId, slotId, snapshotCid } }))
      if (computing !== undefined) tell('snapshotter.compute', computing)
      tell('snapshotter.sign', signing)
      tell('snapshotter.hand_over', { beganMs: signing.endedMs, endedMs: clock.nowMs() })
    },
  }
}
