import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Report } from '#domain/events.ts'
import type { Cid, EpochId, ProjectId } from '#domain/ids.ts'
import type { DisputeReason } from '#domain/reasons.ts'
import { ROUNDS_MAX } from '#domain/rounds.ts'
import { lastBatchBlock } from '#domain/window.ts'
import type { AnchorChain, AnchoredBatch, MarketState } from '#io/chain/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import type { EpochRules } from '#roles/sequencer/epoch-rules.ts'
import { type EpochEntry, isUnsent, type ProjectEntry } from '#roles/sequencer/ledger.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { batchAgain, type PlannedBatch } from './batch.ts'
import type { CountedProject } from './finalize.ts'
import { type NoteDeps, noteCorrection, noteStanding } from './outcome.ts'
import type { Breathe } from './turns.ts'

export interface CorrectDeps extends NoteDeps, PersistDeps {
  readonly chain: AnchorChain
  readonly contract: MarketState
  readonly view: AnchorView
  readonly report: Report
  readonly options: NoteDeps['options'] & { readonly batchBytesMax: number }
  rulesOf(epoch: ReleasedEpoch): EpochRules | undefined
  readonly breathe: Breathe
  /** What a transaction of the chain may have. */
  gasMax(signal: AbortSignal): Promise<number>
  /** What the votes of the epoch give now. */
  count(epoch: ReleasedEpoch, rules: EpochRules, signal: AbortSignal): Promise<readonly CountedProject[]>
}

/**
 * What a majority of the validators refuted, worked out again from the durable votes: the corrected batches, planned on disk and still to be
 * sent (S23). None when there is nothing to say but what was refuted, or nobody who would hear it; the entry then says why.
 */
export async function correct(epochId: EpochId, deps: CorrectDeps, signal: AbortSignal): Promise<readonly PlannedBatch[]> {
  const { ledger, view, report } = deps
  const entry = ledger.get(epochId)
  if (entry === undefined || entry.state === 'void') return []
  // A crash may have come between plan and call.
  const waiting = ledger.plans(epochId).filter(({ batchCid }) => isUnsent(entry, batchCid))
  if (waiting.length > 0) return waiting
  const disputed = entry.projects.filter(({ state }) => state === 'disputed')
  if (disputed.length === 0) return []
  const open = disputed.filter(({ batchCid }) => roundOf(entry, batchCid) < ROUNDS_MAX)
  if (open.length === 0) return stand(epochId, 'rounds_over', deps)
  const epoch = view.epoch(epochId)
  const rounds = view.rounds(epochId)
  const rules = epoch && deps.rulesOf(epoch)
  if (epoch === undefined || rounds === undefined || rules === undefined) return stand(epochId, 'rules_unknown', deps)
  if ((view.head?.number ?? 0) > lastBatchBlock(rounds.start, deps.contract)) return stand(epochId, 'round_over', deps)
  const own = new Map((await deps.count(epoch, rules, signal)).map((project) => [project.projectId, project]))
  const again = await wronglyTold(epochId, open, own, deps, signal)
  if (again.length === 0) return stand(epochId, 'result_stands', deps)
  const counted = again.flatMap(({ projectId }) => own.get(projectId) ?? [])
  const attempt = () => deps.chain.batchCids(epochId)
  const taken = new Set(await persist({ doing: 'read_batches', attempt, signal }, deps))
  const gasMax = await deps.gasMax(signal)
  const batching = { bytesMax: deps.options.batchBytesMax, gasMax, rules, breathe: deps.breathe }
  const planned = await batchAgain(counted, batching, { earlier: ledger.plans(epochId), taken })
  const round = rounds.count
  await noteCorrection(epochId, { counted, again, planned, round }, deps) // S4: written down before anything leaves the house.
  report('batch_corrected', { epochId, round, projects: counted.length, batches: planned.length })
  return planned
}

/** In which the batch was sent; 0 with the epoch. */
const roundOf = ({ batches }: EpochEntry, batchCid: Cid | undefined): number =>
  batches.findLast((batch) => batch.batchCid === batchCid)?.round ?? 0

/** Those of the disputed projects of whose batch the chain was told anything else than the votes give. */
async function wronglyTold(
  epochId: EpochId,
  disputed: readonly ProjectEntry[],
  own: ReadonlyMap<ProjectId, CountedProject>,
  deps: CorrectDeps,
  signal: AbortSignal,
): Promise<readonly ProjectEntry[]> {
  const wrong: ProjectEntry[] = []
  for (const [batchCid, projects] of Map.groupBy(disputed, (project) => project.batchCid as Cid)) {
    const attempt = () => deps.chain.batch(epochId, batchCid)
    const anchored = await persist({ doing: 'read_batch', attempt, signal }, deps)
    const results = projects.flatMap(({ projectId }) => own.get(projectId) ?? [])
    if (anchored !== undefined && !isSame(results, anchored)) wrong.push(...projects)
  }
  return wrong
}

/** Whether the chain was told just what the votes give: then there is nothing to correct. */
function isSame(own: readonly CountedProject[], { projectIds, snapshotCids, rootHash, projectsRootHash }: AnchoredBatch): boolean {
  const results = own.flatMap(({ projectId, result }) => (result.kind === 'finalized' ? [{ projectId, cid: result.snapshotCid }] : []))
  const [projects, cids] = [results.map(({ projectId }) => projectId), results.map(({ cid }) => cid)]
  if (publishedRoot(cids) !== rootHash) return false
  return projectIds === undefined
    ? publishedRoot(projects) === projectsRootHash
    : projects.join('\n') === projectIds.join('\n') && cids.join('\n') === snapshotCids.join('\n')
}

async function stand(epochId: EpochId, reason: DisputeReason, deps: CorrectDeps): Promise<readonly PlannedBatch[]> {
  await noteStanding(epochId, reason, deps)
  deps.report('batch_not_corrected', { epochId, reason })
  return []
}
