import { EPOCH_BATCHES_MAX } from '#domain/batch.ts'
import { isWeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, ContractNumber, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { jsonDifferences } from '#domain/json-differences.ts'
import { rangesOf } from '#domain/ranges.ts'
import type { AnchorChain, BlockRef, MarketState } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { isUnreadable } from '#life/keep.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { readBatchFile } from '#wire/batch-file.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { JSON_BYTES_MAX, parseCanonicalJson } from '#wire/canonical-json.ts'
import { createByRoots } from './by-roots.ts'
import { createDecide, type Decision } from './decision.ts'
import type { HistoryCache } from './history-cache.ts'
import type { News } from './news.ts'
import type { Terms } from './plan.ts'
import type { Outcome, ProjectRecord, Records } from './records.ts'

/** Nobody waits for it, and there is no second attempt: what cannot be read is told as unknown. */
const FETCH_TIMEOUT_MS = 10_000
/** For all files of an epoch: whoever anchors them may serve each as slowly as that allows. */
const FILES_TIMEOUT_MS = 300_000
/** Told of one snapshot. */
const DIFFERENCES_MAX = 20

export interface OutcomeDeps extends PersistDeps {
  readonly chain: Pick<AnchorChain, 'epochInfo' | 'isEpochEnded' | 'batchCids' | 'batch' | 'snapshotStatus'>
  readonly terms: Pick<Terms, 'termsAt'>
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly market: MarketState
  readonly records: Pick<Records, 'projects' | 'handedOver' | 'outcome' | 'saveOutcome'>
  readonly cache: HistoryCache
  readonly clock: Clock
  readonly head: () => BlockRef
  readonly news: News['wait']
  /** Called with each outcome that is not open, and how many votes the collector took for our own word. */
  readonly onOutcome?: ((outcome: Outcome, votes: number) => void) | undefined
}

/**
 * Waits until the network has decided about each project of an epoch that is done here, and writes down how our own word fared: whether our CID is
 * the one that was finalized, and if not where the two snapshots differ, and whether every vote that we handed over is in a batch (N19). That nothing is
 * final stays open for as long as a later round may change it. Resolves when all of them have an outcome that is not; rejects with the signal's reason.
 */
export async function concludeEpoch(epochId: EpochId, signal: AbortSignal, deps: OutcomeDeps): Promise<void> {
  const { records } = deps
  const patiently = <Value>(attempt: () => Promise<Value>) => persist({ doing: 'read_outcome', attempt, signal }, deps)
  const decide = createDecide({ ...deps, byRoots: createByRoots(deps, signal) })
  for (;;) {
    const head = deps.head()
    const { generation } = deps.cache
    // The head falls back in the turn in which a rollback is recorded, the cache is cleared after that.
    const isGone = () => deps.cache.generation !== generation || deps.head().number < head.number
    let decidedBy = Number.POSITIVE_INFINITY as ContractNumber
    let reading: Promise<OurVotes> | undefined
    let correctable: Promise<boolean> | undefined
    for (const project of records.projects(epochId)) {
      const known = records.outcome(epochId, project.projectId)
      if (known !== undefined && known.openUntil === undefined) continue
      const decision = await patiently(() => decide(head, project.projectId, epochId))
      if (decision.kind === 'undecided') {
        decidedBy = Math.min(decidedBy, decision.decidedBy) as ContractNumber
        continue
      }
      let openUntil = decision.kind === 'none' ? decision.openUntil : undefined
      if (openUntil !== undefined) {
        correctable ??= patiently(() => isCorrectable(epochId, head.number, deps))
        if (await correctable) decidedBy = Math.min(decidedBy, openUntil + 1) as ContractNumber
        else openUntil = undefined
      }
      if (known !== undefined && known.openUntil === openUntil) continue
      // Where more batches may come nobody knows yet which votes they leave out.
      if (openUntil === undefined) reading ??= patiently(() => readVotes(epochId, head.number, signal, deps))
      const votes = openUntil === undefined ? await reading : undefined
      const outcome = await outcomeOf(epochId, project, { decision, openUntil, votes, asOf: head.number, signal }, deps)
      // Decided on a chain that is gone: another one may say something else.
      if (isGone()) break
      await records.saveOutcome(epochId, outcome)
      if (openUntil !== undefined) continue
      deps.onOutcome?.(outcome, records.handedOver(epochId, project.projectId).length)
      tell(epochId, outcome, project, deps)
    }
    if (!isGone() && decidedBy === Number.POSITIVE_INFINITY) return
    // What came while we asked may not be in the answers, and would not be news any more.
    if (deps.head().hash === head.hash) await deps.news(epochId, decidedBy, signal)
  }
}

/** Whether a round may begin for the epoch, or go on: only what is not final is refuted, and without a refuted batch there is none (spec/contracts.md §4.7). */
async function isCorrectable(epochId: EpochId, at: BlockNumber, { chain }: OutcomeDeps): Promise<boolean> {
  const batchCids = new Set(await chain.batchCids(epochId, at))
  // More than anybody attests: not all of them are final.
  if (batchCids.size > EPOCH_BATCHES_MAX) return true
  for (const batchCid of batchCids) {
    try {
      if ((await chain.batch(epochId, batchCid, at))?.isFinalized !== true) return true
    } catch (failure) {
      // What its sequencer wrote there may never be read: it is not known to be final.
      if (!isWeftError(failure, 'CHAIN_ANSWER_INVALID')) throw failure
      return true
    }
  }
  return false
}

/** The slots whose vote the epoch's batches hold, by project and CID; `undefined` where one of the files cannot be had, or there are more than any epoch has. */
type OurVotes = ReadonlySet<string> | undefined

const voteKey = (projectId: ProjectId, snapshotCid: string, slotId: SlotId): string => `${projectId} ${snapshotCid} ${slotId}`

async function readVotes(epochId: EpochId, at: BlockNumber, signal: AbortSignal, { chain, ipfs, clock }: OutcomeDeps): Promise<OurVotes> {
  const votes = new Set<string>()
  const batchCids = new Set(await chain.batchCids(epochId, at))
  if (batchCids.size > EPOCH_BATCHES_MAX) return undefined
  const until = clock.nowMs() + FILES_TIMEOUT_MS
  for (const batchCid of batchCids) {
    if (clock.nowMs() >= until) return undefined
    const bytes = await bytesOf(batchCid, BATCH_BYTES_MAX, signal, ipfs)
    const parsed = bytes && (await readBatchFile(bytes, batchCid, () => clock.sleep(0, signal)))
    if (!parsed?.ok) return undefined
    for (const { submission } of parsed.batch.submissions) {
      const { projectId, snapshotCid, slotId } = submission.request
      votes.add(voteKey(projectId, snapshotCid, slotId))
    }
  }
  return votes
}

async function bytesOf(cid: Cid, bytesMax: number, signal: AbortSignal, ipfs: Pick<Ipfs, 'get'>): Promise<Uint8Array | undefined> {
  try {
    return await ipfs.get(cid, { bytesMax, timeoutMs: FETCH_TIMEOUT_MS, signal })
  } catch (failure) {
    signal.throwIfAborted()
    if (!isUnreadable(failure)) throw failure
    return undefined
  }
}

async function outcomeOf(
  epochId: EpochId,
  { projectId, snapshotCid }: ProjectRecord,
  seen: {
    readonly decision: Exclude<Decision, { readonly kind: 'undecided' }>
    readonly openUntil: ContractNumber | undefined
    readonly votes: OurVotes
    readonly asOf: BlockNumber
    readonly signal: AbortSignal
  },
  deps: OutcomeDeps,
): Promise<Outcome> {
  const { decision, openUntil, votes, asOf, signal } = seen
  const finalizedCid = decision.kind === 'finalized' ? decision.snapshotCid : undefined
  const handed = deps.records.handedOver(epochId, projectId).map(({ slotId }) => slotId)
  const isOther = finalizedCid !== undefined && snapshotCid !== undefined && finalizedCid !== snapshotCid
  return {
    projectId,
    asOf,
    concludedMs: deps.clock.nowMs(),
    verdict: finalizedCid === undefined ? 'none' : snapshotCid === undefined ? 'only_finalized' : isOther ? 'other' : 'same',
    ...(openUntil === undefined ? {} : { openUntil }),
    ...(finalizedCid === undefined ? {} : { finalizedCid }),
    ...(votes === undefined || snapshotCid === undefined || handed.length === 0
      ? {}
      : { leftOut: handed.filter((slotId) => !votes.has(voteKey(projectId, snapshotCid, slotId))) }),
    ...(isOther ? { differences: await differencesOf(snapshotCid, finalizedCid, signal, deps) } : {}),
  }
}

/** Field by field, ours first; a sentence where one of the two cannot be had. */
async function differencesOf(own: Cid, finalized: Cid, signal: AbortSignal, { ipfs }: OutcomeDeps): Promise<readonly string[]> {
  const [left, right] = await Promise.all([own, finalized].map((cid) => bytesOf(cid, JSON_BYTES_MAX, signal, ipfs)))
  if (left === undefined) return ['our own snapshot cannot be had any more']
  if (right === undefined) return ['nobody served the finalized snapshot']
  try {
    return jsonDifferences(parseCanonicalJson(left), parseCanonicalJson(right), DIFFERENCES_MAX)
  } catch (failure) {
    if (!isWeftError(failure)) throw failure
    return ['what was finalized is no snapshot']
  }
}

function tell(
  epochId: EpochId,
  { projectId, verdict, finalizedCid, leftOut = [], differences = [] }: Outcome,
  own: ProjectRecord,
  { report }: OutcomeDeps,
): void {
  if (verdict === 'other')
    report('outvoted', {
      epochId,
      projectId,
      own: own.snapshotCid ?? '',
      finalized: finalizedCid ?? '',
      differences: differences.join('; '),
    })
  // Where nothing was finalized, that says it for all of them.
  if (leftOut.length > 0 && verdict !== 'none') report('votes_left_out', { epochId, projectId, slots: rangesOf(leftOut).join(', ') })
}
