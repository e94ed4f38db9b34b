import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Report } from '#domain/events.ts'
import type { Cid, EpochId, ProjectId } from '#domain/ids.ts'
import type { DisputeReason } from '#domain/reasons.ts'
import { ROUNDS_MAX } from '#domain/rounds.ts'
import { isBatchWindowOver } from '#domain/window.ts'
import type { AnchorChain, AnchoredBatch, MarketState } from '#io/chain/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { isUnreadable } from '#life/keep.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import type { EpochRules } from '#roles/sequencer/epoch-rules.ts'
import { type EpochEntry, isLost, isUnsent, type ProjectEntry } from '#roles/sequencer/ledger.ts'
import { readBatchFile } from '#wire/batch-file.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { batchAgain, type PlannedBatch, type SentBefore } from './batch.ts'
import type { CountedProject } from './finalize.ts'
import { type NoteDeps, noteCorrection, noteStanding } from './outcome.ts'
import { type Breathe, VOTES_PER_PIECE } from './turns.ts'

/** Of one file; the round goes on meanwhile. */
const READ_TIMEOUT_MS = 5_000

export interface CorrectDeps extends NoteDeps, PersistDeps {
  readonly chain: AnchorChain
  readonly ipfs: Pick<Ipfs, 'get'>
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
  if (isRoundOver(epochId, deps)) return stand(epochId, 'round_over', deps)
  const own = new Map((await deps.count(epoch, rules, signal)).map((project) => [project.projectId, project]))
  const { again, areAllThere } = await wronglyTold(entry, open, own, deps, signal)
  // What a reorganisation took is told again, with what became of it.
  if (again.length === 0) return areAllThere ? stand(epochId, 'result_stands', deps) : []
  const counted = again.flatMap(({ projectId }) => own.get(projectId) ?? [])
  // As of the block that was followed: an endpoint that is behind would leave batches out.
  const attempt = () => deps.chain.batchCids(epochId, view.head?.number)
  const batchCids = await persist({ doing: 'read_batches', attempt, signal }, deps)
  const gasMax = await deps.gasMax(signal)
  const batching = { bytesMax: deps.options.batchBytesMax, gasMax, rules, breathe: deps.breathe }
  const planned = await batchAgain(counted, batching, sentBefore(ledger.plans(epochId), batchCids, deps, signal))
  // All of that took its time, in which the chain went on.
  if (!ledger.isReleased(epochId)) return []
  if ('missingCid' in planned) return stand(epochId, 'earlier_unreadable', deps)
  if (isRoundOver(epochId, deps)) return stand(epochId, 'round_over', deps)
  if (!areDisputed(again, ledger.get(epochId))) return correct(epochId, deps, signal)
  const round = view.rounds(epochId)?.count ?? rounds.count
  await noteCorrection(epochId, { counted, again, planned, round }, deps) // S4: written down before anything leaves the house.
  report('batch_corrected', { epochId, round, projects: counted.length, batches: planned.length })
  return planned
}

/** Whether the chain takes no batch in the round that goes on. */
function isRoundOver(epochId: EpochId, { view, contract }: CorrectDeps): boolean {
  const rounds = view.rounds(epochId)
  return rounds === undefined || isBatchWindowOver(rounds.start, view.head?.contractNumber, contract)
}

/** Whether validators have decided nothing about these projects since. */
function areDisputed(projects: readonly ProjectEntry[], entry: EpochEntry | undefined): boolean {
  const now = new Map(entry?.projects.map((project) => [project.projectId, project]))
  return projects.every(({ projectId, batchCid }) => {
    const project = now.get(projectId)
    return project?.state === 'disputed' && project.batchCid === batchCid
  })
}

/** What was planned here is read from the disk, for nobody may serve it; the batches of others and of those that stood in, from whoever serves them. */
function sentBefore(
  plans: readonly PlannedBatch[],
  batchCids: readonly Cid[],
  { ipfs, breathe }: Pick<CorrectDeps, 'ipfs' | 'breathe'>,
  signal: AbortSignal,
): SentBefore {
  const own = new Map(plans.map(({ batchCid, file }) => [batchCid, file]))
  return {
    lastIndex: plans.at(-1)?.index ?? -1,
    batchCids,
    async idsOf(batchCid) {
      try {
        const file = own.get(batchCid) ?? (await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: READ_TIMEOUT_MS, signal }))
        const parsed = await readBatchFile(file, batchCid, () => breathe(VOTES_PER_PIECE))
        return parsed.ok ? parsed.batch.submissions.map(({ submissionId }) => submissionId) : undefined
      } catch (failure) {
        signal.throwIfAborted()
        if (!isUnreadable(failure)) throw failure
        return undefined
      }
    },
  }
}

/** In which the batch was sent; 0 with the epoch. */
const roundOf = ({ batches }: EpochEntry, batchCid: Cid | undefined): number =>
  batches.findLast((batch) => batch.batchCid === batchCid)?.round ?? 0

/**
 * Those of the disputed projects of whose batch the chain was told anything else than the votes give, or by votes that count no more, and whether it has the batches of all the
 * others. It is asked as of the head that was seen here, so that a node which lags refuses.
 */
async function wronglyTold(
  entry: EpochEntry,
  disputed: readonly ProjectEntry[],
  own: ReadonlyMap<ProjectId, CountedProject>,
  deps: CorrectDeps,
  signal: AbortSignal,
): Promise<{ readonly again: readonly ProjectEntry[]; readonly areAllThere: boolean }> {
  const { chain, view } = deps
  const again: ProjectEntry[] = []
  let areAllThere = true
  for (const [batchCid, projects] of Map.groupBy(disputed, (project) => project.batchCid as Cid)) {
    const attempt = () => chain.batch(entry.epochId, batchCid, view.head?.number)
    const anchored = await persist({ doing: 'read_batch', attempt, signal }, deps)
    const results = projects.flatMap(({ projectId }) => own.get(projectId) ?? [])
    // Of a correction that never came the chain has nothing but what that was to correct.
    const isWrong =
      anchored === undefined ? isLost(entry, batchCid) : !isSame(results, anchored) || (await hasGoneVotes(entry, batchCid, deps))
    if (isWrong) again.push(...projects)
    else if (anchored === undefined) areAllThere = false
  }
  return { again, areAllThere }
}

/** Whether our batch holds a vote whose block a reorganisation has taken: nobody counts that any more, and it may have been given again. */
async function hasGoneVotes({ epochId }: EpochEntry, batchCid: Cid, { ledger, view, breathe }: CorrectDeps): Promise<boolean> {
  const plan = ledger.plans(epochId).findLast((planned) => planned.batchCid === batchCid)
  const parsed = plan && (await readBatchFile(plan.file, batchCid, () => breathe(VOTES_PER_PIECE)))
  return (
    parsed?.ok === true && parsed.batch.submissions.some(({ submission }) => view.header(submission.header.toLowerCase()) === undefined)
  )
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
