import type { EpochReason } from '#domain/epoch.ts'
import { byCodeUnit, type EpochId, type ProjectId } from '#domain/ids.ts'
import { advanceProject, endProject } from '#domain/project.ts'
import type { AnchorFailure, EndOutcome } from './anchor.ts'
import type { FreshBatch, PlannedBatch } from './batch.ts'
import { earnedWrites } from './count.ts'
import type { Counters } from './counters.ts'
import type { CountedProject } from './finalize.ts'
import type { KeptCost } from './keep.ts'
import { type EpochEntry, endProjects, type Ledger, type ProjectEntry, planWrites } from './ledger.ts'
import type { Ballots } from './record.ts'

/** What each stage of `seal` leaves on record, in the order of the stages. */

export interface NoteDeps {
  readonly ledger: Ledger
  readonly ballots: Ballots
  readonly counters: Counters
  readonly options: { readonly expectedProjects?: readonly ProjectId[] }
}

/** The votes are fixed. Returns a record that is further on as it is. */
export async function noteClosed(epochId: EpochId, { ledger, counters }: NoteDeps): Promise<EpochEntry> {
  const record = ledger.get(epochId) as EpochEntry
  if (record.state !== 'released') return record
  const rejected = counters.rejectedOf(epochId)
  counters.forget(epochId)
  return ledger.change(epochId, { state: 'closed', rejected })
}

/** Nobody brought the rules of the epoch while a batch could still be sent: its votes are not judged at all (S12). */
export async function noteUnjudged(epochId: EpochId, { ledger, ballots }: NoteDeps): Promise<EpochEntry> {
  const accepted = ballots.count(epochId)
  ballots.close(epochId)
  return ledger.change(epochId, { state: 'missed', reason: 'rules_unknown', accepted })
}

/** The release was undone. What was held in memory for its window goes; released again, the epoch is read back from disk: of what it had come to only the votes. */
export async function noteVoid(epochId: EpochId, { ledger, ballots, counters }: NoteDeps): Promise<void> {
  await ledger.change(epochId, { state: 'void', reason: 'release_undone', projects: [], batches: [], outvotedSlots: [] })
  ballots.close(epochId)
  counters.forget(epochId)
}

interface Outcome {
  readonly counted: readonly CountedProject[]
  readonly planned: readonly FreshBatch[]
  readonly accepted: number
  readonly kept?: KeptCost | undefined
}

/** The plan, its files and what became of each project, in one commit. Without a batch there is no plan: the epoch stays closed. */
export function notePlan(
  epochId: EpochId,
  { counted, planned, accepted, kept }: Outcome,
  { ledger, ballots, options }: NoteDeps,
): Promise<EpochEntry> {
  ballots.close(epochId)
  const batchOf = new Map(planned.flatMap(({ batchCid, projectIds }) => projectIds.map((projectId) => [projectId, batchCid] as const)))
  const projects = [...counted.map((project) => rowOf(project, batchOf)), ...notSubmitted(counted, options.expectedProjects ?? [])]
  const outvoted = new Set(counted.flatMap(({ result }) => (result.kind === 'finalized' ? result.outvotedSlots : [])))
  const change = {
    accepted,
    ...(kept && { kept }),
    projects: projects.sort((left, right) => byCodeUnit(left.projectId, right.projectId)),
    batches: planned.map(({ batchCid, rootHash }) => ({ batchCid, rootHash, isAnchored: false })),
    outvotedSlots: [...outvoted].sort((left, right) => left - right),
  }
  return planned.length === 0
    ? ledger.change(epochId, change)
    : ledger.change(epochId, { ...change, state: 'planned' }, [...planWrites(epochId, planned), ...earnedWrites(epochId, counted, planned)])
}

function rowOf({ projectId, result }: CountedProject, batchOf: ReadonlyMap<ProjectId, PlannedBatch['batchCid']>): ProjectEntry {
  const votes = result.votesPerCid.values().next().value ?? 0
  const submitted: ProjectEntry = {
    ...noRow(projectId),
    state: 'submitted',
    batchCid: batchOf.get(projectId),
    votes,
    total: result.total,
    isTie: result.isTie,
  }
  if (result.kind === 'finalized') return { ...submitted, state: advanceProject('submitted', 'batched'), snapshotCid: result.snapshotCid }
  return { ...submitted, ...endProject('submitted', result.reason) }
}

const noRow = (projectId: ProjectId): ProjectEntry => ({
  projectId,
  state: 'released',
  reason: undefined,
  snapshotCid: undefined,
  batchCid: undefined,
  votes: 0,
  total: 0,
  isTie: false,
})

function notSubmitted(counted: readonly CountedProject[], expectedProjects: readonly ProjectId[]): readonly ProjectEntry[] {
  const submitted = new Set(counted.map(({ projectId }) => projectId))
  return expectedProjects
    .filter((projectId) => !submitted.has(projectId))
    .map((projectId) => ({ ...noRow(projectId), ...endProject('released', 'not_submitted') }))
}

/** Which batches are on chain. One that will never be makes the epoch `missed`, for the reason of the first such batch. */
export async function noteAnchored(
  epochId: EpochId,
  { batches, failures }: { readonly batches: readonly PlannedBatch[]; readonly failures: readonly AnchorFailure[] },
  { ledger }: NoteDeps,
): Promise<EpochEntry> {
  const record = ledger.get(epochId) as EpochEntry
  const lost = new Map(
    batches.flatMap(({ batchCid }, index) => (failures[index] === undefined ? [] : [[batchCid, failures[index]] as const])),
  )
  const projects = endProjects(record.projects, ({ batchCid }) => batchCid !== undefined && lost.has(batchCid), 'batch_not_anchored').map(
    (project): ProjectEntry => (project.state === 'batched' ? { ...project, state: advanceProject(project.state, 'pending') } : project),
  )
  const change = { projects, batches: record.batches.map((one) => ({ ...one, isAnchored: !lost.has(one.batchCid) })) }
  const reason = lost.values().next().value
  // Looked at again after a reorganisation: the epoch stays ended, as it is on chain, and says what it has lost.
  if (record.state === 'ended') return ledger.change(epochId, reason === undefined ? change : { ...change, reason })
  return reason === undefined
    ? ledger.change(epochId, { ...change, state: 'anchored' })
    : ledger.change(epochId, { ...change, state: 'missed', reason })
}

/** The epoch is over. One without a single result is ended all the same, so that nobody waits for it (G9). */
export function noteEnded(epochId: EpochId, ended: EndOutcome, { ledger, ballots }: NoteDeps): Promise<EpochEntry> {
  if (ended === 'call_refused') return ledger.change(epochId, { state: 'missed', reason: 'call_refused' })
  const { batches, accepted } = ledger.get(epochId) as EpochEntry
  const empty: EpochReason = ended === 'ended_elsewhere' ? 'ended_elsewhere' : accepted === 0 ? whyNone() : 'nothing_finalized'
  function whyNone(): EpochReason {
    const recorded = ballots.count(epochId)
    ballots.close(epochId)
    return recorded === 0 ? 'no_submissions' : 'votes_undone'
  }
  return ledger.change(epochId, { state: 'ended', reason: batches.length > 0 ? 'all_batches_anchored' : empty })
}
