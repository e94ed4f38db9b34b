import type { TracePoint, TraceStep } from '#domain/trace.ts'
import type { Store } from '#io/store/port.ts'
import { traceIdOfBatch } from '#wire/trace-id.ts'
import { createHeard } from './heard.ts'
import { createJournal } from './journal.ts'

/** What a validator's store says of an epoch: the votes that it heard for the project, and its word on every batch of the epoch. */
export function traceOf({ projectId, epochId }: TracePoint, store: Store): readonly TraceStep[] {
  const heard = createHeard(store)
    .of(epochId)
    .map(({ submission }) => submission.request)
    .filter((request) => request.projectId === projectId)
  const batches = createJournal({ store }).batches(epochId)
  return [
    ...(heard.length === 0
      ? []
      : [{ step: 'heard', detail: `${heard.length} votes, of slot ${heard.map(({ slotId }) => slotId).join(', ')}` }]),
    ...batches.map(({ batchCid, state, reason, root, failureCount, evidenceCid, isDivergent }) => ({
      step: state,
      ...(reason === '' ? {} : { reason }),
      detail: [
        `batch ${batchCid}, trace ${traceIdOfBatch(batchCid)}`,
        ...(root === undefined ? [] : [`root ${root}`]),
        ...(failureCount > 0 ? [`${failureCount} findings`] : []),
        ...(evidenceCid === undefined ? [] : [`evidence ${evidenceCid}`]),
        ...(isDivergent ? ["another root than the sequencer's"] : []),
      ].join(', '),
    })),
  ]
}
