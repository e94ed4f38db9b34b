import type { SlotId } from '#domain/ids.ts'
import { rangesOf } from '#domain/ranges.ts'
import type { TracePoint, TraceStep } from '#domain/trace.ts'
import type { Store } from '#io/store/port.ts'
import { openRecords, type Outcome, type ProjectRecord } from './records.ts'

/** What a snapshotter's store says of a project in an epoch; nothing when it has no such epoch. */
export function traceOf({ projectId, epochId }: TracePoint, store: Store): readonly TraceStep[] {
  const records = openRecords(store)
  const epoch = records.epoch(epochId)
  // A sequencer's store has other records under the same keys.
  if (epoch?.begin === undefined) return []
  const steps: TraceStep[] = [
    {
      step: 'released',
      atMs: epoch.release.timestamp * 1_000,
      detail: `in anchor block ${epoch.release.number}, of source blocks ${epoch.begin} to ${epoch.end}`,
    },
  ]
  const project = records.project(epochId, projectId)
  if (project === undefined) return [...steps, { step: epoch.state, detail: epoch.state === 'done' ? 'no such project was planned' : '' }]
  const { snapshotCid, computedMs, endedMs, reason, state, detail } = project
  if (snapshotCid !== undefined) steps.push({ step: 'computed', ...at(computedMs), detail: `${snapshotCid}${builtOnInWords(project)}` })
  const handed = records.handedOver(epochId, projectId)
  if (handed.length > 0)
    steps.push({ step: 'handed over', ...at(state === 'submitted' ? endedMs : undefined), detail: `for slot ${slotsInWords(handed)}` })
  if (reason !== undefined) steps.push({ step: state, ...at(endedMs), reason, detail })
  const outcome = records.outcome(epochId, projectId)
  if (outcome !== undefined)
    steps.push({
      step: outcome.openUntil === undefined ? VERDICTS[outcome.verdict] : 'not finalized yet',
      atMs: outcome.concludedMs,
      detail: outcomeInWords(outcome),
    })
  return steps
}

const VERDICTS = { same: 'finalized', other: 'outvoted', only_finalized: 'only finalized', none: 'not finalized' } as const

function outcomeInWords({ asOf, openUntil, finalizedCid, leftOut, differences = [] }: Outcome): string {
  const slots =
    leftOut === undefined
      ? ''
      : leftOut.length === 0
        ? ', every vote of ours is in a batch'
        : `, in no batch: slot ${rangesOf(leftOut).join(', ')}`
  const later = openUntil === undefined ? [] : [`a later round may still bring something, until block ${openUntil}`]
  return [`${finalizedCid ?? 'nothing'}, as of block ${asOf}${slots}`, ...later, ...differences].join('; ')
}

/** `1-99 (block 70), 100 (block 71)`: of hundreds most have the same header. */
function slotsInWords(handed: readonly { readonly slotId: SlotId; readonly header: number | undefined }[]): string {
  const byHeader = Map.groupBy(handed, ({ header }) => header)
  return [...byHeader]
    .map(([header, some]) => [rangesOf(some.map(({ slotId }) => slotId)).join(', '), header] as const)
    .map(([slots, header]) => (header === undefined ? slots : `${slots} (block ${header})`))
    .join(', ')
}

const at = (ms: number | undefined) => (ms === undefined ? {} : { atMs: ms })

function builtOnInWords({ builtOn }: ProjectRecord): string {
  if (builtOn === undefined) return ''
  const own = builtOn.sources.filter(({ isOwn }) => isOwn).length
  return `, built on ${builtOn.count} earlier snapshots as of block ${builtOn.asOf}${own === 0 ? '' : `, ${own} of them our own`}`
}

/** The projects that the store names in the epoch. */
export const projectsIn = (epochId: TracePoint['epochId'], store: Store): readonly string[] =>
  openRecords(store)
    .projects(epochId)
    .map(({ projectId }) => projectId)
