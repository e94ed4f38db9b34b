import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Report } from '#domain/events.ts'
import type { EpochId } from '#domain/ids.ts'
import type { DisputeReason } from '#domain/reasons.ts'
import { ROUNDS_MAX } from '#domain/rounds.ts'
import { lastBatchBlock } from '#domain/window.ts'
import type { AnchorChain, AnchoredBatch, MarketState } from '#io/chain/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { batchAgain, type PlannedBatch } from './batch.ts'
import type { EpochRules } from './epoch-rules.ts'
import type { CountedProject } from './finalize.ts'
import { type EpochEntry, isUnsent } from './ledger.ts'
import { type NoteDeps, noteCorrection, noteStanding } from './outcome.ts'

export interface CorrectDeps extends NoteDeps, PersistDeps {
  readonly chain: AnchorChain
  readonly contract: MarketState
  readonly view: AnchorView
  readonly report: Report
  readonly options: NoteDeps['options'] & { readonly batchBytesMax: number }
  rulesOf(epoch: ReleasedEpoch): EpochRules | undefined
  /** What the votes of the epoch give now. */
  count(epoch: ReleasedEpoch, rules: EpochRules, signal: AbortSignal): Promise<readonly CountedProject[]>
}

/**
 * What a majority of the validators refuted, worked out again from the durable votes: the corrected batches, planned on disk and still to be
 * sent (S15). None when there is nothing to say but what was refuted, or nobody who would hear it; the entry then says why.
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
  const epoch = view.epoch(epochId)
  const rules = epoch && deps.rulesOf(epoch)
  const whyNot = epoch === undefined || rules === undefined ? 'rules_unknown' : whyTooLate(entry, deps)
  if (epoch === undefined || rules === undefined || whyNot !== undefined) return stand(epochId, whyNot ?? 'rules_unknown', deps)
  const counted = await deps.count(epoch, rules, signal)
  const own = new Map(counted.map((project) => [project.projectId, project]))
  const refuted: AnchoredBatch[] = []
  for (const batchCid of new Set(disputed.flatMap(({ batchCid }) => batchCid ?? []))) {
    const attempt = () => deps.chain.batch(epochId, batchCid)
    const anchored = await persist({ doing: 'read_batch', attempt, signal }, deps)
    const planned = disputed.filter((project) => project.batchCid === batchCid).flatMap(({ projectId }) => own.get(projectId) ?? [])
    if (anchored !== undefined && !isSame(planned, anchored)) refuted.push(anchored)
  }
  const wrong = new Set(refuted.map(({ batchCid }) => batchCid))
  const again = disputed.filter(({ batchCid }) => batchCid !== undefined && wrong.has(batchCid))
  if (again.length === 0) return stand(epochId, 'result_stands', deps)
  const results = again.flatMap(({ projectId }) => own.get(projectId) ?? [])
  const attempt = () => deps.chain.batchCids(epochId)
  const taken = new Set(await persist({ doing: 'read_batches', attempt, signal }, deps))
  const limits = { projectsMax: rules.projectsPerBatch, bytesMax: deps.options.batchBytesMax }
  const planned = await batchAgain(results, limits, { earlier: ledger.plans(epochId), taken })
  const round = view.rounds(epochId)?.count ?? 0
  await noteCorrection(epochId, { counted: results, again, planned, round }, deps) // S4: written down before anything leaves the house.
  report('batch_corrected', { epochId, round, projects: results.length, batches: planned.length })
  return planned
}

function whyTooLate({ epochId, batches }: EpochEntry, { view, contract }: CorrectDeps): DisputeReason | undefined {
  if (Math.max(0, ...batches.map(({ round = 0 }) => round)) >= ROUNDS_MAX) return 'rounds_over'
  const rounds = view.rounds(epochId)
  return rounds === undefined || (view.head?.number ?? 0) > lastBatchBlock(rounds.start, contract) ? 'round_over' : undefined
}

/** Whether the chain was told just what the votes give: then there is nothing to correct. */
function isSame(own: readonly CountedProject[], { projectIds, snapshotCids, rootHash }: AnchoredBatch): boolean {
  const results = own.flatMap(({ projectId, result }) => (result.kind === 'finalized' ? [{ projectId, cid: result.snapshotCid }] : []))
  return (
    results.map(({ projectId }) => projectId).join('\n') === projectIds.join('\n') &&
    results.map(({ cid }) => cid).join('\n') === snapshotCids.join('\n') &&
    publishedRoot(snapshotCids) === rootHash
  )
}

async function stand(epochId: EpochId, reason: DisputeReason, deps: CorrectDeps): Promise<readonly PlannedBatch[]> {
  await noteStanding(epochId, reason, deps)
  deps.report('batch_not_corrected', { epochId, reason })
  return []
}
