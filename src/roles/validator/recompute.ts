import type { AnnouncedBatch } from '#domain/anchor-view.ts'
import type { ComputeEpoch } from '#domain/compute.ts'
import type { Address, BlockNumber, Cid, Hash, ProjectId } from '#domain/ids.ts'
import type { RECOMPUTE_REASONS } from '#domain/reasons.ts'
import type { AnchorChain, BlockRef, MarketState } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import { type Backoff, pauseMs } from '#life/backoff.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { keccak256 } from '#wire/keccak.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { CHECKS, type Failure, type Findings } from './recheck.ts'

/** A batch's share of a source that answers takes a second or two. Only the word about this batch waits for it (V10). */
const RECOMPUTE_TIMEOUT_MS = 10_000
/** The endpoint that is asked may be some blocks behind the one that told of the batch. */
const BLOCK_BACKOFF: Backoff = { firstMs: 500, lastMs: 5_000 }
const ALL_BP = 10_000

type RecomputeReason = keyof typeof RECOMPUTE_REASONS

/** The CID of a project's data, or why it cannot be told. */
export type Recomputed =
  | { readonly ok: true; readonly snapshotCid: Cid }
  | { readonly ok: false; readonly reason: keyof typeof RECOMPUTE_REASONS }

/** Computes data anew, as the market's computes say, from a source of this validator's own. */
export interface Recomputer {
  /** Asks the source each time. An answer for each project. Rejects with the signal's reason, and for what needs a person. */
  recompute(epoch: ComputeEpoch, projectIds: readonly ProjectId[], signal: AbortSignal): Promise<ReadonlyMap<ProjectId, Recomputed>>
}

export interface RecomputeDeps extends PersistDeps {
  /** `undefined` at the other levels. */
  readonly recomputer?: Recomputer | undefined
  /** Projects of ten thousand that are computed anew. */
  readonly recomputeShareBp: number
  readonly chain: Pick<AnchorChain, 'block' | 'epochInfo'>
  readonly contract: Pick<MarketState, 'epochSize'>
  readonly sender: { readonly address: Address }
  readonly clock: Clock
}

/**
 * Whether this validator computes a project of a batch anew. Nobody knows before the batch is on chain, least of all who wrote it, and
 * everybody can tell afterwards: it follows from the validator's address, the hash of the block that the batch came with, and the project.
 */
export function isChosen(
  projectId: ProjectId,
  { validator, block, shareBp }: { validator: Address; block: Hash; shareBp: number },
): boolean {
  const digest = keccak256(new TextEncoder().encode(`${validator} ${block} ${projectId}`))
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0) % ALL_BP < shareBp
}

/**
 * Compares a share of a batch's results with what this validator computes itself. A result that is another one twice over is replaced by the
 * own, and is a finding. What cannot be told is none: whoever reads no source, or a source that says now this and now that, must not stand
 * against the others (V12). `isLate`: the word cannot wait any longer.
 */
export async function recompute(
  { epochId, batchCid, blockNumber }: AnnouncedBatch,
  { findings, isLate }: { readonly findings: Findings; readonly isLate: () => boolean },
  deps: RecomputeDeps,
  signal: AbortSignal,
): Promise<Findings> {
  const { recomputer, chain, contract, report } = deps
  const { ownCids, failures, traces } = findings
  if (recomputer === undefined || ownCids === undefined || traces === undefined) return findings
  // Which result belongs to which project is sure in a sound file only; another gets no attestation that says it is right (`rootToAttest`).
  if (failures.some(({ check }) => CHECKS[check] === 'integrity')) return findings
  const projectIds = [...traces.projectIds]
  const block = await readBlock(blockNumber, isLate, deps, signal)
  if (block === undefined) {
    const { length } = projectIds
    report('recompute_undecided', { epochId, batchCid, projects: length, of: length, reason: 'block_unseen' satisfies RecomputeReason })
    return findings
  }
  const seed = { validator: deps.sender.address, block: block.hash, shareBp: deps.recomputeShareBp }
  const ownOf = new Map(projectIds.map((projectId, position) => [projectId, ownCids[position] ?? '']))
  // Of what has no result nothing would change.
  const chosen = [...ownOf.keys()].filter((projectId) => ownOf.get(projectId) !== '' && isChosen(projectId, seed))
  if (chosen.length === 0) return findings
  const { end } = await persist({ doing: 'read_epoch', attempt: () => chain.epochInfo(epochId), signal }, deps)
  const epoch = { epochId, begin: end - contract.epochSize + 1, end }
  const found = await recomputeTwice({ epoch, chosen, ownOf }, recomputer, deps, signal)
  // That aggregates are not computed is no trouble of today.
  const undecided = [...found.values()].flatMap((result) => (result.ok || result.reason === 'aggregate' ? [] : [result.reason]))
  if (undecided.length > 0)
    report('recompute_undecided', {
      epochId,
      batchCid,
      projects: undecided.length,
      of: chosen.length,
      reason: [...new Set(undecided)].join(' '),
    })
  return withOwn(findings, projectIds, found)
}

