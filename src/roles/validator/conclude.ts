import type { AnchorView, AnnouncedBatch } from '#domain/anchor-view.ts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { BlockNumber, Cid } from '#domain/ids.ts'
import { isAttestationWindowOver } from '#domain/window.ts'
import type { AnchoredBatch, MarketState } from '#io/chain/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { type AttestDeps, type Attestation, type Attested, attest, guardedAttestation, isForWhatIsGone } from './attest.ts'
import type { BatchReason, BatchRecord, Journal } from './journal.ts'
import type { Candidate } from './lanes.ts'

export interface ConcludeDeps extends AttestDeps, PersistDeps {
  readonly contract: MarketState
  readonly view: Pick<AnchorView, 'head' | 'rounds'>
  readonly journal: Journal
  readonly report: Report
  /** Called with what became of each batch. */
  readonly onBatch?: ((record: BatchRecord) => void) | undefined
}

/** What is to be said of a batch, the batch on chain that it is said of, and what was found on the way. */
export interface Judged {
  readonly attestation: Attestation
  readonly anchored: AnchoredBatch
  readonly failureCount: number
  readonly evidenceCid: Cid | undefined
}

export type End = Partial<BatchRecord> & { readonly state: BatchRecord['state']; readonly reason: BatchReason }

/** A batch that a reorganisation took away, or put another in the place of: nothing is written down, for it may come back (V3). */
export const GONE: End = { state: 'missed', reason: 'not_on_chain' }

/** Gives this validator's word, and ends the batch with what the contract made of it. A late one is sent all the same: the contract marks it as delayed (V3). */
export async function attestToTheEnd(batch: Candidate, judged: Judged, deps: ConcludeDeps, signal: AbortSignal): Promise<BatchRecord> {
  const { attestation, anchored, failureCount, evidenceCid } = judged
  const { epochId, batchCid, root } = attestation
  const found = { failureCount, evidenceCid, root, isDivergent: root !== anchored.rootHash }
  let outcome: Attested
  try {
    outcome = await attestInTime(batch, { ...attestation, projectCount: anchored.projectIds?.length ?? 0 }, deps, signal)
  } catch (failure) {
    if (!isWeftError(failure, 'ATTESTATION_CONFLICT')) throw failure
    // Not a reason to stop: the guard has held, and whoever wrote the batch must not be able to end this process (V6).
    deps.report('attestation_conflict', { epochId, batchCid, attestedRoot: String(failure.facts.attestedRoot), newRoot: root })
    return ended(batch, { ...found, state: 'withheld', reason: 'conflict' }, deps)
  }
  switch (outcome.kind) {
    case 'refused':
      deps.report('attestation_refused', { epochId, batchCid, code: outcome.code })
      return ended(
        batch,
        isForWhatIsGone(outcome.code) && outcome.isBatchThere !== true ? GONE : { ...found, state: 'withheld', reason: 'refused' },
        deps,
      )
    case 'attested_before': {
      // Which root that was, only a guard can tell; without one the disk is older than the attestation.
      const isGuarded = guardedAttestation(attestation, deps.store) !== undefined
      if (!isGuarded) deps.report('attested_elsewhere', { epochId, batchCid })
      const told = isGuarded ? found : { ...found, root: undefined, isDivergent: false }
      return ended(batch, { ...told, state: 'attested', reason: 'attested_before' }, deps)
    }
    case 'attested':
      return ended(
        batch,
        { ...found, state: 'attested', reason: '', isLate: await isAfterWindow(batch, outcome.blockNumber, deps, signal) },
        deps,
      )
  }
}

/**
 * Until the chain has an answer. A vote that is refused for a batch that is there was asked of an endpoint that is behind: it is given again for as
 * long as it is in time.
 */
export function attestInTime(batch: Candidate, attestation: Attestation, deps: ConcludeDeps, signal: AbortSignal): Promise<Attested> {
  const { view, contract } = deps
  function isInTime(): boolean {
    const start = view.rounds(batch.epochId)?.startOf(batch.index)
    return start !== undefined && view.head !== undefined && !isAttestationWindowOver(start, view.head.contractNumber, contract)
  }
  async function attempt(): Promise<Attested> {
    const outcome = await attest(attestation, deps, signal)
    if (outcome.kind === 'refused' && outcome.isBatchThere === true && isInTime())
      throw new WeftError('CALL_NOT_SETTLED', { call: `attest/${batch.epochId}/${batch.batchCid}`, waitedMs: 0 })
    return outcome
  }
  return persist({ doing: 'attest', attempt, signal }, deps)
}

/** Whether the block comes after the attestation window of the batch, as far as the release of its epoch was seen. */
async function isAfterWindow(
  { epochId, index }: Candidate,
  blockNumber: BlockNumber,
  deps: ConcludeDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const { view, contract, chain } = deps
  const start = view.rounds(epochId)?.startOf(index)
  if (start === undefined) return false
  // One that is gone again is the rollback's business.
  const block = (await persist({ doing: 'read_block', attempt: () => chain.block(blockNumber), signal }, deps)) ?? view.head
  return block !== undefined && isAttestationWindowOver(start, block.contractNumber, contract)
}

/** Writes down and tells what became of a batch (V6). */
export async function ended(
  { epochId, batchCid }: AnnouncedBatch,
  end: End,
  { journal, report, onBatch }: ConcludeDeps,
): Promise<BatchRecord> {
  const record: BatchRecord = {
    epochId,
    batchCid,
    root: undefined,
    isDivergent: false,
    isLate: false,
    failureCount: 0,
    evidenceCid: undefined,
    ...end,
  }
  // A batch that a reorganisation took away may come back: nothing is written down about it.
  if (end.reason !== 'not_on_chain') await journal.note(record)
  report(`batch_${record.state}`, {
    epochId,
    batchCid,
    reason: record.reason,
    failures: record.failureCount,
    divergent: Number(record.isDivergent),
    ...(record.evidenceCid && { evidence: record.evidenceCid }),
  })
  onBatch?.(record)
  return record
}
