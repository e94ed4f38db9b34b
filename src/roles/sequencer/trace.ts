import type { EpochId } from '#domain/ids.ts'
import type { TracePoint, TraceStep } from '#domain/trace.ts'
import type { Store } from '#io/store/port.ts'
import { traceIdOf, traceIdOfBatch } from '#wire/trace-id.ts'
import { readAt } from './bytes.ts'
import { idOfBallot } from './intake/ballot.ts'
import { epochKey, slotOfVoteKey, votesPrefix } from './keys.ts'
import type { EpochEntry, ProjectEntry } from './ledger.ts'

/** Slots that are named. */
const SLOTS_MAX = 20

/** Of a store that is a sequencer's: a snapshotter has other records under the same keys. */
function entryOf(epochId: EpochId, store: Store): EpochEntry | undefined {
  const entry = readAt<EpochEntry>(store, epochKey(epochId))
  return entry !== undefined && Array.isArray(entry.batches) ? entry : undefined
}

/** What a sequencer's store says of a project in an epoch; nothing when it has no such epoch. */
export function traceOf({ projectId, epochId }: TracePoint, store: Store): readonly TraceStep[] {
  const entry = entryOf(epochId, store)
  if (entry === undefined) return []
  const slots = store
    .scan(`${votesPrefix(epochId)}${projectId} `)
    .map(({ key, value }) => `${slotOfVoteKey(key)} (trace ${traceIdOf(idOfBallot(value))})`)
  const named = slots.length > SLOTS_MAX ? `${slots.slice(0, SLOTS_MAX).join(', ')} and ${slots.length - SLOTS_MAX} more` : slots.join(', ')
  const project = entry.projects.find((each) => each.projectId === projectId)
  return [
    { step: 'released', atMs: entry.release.timestamp * 1_000, detail: `in anchor block ${entry.release.number}` },
    ...(slots.length === 0 ? [] : [{ step: 'recorded', detail: `${slots.length} votes, of slot ${named}` }]),
    ...(entry.closedBlock === undefined ? [] : [{ step: 'closed', detail: `by anchor block ${entry.closedBlock}` }]),
    ...(project === undefined ? [] : projectSteps(project)),
    { step: `epoch ${entry.state}`, ...(entry.reason === undefined ? {} : { reason: entry.reason }), detail: anchoredInWords(entry) },
  ]
}

function projectSteps({ snapshotCid, batchCid, votes, total, isTie, state, reason }: ProjectEntry): readonly TraceStep[] {
  const won = snapshotCid === undefined ? 'no CID won' : `${snapshotCid} has ${votes} of ${total} votes${isTie ? ', by the tie rule' : ''}`
  return [
    {
      step: state,
      ...(reason === undefined ? {} : { reason }),
      detail: batchCid === undefined ? won : `${won}, batch ${batchCid}, trace ${traceIdOfBatch(batchCid)}`,
    },
  ]
}

const anchoredInWords = ({ anchoredBlock }: EpochEntry): string => (anchoredBlock === undefined ? '' : `anchored by block ${anchoredBlock}`)

/** The projects that the store names in the epoch. */
export const projectsIn = (epochId: EpochId, store: Store): readonly string[] =>
  (entryOf(epochId, store)?.projects ?? []).map(({ projectId }) => projectId)