/** The block that the batch came with; `undefined` when nobody had it while it was needed. */
async function readBlock(
  number: BlockNumber,
  isLate: () => boolean,
  deps: RecomputeDeps,
  signal: AbortSignal,
): Promise<BlockRef | undefined> {
  for (let attempts = 1; ; attempts += 1) {
    const block = await persist({ doing: 'read_block', attempt: () => deps.chain.block(number), signal }, deps)
    if (block !== undefined || isLate()) return block
    await deps.clock.sleep(pauseMs(BLOCK_BACKOFF, attempts, deps.random), signal)
  }
}

interface ToRecompute {
  readonly epoch: ComputeEpoch
  readonly chosen: readonly ProjectId[]
  readonly ownOf: ReadonlyMap<ProjectId, string>
}

/** What differs is computed again: a vote is for ever, and an endpoint may be wrong for a moment. */
async function recomputeTwice(
  { epoch, chosen, ownOf }: ToRecompute,
  recomputer: Recomputer,
  { clock }: Pick<RecomputeDeps, 'clock'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<ProjectId, Recomputed>> {
  const attempt = (projectIds: readonly ProjectId[]) =>
    inTime(projectIds, (until) => recomputer.recompute(epoch, projectIds, until), clock, signal)
  const first = await attempt(chosen)
  const differing = chosen.filter((projectId) => {
    const result = first.get(projectId)
    return result?.ok === true && result.snapshotCid !== ownOf.get(projectId)
  })
  const second = differing.length === 0 ? first : await attempt(differing)
  return new Map(
    chosen.map((projectId): [ProjectId, Recomputed] => {
      const [once, again] = [first.get(projectId), differing.includes(projectId) ? second.get(projectId) : first.get(projectId)]
      if (once === undefined || again === undefined) return [projectId, { ok: false, reason: 'not_planned' }]
      const isSteady = once.ok && again.ok && once.snapshotCid === again.snapshotCid
      return [projectId, isSteady || !again.ok ? again : { ok: false, reason: 'unsteady' }]
    }),
  )
}

/** Nothing of a source that does not answer in time is known. */
async function inTime(
  projectIds: readonly ProjectId[],
  work: (until: AbortSignal) => Promise<ReadonlyMap<ProjectId, Recomputed>>,
  clock: Clock,
  signal: AbortSignal,
): Promise<ReadonlyMap<ProjectId, Recomputed>> {
  const [late, over] = [new AbortController(), new AbortController()]
  const until = AbortSignal.any([signal, late.signal])
  // That the wait is called off is no failure.
  clock.sleep(RECOMPUTE_TIMEOUT_MS, AbortSignal.any([signal, over.signal])).then(
    () => late.abort(),
    () => undefined,
  )
  try {
    return await work(until)
  } catch (failure) {
    signal.throwIfAborted()
    if (!late.signal.aborted) throw failure
    return new Map(projectIds.map((projectId) => [projectId, { ok: false, reason: 'source_late' }]))
  } finally {
    over.abort()
  }
}

function withOwn(findings: Findings, projectIds: readonly ProjectId[], found: ReadonlyMap<ProjectId, Recomputed>): Findings {
  const failures: Failure[] = []
  const ownCids = findings.ownCids?.map((own, position) => {
    const projectId = projectIds[position]
    const result = projectId && found.get(projectId)
    if (projectId === undefined || result?.ok !== true || result.snapshotCid === own) return own
    failures.push({ check: 'recompute', projectId, slotId: 0, expected: result.snapshotCid, got: own })
    return result.snapshotCid
  })
  if (ownCids === undefined || failures.length === 0) return findings
  return { ...findings, failures: [...failures, ...findings.failures], ownCids, ownRoot: publishedRoot(ownCids) }
}
