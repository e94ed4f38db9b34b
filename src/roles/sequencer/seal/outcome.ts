import type { EpochReason } from '#domain/epoch.ts'
import { type BlockNumber, byCodeUnit, type Cid, type EpochId, type ProjectId } from '#domain/ids.ts'
import { advanceProject, endProject } from '#domain/project.ts'
import type { DisputeReason } from '#domain/reasons.ts'
import type { Counters } from '#roles/sequencer/counters.ts'
import { earnedWrites } from '#roles/sequencer/days/count.ts'
import type { Ballots } from '#roles/sequencer/intake/record.ts'
import { type BatchEntry, type EpochEntry, endProjects, type Ledger, type ProjectEntry } from '#roles/sequencer/ledger.ts'
import type { Anchored, EndOutcome } from './anchor.ts'
import type { FreshBatch, PlannedBatch } from './batch.ts'
import type { CountedProject } from './finalize.ts'
import type { KeptCost } from './keep.ts'

/** What each stage of `seal` leaves on record, in the order of the stages. */

export interface NoteDeps {
  readonly ledger: Ledger
  readonly ballots: Ballots
  readonly counters: Counters
  readonly options: { readonly expectedProjects?: readonly ProjectId[] }
}

/** The votes are fixed, since the window was over with `closedBlock`. Returns a record that is further on as it is. */
export async function noteClosed(epochId: EpochId, closedBlock: BlockNumber, { ledger, counters }: NoteDeps): Promise<EpochEntry> {
  const record = ledger.get(epochId) as EpochEntry
  if (record.state !== 'released') return record
  const rejected = counters.rejectedOf(epochId)
  counters.forget(epochId)
  return ledger.change(epochId, { state: 'closed', rejected, closedBlock })
}

