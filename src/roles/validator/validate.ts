import type { ReleasedEpoch } from '#domain/anchor-view.ts'
import { isWeftError, toldOf } from '#domain/errors.ts'
import type { Cid, SlotId } from '#domain/ids.ts'
import { isAttestationWindowOver, lastAttestationBlock, windowOf } from '#domain/window.ts'
import type { AnchoredBatch } from '#io/chain/port.ts'
import { persist } from '#life/persist.ts'
import { learnRules, type RuleBook } from '#life/rules.ts'
import { parseBatchFile } from '#wire/batch-file.ts'
import { contentHashOf } from '#wire/content-hash.ts'
import { type Attestation, attest, guardedAttestation } from './attest.ts'
import { attestToTheEnd, type ConcludeDeps, ended, GONE } from './conclude.ts'
import { type FetchDeps, type Fetched, fetchBatch } from './fetch.ts'
import type { BatchRecord } from './journal.ts'
import { keepSnapshots } from './keep.ts'
import type { Candidate } from './lanes.ts'
import { tracesOf } from './predecessors.ts'
import { type Findings, type JudgedBy, type RecheckDeps, recheck, rootToAttest, votersOf } from './recheck.ts'

/** What the stages need, each its part. */
export type Validating = ConcludeDeps & FetchDeps & RecheckDeps & { readonly rules: RuleBook }

/**
 * One batch, in its turn: fetch → recheck → evidence → keep → attest. Two kinds of batches are not judged any more, and are fetched only because
 * later batches of the epoch are checked against them: those that ended here before, and those for which a guard stands on disk (V2).
 */
export async function validate(batch: Candidate, deps: Validating, signal: AbortSignal): Promise<BatchRecord> {
  const known = deps.journal.batch(batch.epochId, batch.batchCid)
  const guarded = guardedAttestation(batch, deps.store)
  const isPointless = () => guarded !== undefined || isWindowOver(batch, deps)
  const fetched = await fetchBatch(batch, isPointless, deps, signal)
  if (known !== undefined) return confirm(batch, { known, guarded, fetched }, deps, signal)
  if (guarded !== undefined) return resume(batch, { guarded, fetched }, deps, signal)
  if (!fetched.ok) return ended(batch, { state: fetched.reason === 'not_fetched' ? 'missed' : 'withheld', reason: fetched.reason }, deps)
  return judge(batch, fetched.bytes, deps, signal)
}

/** A batch that nobody knows yet: recheck → evidence → keep → attest. What is spoken against need not be had: that does not become final. */
async function judge(batch: Candidate, bytes: Uint8Array, deps: Validating, signal: AbortSignal): Promise<BatchRecord> {
  const { epochId, batchCid, epoch, index, predecessors } = batch
  const anchored = await readAnchored(batch, deps, signal)
  if (anchored === undefined) return ended(batch, GONE, deps)
  if (epoch === undefined) return ended(batch, { state: 'withheld', reason: 'epoch_unseen' }, deps)
  const judgedBy = await learnJudgedBy(epoch, batch, deps, signal)
  // V7: never by the rules of another epoch.
  if (judgedBy === undefined) return ended(batch, { state: 'withheld', reason: 'rules_unknown' }, deps)
  const findings = await recheck({ bytes, anchored, ...judgedBy, index, predecessors }, deps)
  predecessors.add(index, findings.traces)
  const failureCount = findings.failures.length
  const evidenceCid = failureCount > 0 ? await keepEvidence(batch, findings, deps) : undefined
  const root = rootToAttest(findings, anchored)
  if (root === undefined) return ended(batch, { state: 'withheld', reason: 'integrity', failureCount, evidenceCid }, deps)
  if (root === anchored.rootHash && judgedBy.rules.availability === 'required') {
    const isKept = await keepSnapshots(batch, anchored.snapshotCids, () => isWindowNearlyOver(batch, deps), deps, signal)
    if (!isKept) return ended(batch, { state: 'withheld', reason: 'unavailable', failureCount, evidenceCid }, deps)
  }
  const attestation = { epochId, batchCid, root, contentHash: contentToAttest(anchored) }
  return attestToTheEnd(batch, { attestation, anchored, failureCount, evidenceCid }, deps, signal)
}

