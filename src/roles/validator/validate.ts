import type { ReleasedEpoch } from '#domain/anchor-view.ts'
import { EPOCH_BATCHES_MAX } from '#domain/batch.ts'
import { isWeftError, toldOf } from '#domain/errors.ts'
import type { Cid, SlotId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { isAttestationWindowOver, lastAttestationBlock, windowOf } from '#domain/window.ts'
import type { AnchoredBatch } from '#io/chain/port.ts'
import { persist } from '#life/persist.ts'
import { learnRules, type RuleBook } from '#life/rules.ts'
import { type TracedDeps, traced } from '#life/traced.ts'
import { readBatchFile } from '#wire/batch-file.ts'
import { contentHashOf, contentHashOfRoots } from '#wire/content-hash.ts'
import { spanOfBatch } from '#wire/trace-id.ts'
import { type Attestation, batchOnChain, guardedAttestation } from './attest.ts'
import { attestInTime, attestToTheEnd, type ConcludeDeps, ended, GONE } from './conclude.ts'
import { type FetchDeps, type Fetched, fetchBatch } from './fetch.ts'
import type { Heard } from './heard.ts'
import type { BatchRecord } from './journal.ts'
import { keepSnapshots } from './keep.ts'
import type { Candidate, GaveWay, UnderWay } from './lanes.ts'
import { tracesOf, tracesOnChain } from './predecessors.ts'
import { type Failure, type Findings, type JudgedBy, type RecheckDeps, recheck, rootToAttest, votersOf, withoutFile } from './recheck.ts'
import { type RecomputeDeps, recompute } from './recompute.ts'

/** Before those behind an unserved batch have their turn: they may be as unserved, and each would ask again at once. */
const TURN_PAUSE_MS = 500

/** What the stages need, each its part. */
export type Validating = ConcludeDeps &
  FetchDeps &
  RecheckDeps &
  RecomputeDeps &
  TracedDeps & {
    readonly rules: RuleBook
    readonly heard: Heard
    readonly keepsFinal: boolean
  }

/**
 * One batch, in its turn: fetch → recheck, and what is left, recompute → evidence → keep → attest, for which the next batch need not wait: it
 * resolves with the batch's end under way. Two kinds of batches are not judged any more, and are fetched only because later batches of the epoch
 * are checked against them: those that ended here before, and those for which a guard stands on disk (V2). One that nobody serves gives way to those
 * behind it in good time (V19).
 */
export async function validate(batch: Candidate, deps: Validating, signal: AbortSignal): Promise<UnderWay | GaveWay> {
  const known = deps.journal.batch(batch.epochId, batch.batchCid)
  const guarded = guardedAttestation(batch, deps.store)
  // Where what was heard may speak in the place of a file that nobody serves, it must come in time (V17).
  const mayAnswer = deps.rules.present.completeness === 'required' && deps.heard.of(batch.epochId).length > 0
  const isPointless = () => guarded !== undefined || (mayAnswer ? isWindowNearlyOver(batch, deps) : isWindowOver(batch, deps))
  // However many there are: each may cost its reading, and all that the epoch's later ones are checked against is kept (V18).
  if (batch.index >= EPOCH_BATCHES_MAX && guarded === undefined)
    return { end: known === undefined ? ended(batch, { state: 'withheld', reason: 'too_many' }, deps) : Promise.resolve(known) }
  const isHurried = () => givesWay(batch, deps)
  const patience = {
    isPointless: () => isPointless() || isHurried(),
    isDue: () => isHurried() || (mayAnswer && isWindowNearlyOver(batch, deps)),
    isHurried,
  }
  const fetching = () => fetchBatch(batch, patience, deps, signal)
  const fetched = await traced(spanOfBatch('validator.fetch', batch), fetching, deps, (end) => (end.ok ? undefined : end.reason))
  if (!fetched.ok && fetched.reason === 'not_fetched' && !isPointless() && (await leaveTraces(batch, deps, signal))) {
    await deps.clock.sleep(TURN_PAUSE_MS, signal)
    return 'gave way'
  }
  if (known !== undefined) return confirm(batch, { known, guarded, fetched }, deps, signal)
  if (guarded !== undefined) return resume(batch, { guarded, fetched }, deps, signal)
  return fetched.ok ? judge(batch, fetched.bytes, deps, signal) : { end: judgeUnread(batch, fetched.reason, deps, signal) }
}

/** A batch whose file nobody serves keeps those behind it waiting for half of the time that was left when it was anchored. */
function givesWay(batch: Candidate, { view, contract }: Validating): boolean {
  const start = view.rounds(batch.epochId)?.startOf(batch.index)
  if (start === undefined || !batch.isWaitedFor()) return false
  const last = lastAttestationBlock(start, contract)
  return last - (view.head?.contractNumber ?? 0) < (last - batch.contractNumber) / 2
}

/**
 * For those that are judged before it: its projects, as the chain lists them. False for one that is anchored by its roots: whoever has read what
 * came later would have to be asked about its projects, so it has one turn, and ends with it (V11).
 */
async function leaveTraces(batch: Candidate, deps: Validating, signal: AbortSignal): Promise<boolean> {
  const anchored = await readAnchored(batch, deps, signal)
  if (anchored !== undefined && anchored.projectIds === undefined) return false
  batch.predecessors.add(batch.index, anchored && tracesOnChain(anchored.projectIds))
  return true
}

/** A batch that cannot be read: spoken against where enough was heard of its projects (V17), else ended for the reason. */
async function judgeUnread(
  batch: Candidate,
  reason: Extract<Fetched, { readonly ok: false }>['reason'],
  deps: Validating,
  signal: AbortSignal,
): Promise<BatchRecord> {
  const { epoch, epochId } = batch
  const unread = () => ended(batch, { state: reason === 'not_fetched' ? 'missed' : 'withheld', reason }, deps)
  if (epoch === undefined || deps.heard.of(epochId).length === 0) return unread()
  const anchored = await readAnchored(batch, deps, signal)
  if (anchored === undefined) return ended(batch, GONE, deps)
  const judgedBy = await learnJudgedBy(epoch, () => false, deps, signal)
  const failure: Failure = { check: 'cid', projectId: '', slotId: 0, expected: 'bytes of this CID', got: reason }
  const rechecked = judgedBy && withoutFile({ anchored, ...judgedBy, forGood: reason !== 'not_fetched' }, deps, [failure])
  if (judgedBy === undefined || rechecked === undefined || rootToAttest(rechecked, anchored) === undefined) return unread()
  return speak(batch, { rechecked, anchored, rules: judgedBy.rules }, deps, signal)
}

/** A batch that nobody knows yet. */
async function judge(batch: Candidate, bytes: Uint8Array, deps: Validating, signal: AbortSignal): Promise<UnderWay> {
  const { epoch, index, predecessors } = batch
  const anchored = await readAnchored(batch, deps, signal)
  if (anchored === undefined) return { end: ended(batch, GONE, deps) }
  if (epoch === undefined) return { end: ended(batch, { state: 'withheld', reason: 'epoch_unseen' }, deps) }
  const judgedBy = await learnJudgedBy(epoch, () => !isWindowOver(batch, deps), deps, signal)
  // V7: never by the rules of another epoch.
  if (judgedBy === undefined) return { end: ended(batch, { state: 'withheld', reason: 'rules_unknown' }, deps) }
  const rechecking = () => recheck({ bytes, anchored, ...judgedBy, index, predecessors }, deps)
  const rechecked = await traced(spanOfBatch('validator.recheck', batch), rechecking, deps, ({ failures: [first] }) => first?.check)
  predecessors.add(index, rechecked.traces)
  return { end: speak(batch, { rechecked, anchored, rules: judgedBy.rules }, deps, signal) }
}

/** Recompute → evidence → keep → attest. What is spoken against need not be had: that does not become final. */
async function speak(
  batch: Candidate,
  { rechecked, anchored, rules }: { readonly rechecked: Findings; readonly anchored: AnchoredBatch; readonly rules: MarketRules },
  deps: Validating,
  signal: AbortSignal,
): Promise<BatchRecord> {
  const { epochId, batchCid } = batch
  const isLate = () => isWindowNearlyOver(batch, deps)
  const findings = isLate() ? rechecked : await recompute(batch, { findings: rechecked, isLate }, deps, signal)
  const failureCount = findings.failures.length
  const evidenceCid = failureCount > 0 ? await keepEvidence(batch, findings, deps) : undefined
  const root = rootToAttest(findings, anchored)
  if (root === undefined) return ended(batch, { state: 'withheld', reason: 'integrity', failureCount, evidenceCid }, deps)
  const keep = () => keepSnapshots(batch, findings.ownCids as readonly Cid[], isLate, deps, signal)
  const isTheirs = root === anchored.rootHash
  if (isTheirs && rules.availability === 'required' && !(await keep()))
    return ended(batch, { state: 'withheld', reason: 'unavailable', failureCount, evidenceCid }, deps)
  const attestation = { epochId, batchCid, root, contentHash: contentToAttest(anchored) }
  const attesting = traced(
    spanOfBatch('validator.attest', batch),
    () => attestToTheEnd(batch, { attestation, anchored, failureCount, evidenceCid }, deps, signal),
    deps,
    ({ state, reason }) => (state === 'attested' ? undefined : reason),
  )
  // What the market does not ask for keeps no vote waiting.
  const [end] = await Promise.all([attesting, isTheirs && deps.keepsFinal && rules.availability === 'none' ? keep() : undefined])
  return end
}

/** The rules of the epoch; `undefined` when nobody brought them while they were needed. */
export async function learnJudgedBy(
  epoch: ReleasedEpoch,
  isNeeded: () => boolean,
  deps: Validating,
  signal: AbortSignal,
): Promise<JudgedBy | undefined> {
  const rules = await learnRules({ epochId: epoch.epochId, isNeeded, signal }, deps)
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
): Promise<UnderWay> {
  const anchored = await readAnchored(batch, deps, signal)
  if (anchored === undefined) return { end: ended(batch, GONE, deps) }
  // Written down before the guard, it is there where anything was found.
  const evidence = deps.journal.evidence(batch.epochId, batch.batchCid)
  const evidenceCid = evidence && (await keepEvidence(batch, evidence, deps))
  const failureCount = evidence?.failures.length ?? 0
  const end = attestToTheEnd(batch, { attestation: guarded, anchored, failureCount, evidenceCid }, deps, signal)
  return behind(end, keepTraces(batch, fetched, deps, signal))
}

/** The end is under way; the next batch waits for what it is checked against. */
async function behind(end: Promise<BatchRecord>, traces: Promise<void>): Promise<UnderWay> {
  // Whoever waits for the end hears of it.
  end.catch(() => undefined)
  await traces
  return { end }
}

/** A batch that ended here before and is announced again: a reorganisation may have taken its attestation back. The same intent finds the transaction or sends it again (V3). */
async function confirm(
  batch: Candidate,
  { known, guarded, fetched }: { readonly known: BatchRecord; readonly guarded: Attestation | undefined; readonly fetched: Fetched },
  deps: Validating,
  signal: AbortSignal,
): Promise<UnderWay> {
  const traces = keepTraces(batch, fetched, deps, signal)
  return behind(
    known.state === 'attested' && guarded !== undefined ? attestAgain(batch, { known, guarded }, deps, signal) : Promise.resolve(known),
    traces,
  )
}

async function attestAgain(
  batch: Candidate,
  { known, guarded }: { readonly known: BatchRecord; readonly guarded: Attestation },
  deps: Validating,
  signal: AbortSignal,
): Promise<BatchRecord> {
  const outcome = await attestInTime(batch, guarded, deps, signal)
  const { epochId, batchCid } = known
  if (outcome.kind === 'refused') deps.report('attestation_refused', { epochId, batchCid, code: outcome.code })
  return known
}

/** `undefined` when a reorganisation has taken the batch away since it was announced. */
function readAnchored(batch: Candidate, deps: Validating, signal: AbortSignal): Promise<AnchoredBatch | undefined> {
  return persist({ doing: 'read_batch', attempt: () => batchOnChain(batch, deps), signal }, deps)
}

/** The content that the vote is for, worked out from the lists that were judged; `undefined` where the contract compares none. */
function contentToAttest(anchored: AnchoredBatch): Attestation['contentHash'] {
  if (anchored.contentHash === undefined) return undefined
  return anchored.projectIds === undefined
    ? contentHashOfRoots(anchored.projectsRootHash)
    : contentHashOf(anchored.projectIds, anchored.snapshotCids)
}

/** Later batches of the epoch are checked against this one, whether or not it is itself still to be judged. What was guarded waits for no rules, so this comes after it. */
async function keepTraces(batch: Candidate, fetched: Fetched, deps: Validating, signal: AbortSignal): Promise<void> {
  const { epoch, index, predecessors } = batch
  const parsed = fetched.ok ? await readBatchFile(fetched.bytes, batch.batchCid, deps.breathe) : undefined
  if (parsed?.ok !== true) return predecessors.add(index, undefined)
  const judgedBy = epoch && (await learnJudgedBy(epoch, () => !isWindowOver(batch, deps), deps, signal))
  const voters = judgedBy === undefined ? new Set<SlotId>() : await votersOf(parsed.batch, judgedBy, deps)
  predecessors.add(index, tracesOf(parsed.batch, voters))
}

/** A tenth of the attestation window is left for the call to be mined, and for the batches that wait behind this one. */
function isWindowNearlyOver(batch: Candidate, { view, contract }: Validating): boolean {
  const start = view.rounds(batch.epochId)?.startOf(batch.index)
  if (start === undefined) return true
  const left = lastAttestationBlock(start, contract) - (view.head?.contractNumber ?? 0)
  return left < contract.attestationWindowBlocks / 10
}

/** Whether the attestation window is over at the newest block, or no window is known. */
function isWindowOver({ epochId, index }: Candidate, { view, contract }: Validating): boolean {
  const start = view.rounds(epochId)?.startOf(index)
  if (start === undefined) return true
  return view.head !== undefined && isAttestationWindowOver(start, view.head.contractNumber, contract)
}

/** Evidence is kept here first; a place on IPFS where others find it is welcome but not needed. What could not be put there is again, later (V22). */
async function keepEvidence(
  { epochId, batchCid }: Candidate,
  found: Omit<Findings, 'traces'>,
  { journal, ipfs, report }: Validating,
): Promise<Cid | undefined> {
  const { level, failures, ownCids, ownRoot, omitted } = found
  const bytes = await journal.noteEvidence({ batchCid, epochId, level, failures, ownCids, ownRoot, ...(omitted && { omitted }) })
  try {
    return await ipfs.add(bytes, epochId)
  } catch (failure) {
    if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
    await journal.noteUnpublished({ epochId, batchCid, attempts: 0 })
    report('evidence_not_published', { epochId, batchCid, ...toldOf(failure) })
    return undefined
  }
}
