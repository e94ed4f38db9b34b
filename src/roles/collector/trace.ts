import type { TracePoint, TraceStep } from '#domain/trace.ts'
import type { Store } from '#io/store/port.ts'
import { traceIdOf } from '#wire/trace-id.ts'
import { votesIn } from './outbox.ts'

/** What a collector's store says of a project in an epoch, one step for each vote and one for its end. */
export function traceOf({ projectId, epochId }: TracePoint, store: Store): readonly TraceStep[] {
  return [...votesIn(store, epochId)]
    .filter((vote) => vote.projectId === projectId)
    .flatMap(({ slotId, snapshotCid, note }) => {
      const taken = {
        step: 'taken',
        atMs: note.firstSeenMs,
        detail: `slot ${slotId}, ${snapshotCid}, as ${note.submissionId}, trace ${traceIdOf(note.submissionId)}`,
      }
      if (note.state === 'queued') return [taken]
      const { finishedMs, lastCode, attempts } = note
      const end: TraceStep = {
        step: note.state,
        ...(finishedMs === undefined ? {} : { atMs: finishedMs }),
        ...(lastCode === undefined ? {} : { reason: lastCode }),
        detail: `slot ${slotId}, after ${attempts ?? 0} attempts`,
      }
      return [taken, end]
    })
}