/** Its votes are not judged at all: nobody brought the rules of the epoch while a batch could still be sent (S12), or not all of them are here (S32). */
export async function noteUnjudged(
  epochId: EpochId,
  reason: 'rules_unknown' | 'restored',
  { ledger, ballots }: NoteDeps,
): Promise<EpochEntry> {
  const accepted = ballots.count(epochId)
  ballots.close(epochId)
  return ledger.change(epochId, { state: 'missed', reason, accepted })
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

/**
 * The plan and what became of each project, in one commit, with its files or after them. Without a batch there is no plan: the epoch stays closed.
 * One whose window a reorganisation has opened meanwhile is planned when it closes again.
 */
export async function notePlan(
  epochId: EpochId,
  { counted, planned, accepted, kept }: Outcome,
  { ledger, ballots, options }: NoteDeps,
): Promise<EpochEntry> {
  const writes = await ledger.planWrites(epochId, planned)
  const record = ledger.get(epochId) as EpochEntry
  if (record.state === 'released') return record
  ballots.close(epochId)
  const batchOf = batchesOf(planned)
  const projects = [...counted.map((project) => rowOf(project, batchOf)), ...notSubmitted(counted, options.expectedProjects ?? [])]
  const outvoted = new Set(counted.flatMap(({ result }) => (result.kind === 'finalized' ? result.outvotedSlots : [])))
  const change = {
    accepted,
    ...(kept && { kept }),
    projects: projects.sort((left, right) => byCodeUnit(left.projectId, right.projectId)),
    batches: planned.map(entryOf),
    outvotedSlots: [...outvoted].sort((left, right) => left - right),
  }
  return planned.length === 0
    ? ledger.change(epochId, change)
    : ledger.change(epochId, { ...change, state: 'planned' }, [...writes, ...earnedWrites(epochId, counted, planned)])
}

function entryOf({ batchCid, rootHash, projectsRootHash }: PlannedBatch): BatchEntry {
  return { batchCid, rootHash, ...(projectsRootHash && { projectsRootHash }), isAnchored: false }
}

type BatchOf = ReadonlyMap<ProjectId, Cid>

function batchesOf(planned: readonly PlannedBatch[]): BatchOf {
  return new Map(planned.flatMap(({ batchCid, projectIds }) => projectIds.map((projectId) => [projectId, batchCid] as const)))
}

function rowOf({ projectId, result }: CountedProject, batchOf: BatchOf): ProjectEntry {
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

interface Correction {
  /** What the votes give now for projects whose batch was refuted, as far as there are any. */
  readonly counted: readonly CountedProject[]
  /** These projects. */
  readonly again: readonly ProjectEntry[]
  readonly planned: readonly FreshBatch[]
  readonly round: number
}

/** The corrected batches with their files, and where the disputed projects are now, in one commit. */
export async function noteCorrection(
  epochId: EpochId,
  { counted, again, planned, round }: Correction,
  { ledger }: NoteDeps,
): Promise<EpochEntry> {
  const writes = await ledger.planWrites(epochId, planned)
  const { batches, projects } = ledger.get(epochId) as EpochEntry
  const results = new Map(counted.map((project) => [project.projectId, project]))
  const batchOf = batchesOf(planned)
  const renewed = new Map(again.map((project) => [project.projectId, renew(project, results.get(project.projectId), batchOf)]))
  const change = {
    projects: projects.map((project) => renewed.get(project.projectId) ?? project),
    batches: [...batches, ...planned.map((each) => ({ ...entryOf(each), round }))],
    uncorrected: undefined,
  }
  return ledger.change(epochId, change, [...writes, ...earnedWrites(epochId, counted, planned)])
}

/** A reorganisation may have left nothing of what a project had won by. */
function renew(project: ProjectEntry, counted: CountedProject | undefined, batchOf: BatchOf): ProjectEntry {
  if (counted === undefined) return { ...project, ...endProject(project.state, 'no_votes') }
  const row = rowOf(counted, batchOf)
  return row.reason === undefined ? { ...row, state: advanceProject(project.state, 'batched') } : row
}

/** Nothing is sent in the place of what was refuted. */
export function noteStanding(epochId: EpochId, uncorrected: DisputeReason, { ledger }: NoteDeps): Promise<EpochEntry> {
  return ledger.change(epochId, { uncorrected })
}

/** Which of these batches are on chain. One that will never be makes the epoch `missed`, for the reason of the first such batch, unless it was to correct another. */
export async function noteAnchored(
  epochId: EpochId,
  { batches, failures, block }: { readonly batches: readonly PlannedBatch[] } & Anchored,
  { ledger }: NoteDeps,
): Promise<EpochEntry> {
  const record = ledger.get(epochId) as EpochEntry
  const asked = new Map(batches.map(({ batchCid }, index) => [batchCid, failures[index]] as const))
  const isLost = ({ batchCid }: { readonly batchCid: Cid | undefined }) => batchCid !== undefined && asked.get(batchCid) !== undefined
  const corrected = new Set(record.batches.flatMap(({ batchCid, round }) => (round === undefined ? [] : [batchCid])))
  const sealed = batches.findIndex((one) => isLost(one) && !corrected.has(one.batchCid))
  const reason = sealed < 0 ? undefined : failures[sealed]
  const isMissed = (project: ProjectEntry) => isLost(project) && !corrected.has(project.batchCid as Cid)
  const projects = endProjects(record.projects, isMissed, 'batch_not_anchored').map((project): ProjectEntry => {
    const sent = project.state === 'batched' ? { ...project, state: advanceProject(project.state, 'pending') } : project
    // What was refuted is all that the chain has: another round may come.
    return sent.state === 'pending' && isLost(sent) ? { ...sent, state: advanceProject(sent.state, 'disputed') } : sent
  })
  const change = { projects, batches: record.batches.map((one) => (asked.has(one.batchCid) ? placed(one, isLost(one)) : one)) }
  // Looked at again after a reorganisation or a dispute: the epoch stays over, as it is on chain, and says what it has lost.
  if (record.state === 'ended' || record.state === 'missed')
    return ledger.change(epochId, reason === undefined ? change : { ...change, reason })
  return reason === undefined
    ? ledger.change(epochId, { ...change, state: 'anchored', ...(block !== undefined && { anchoredBlock: block }) })
    : ledger.change(epochId, { ...change, state: 'missed', reason })
}

function placed({ isLost: _, ...batch }: BatchEntry, isLost: boolean): BatchEntry {
  return { ...batch, isAnchored: !isLost, ...(isLost && batch.round !== undefined && { isLost: true }) }
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