/** The rules of the batch's epoch; `undefined` when nobody brought them within the attestation window. */
async function learnJudgedBy(epoch: ReleasedEpoch, batch: Candidate, deps: Validating, signal: AbortSignal): Promise<JudgedBy | undefined> {
  const rules = await learnRules({ epochId: batch.epochId, isNeeded: () => !isWindowOver(batch, deps), signal }, deps)
  if (rules === undefined) return undefined
  const window = windowOf({ release: epoch.release, unit: rules.windowUnit, length: deps.contract.snapshotWindowBlocks })
  return { epoch, rules, window }
}

/** A guard without an end, as a crash leaves it: what it says is sent to its end as it was, and nothing is judged again (V2). */
async function resume(
  batch: Candidate,
  { guarded, fetched }: { readonly guarded: Attestation; readonly fetched: Fetched },
  deps: Validating,
  signal: AbortSignal,
): Promise<BatchRecord> {
  const anchored = await readAnchored(batch, deps, signal)
  if (anchored === undefined) return ended(batch, GONE, deps)
  const record = await attestToTheEnd(batch, { attestation: guarded, anchored, failureCount: 0, evidenceCid: undefined }, deps, signal)
  await keepTraces(batch, fetched, deps, signal)
  return record
}

/** A batch that ended here before and is announced again: a reorganisation may have taken its attestation back. The same intent finds the transaction or sends it again (V3). */
async function confirm(
  batch: Candidate,
  { known, guarded, fetched }: { readonly known: BatchRecord; readonly guarded: Attestation | undefined; readonly fetched: Fetched },
  deps: Validating,
  signal: AbortSignal,
): Promise<BatchRecord> {
  if (known.state === 'attested' && guarded !== undefined) {
    const outcome = await persist({ doing: 'attest', attempt: () => attest(guarded, deps, signal), signal }, deps)
    const { epochId, batchCid } = batch
    if (outcome.kind === 'refused') deps.report('attestation_refused', { epochId, batchCid, code: outcome.code })
  }
  await keepTraces(batch, fetched, deps, signal)
  return known
}

/** `undefined` when a reorganisation has taken the batch away since it was announced. */
function readAnchored({ epochId, batchCid }: Candidate, deps: Validating, signal: AbortSignal): Promise<AnchoredBatch | undefined> {
  return persist({ doing: 'read_batch', attempt: () => deps.chain.batch(epochId, batchCid), signal }, deps)
}

/** The content that the vote is for, worked out from the lists that were judged; `undefined` where the contract compares none. */
function contentToAttest({ projectIds, snapshotCids, contentHash }: AnchoredBatch): Attestation['contentHash'] {
  return contentHash === undefined ? undefined : contentHashOf(projectIds, snapshotCids)
}

/** Later batches of the epoch are checked against this one, whether or not it is itself still to be judged. What was guarded waits for no rules, so this comes after it. */
async function keepTraces(batch: Candidate, fetched: Fetched, deps: Validating, signal: AbortSignal): Promise<void> {
  const { epoch, index, predecessors } = batch
  const parsed = fetched.ok ? parseBatchFile(fetched.bytes, batch.batchCid) : undefined
  if (parsed?.ok !== true) return predecessors.add(index, undefined)
  const judgedBy = epoch && (await learnJudgedBy(epoch, batch, deps, signal))
  const voters = judgedBy === undefined ? new Set<SlotId>() : await votersOf(parsed.batch, judgedBy, deps)
  predecessors.add(index, tracesOf(parsed.batch, voters))
}

/** A tenth of the attestation window is left for the call to be mined, and for the batches that wait behind this one. */
function isWindowNearlyOver(batch: Candidate, { view, contract }: Validating): boolean {
  if (batch.epoch === undefined) return true
  const left = lastAttestationBlock(batch.epoch.release.number, contract) - (view.head?.number ?? 0)
  return left < contract.attestationWindowBlocks / 10
}

/** Whether the attestation window is over at the newest block, or no window is known. */
function isWindowOver({ epoch }: Candidate, { view, contract }: Validating): boolean {
  if (epoch === undefined) return true
  return view.head !== undefined && isAttestationWindowOver(epoch.release.number, view.head.number, contract)
}

/** Evidence is kept here first; a place on IPFS where others find it is welcome but not needed. */
async function keepEvidence(
  { epochId, batchCid }: Candidate,
  { traces: _, ...findings }: Findings,
  { journal, ipfs, report }: Validating,
): Promise<Cid | undefined> {
  const bytes = await journal.noteEvidence({ batchCid, epochId, ...findings })
  try {
    return await ipfs.add(bytes, epochId)
  } catch (failure) {
    if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
    report('evidence_not_published', { epochId, batchCid, ...toldOf(failure) })
    return undefined
  }
}
