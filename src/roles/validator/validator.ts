import { createAnchorView } from '#domain/anchor-view.ts'
import { isWeftError, toldOf, WeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import { windowOf } from '#domain/window.ts'
import type { AnchorChain, AnchoredBatch, MarketState, ProtocolSender } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Random, Recoverer } from '#io/keys/port.ts'
import type { Store } from '#io/store/port.ts'
import { watchAppointment } from '#life/appointment.ts'
import { type Life, live } from '#life/live.ts'
import { persist } from '#life/persist.ts'
import { learnRules, type RuleBook } from '#life/rules.ts'
import { parseBatch } from '#wire/batch-json.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { type Attested, attest, BATCH_UNKNOWN, guardedRoot } from './attest.ts'
import { type Fetched, fetchBatch } from './fetch.ts'
import { type BatchReason, type BatchRecord, createJournal, type Evidence, type Journal } from './journal.ts'
import { type Candidate, createLanes } from './lanes.ts'
import { tracesOf } from './predecessors.ts'
import { type Findings, type Level, type RecheckDeps, recheck, rootToAttest } from './recheck.ts'
import { watch } from './watch.ts'

export interface ValidatorOptions {
  readonly level: Level
  /** Epochs whose records and evidence stay on disk. Guards stay for ever. */
  readonly epochsKept: number
}

export interface ValidatorDeps {
  readonly store: Store
  readonly chain: AnchorChain
  /** What the market asks for. */
  readonly rules: RuleBook
  readonly sender: ProtocolSender
  readonly ipfs: Ipfs
  /** Where content comes from, for the log. */
  readonly peers?: readonly string[]
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly recoverer: Recoverer
  readonly report: Report
  /** Called with the end of each batch. */
  readonly onBatch?: (record: BatchRecord) => void
}

export interface ValidatorStats {
  readonly headBlock: number | undefined
  readonly attested: number
  readonly divergent: number
  readonly late: number
  readonly withheld: number
  readonly missed: number
}

export interface Validator {
  /** Works until the signal aborts; then resolves when nothing is under way any more. Rejects on a failure that needs a person, or a bug. */
  run(signal: AbortSignal): Promise<void>
  stats(): ValidatorStats
  /** The batches of an epoch that came to their end here. */
  batches(epochId: EpochId): readonly BatchRecord[]
  /** What was found wrong with a batch; `undefined` when nothing was. */
  evidence(epochId: EpochId, batchCid: Cid): Evidence | undefined
}

interface Validating extends ValidatorDeps, RecheckDeps {
  readonly contract: MarketState
  readonly journal: Journal
}

/**
 * One batch: fetch → recheck → evidence → attest. Once the guard is written the batch is never judged again: after a restart the same root
 * is sent to its end (V2).
 */
async function validate(batch: Candidate, deps: Validating, signal: AbortSignal): Promise<BatchRecord> {
  const { epochId, batchCid, epoch } = batch
  const known = deps.journal.batch(epochId, batchCid)
  const guarded = guardedRoot(batch, deps.store)
  const fetched = await fetchBatch(batchCid, () => guarded !== undefined || isWindowOver(batch, deps), deps, signal)
  if (known !== undefined) {
    keepTraces(batch, fetched)
    const { state, root } = known
    // Announced again: its attestation may be gone with a reorganisation. The same intent finds the transaction or sends it again.
    if (state === 'attested' && root !== undefined)
      await persist({ doing: 'attest', attempt: () => attest({ epochId, batchCid, root }, deps, signal), signal }, deps)
    return known
  }
  if (!fetched.ok && guarded === undefined)
    return ended(batch, { state: fetched.reason === 'not_fetched' ? 'missed' : 'withheld', reason: fetched.reason }, deps)
  const anchored = await persist({ doing: 'read_batch', attempt: () => deps.chain.batch(epochId, batchCid), signal }, deps)
  if (anchored === undefined) return ended(batch, { state: 'missed', reason: 'not_on_chain' }, deps)
  if (guarded !== undefined || !fetched.ok) {
    keepTraces(batch, fetched)
    return attestRoot(
      batch,
      { root: guarded as AnchoredBatch['rootHash'], anchored, failureCount: 0, evidenceCid: undefined },
      deps,
      signal,
    )
  }
  if (epoch === undefined) return ended(batch, { state: 'withheld', reason: 'epoch_unseen' }, deps)
  const rules = await learnRules({ epochId, isNeeded: () => !isWindowOver(batch, deps), signal }, deps)
  if (rules === undefined) {
    keepTraces(batch, fetched)
    return ended(batch, { state: 'withheld', reason: 'rules_unknown' }, deps)
  }
  const window = windowOf({ release: epoch.release, unit: rules.windowUnit, length: deps.contract.snapshotWindowBlocks })
  const { index, predecessors } = batch
  const findings = await recheck({ bytes: fetched.bytes, anchored, epoch, rules, window, index, predecessors }, deps)
  batch.predecessors.add(batch.index, findings.traces)
  const evidenceCid = findings.failures.length > 0 ? await keepEvidence(batch, findings, deps) : undefined
  const root = rootToAttest(findings, anchored)
  const failureCount = findings.failures.length
  if (root === undefined) return ended(batch, { state: 'withheld', reason: 'integrity', failureCount, evidenceCid }, deps)
  return attestRoot(batch, { root, anchored, failureCount, evidenceCid }, deps, signal)
}

/** Later batches of the epoch are checked against this one, whether or not it is itself still to be judged. */
function keepTraces({ index, predecessors }: Candidate, fetched: Fetched): void {
  const parsed = fetched.ok ? parseBatch(fetched.bytes) : undefined
  predecessors.add(index, parsed?.ok ? tracesOf(parsed.batch) : undefined)
}

function isWindowOver({ epoch }: Candidate, { view, contract }: Validating): boolean {
  return epoch === undefined || (view.head?.number ?? 0) > epoch.release.number + contract.attestationWindowBlocks
}

/** Evidence is kept here first; a place on IPFS where others find it is welcome but not needed. */
async function keepEvidence(
  { epochId, batchCid }: Candidate,
  { traces: _, ...findings }: Findings,
  { journal, ipfs, report }: Validating,
): Promise<Cid | undefined> {
  const bytes = await journal.noteEvidence({ batchCid, epochId, ...findings })
  try {
    return await ipfs.add(bytes)
  } catch (failure) {
    if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
    report('evidence_not_published', { epochId, batchCid, ...toldOf(failure) })
    return undefined
  }
}

interface Judged {
  readonly root: AnchoredBatch['rootHash']
  readonly anchored: AnchoredBatch
  readonly failureCount: number
  readonly evidenceCid: Cid | undefined
}

/** An attestation after the window is sent all the same: the contract notes it as delayed. */
async function attestRoot(
  batch: Candidate,
  { root, anchored, failureCount, evidenceCid }: Judged,
  deps: Validating,
  signal: AbortSignal,
): Promise<BatchRecord> {
  const { epochId, batchCid, epoch } = batch
  const found = { failureCount, evidenceCid, root, isDivergent: root !== anchored.rootHash }
  let outcome: Attested
  try {
    outcome = await persist({ doing: 'attest', attempt: () => attest({ epochId, batchCid, root }, deps, signal), signal }, deps)
  } catch (failure) {
    if (!isWeftError(failure, 'ATTESTATION_CONFLICT')) throw failure
    // Not a reason to stop: the guard has held, and whoever wrote the batch must not be able to end this process.
    deps.report('attestation_conflict', { epochId, batchCid, attestedRoot: String(failure.facts.attestedRoot), newRoot: root })
    return ended(batch, { ...found, state: 'withheld', reason: 'conflict' }, deps)
  }
  if (outcome.kind === 'refused') deps.report('attestation_refused', { epochId, batchCid, code: outcome.code })
  if (outcome.kind === 'refused' && outcome.code === BATCH_UNKNOWN) return ended(batch, { state: 'missed', reason: 'not_on_chain' }, deps)
  if (outcome.kind === 'refused') return ended(batch, { ...found, state: 'withheld', reason: 'refused' }, deps)
  // Which root that was, only a guard can tell; without one the disk is older than the attestation.
  const isGuarded = guardedRoot(batch, deps.store) !== undefined
  if (outcome.kind === 'attested_before')
    return ended(
      batch,
      { ...found, ...(isGuarded ? {} : { root: undefined, isDivergent: false }), state: 'attested', reason: 'attested_before' },
      deps,
    )
  const isLate = epoch !== undefined && outcome.blockNumber > epoch.release.number + deps.contract.attestationWindowBlocks
  return ended(batch, { ...found, state: 'attested', reason: '', isLate }, deps)
}

type End = Partial<BatchRecord> & { readonly state: BatchRecord['state']; readonly reason: BatchReason }

async function ended({ epochId, batchCid }: Candidate, end: End, { journal, report, onBatch }: Validating): Promise<BatchRecord> {
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
  })
  onBatch?.(record)
  return record
}

export function createValidator(options: ValidatorOptions, deps: ValidatorDeps): Validator {
  const journal = createJournal(options, deps)
  const counts = { attested: 0, divergent: 0, late: 0, withheld: 0, missed: 0 }
  let work: Validating | undefined

  async function prepare(signal: AbortSignal): Promise<Validating> {
    const contract = await persist({ doing: 'read_market', attempt: () => deps.chain.market(), signal }, deps)
    const { level } = options
    return {
      ...deps,
      level,
      contract,
      journal,
      view: createAnchorView(),
      hasher: createSubmissionHasher(deps.chain),
      breathe: () => deps.clock.sleep(0),
      onBatch: count,
    }
  }

  function count(record: BatchRecord): void {
    counts[record.state] += 1
    if (record.isDivergent) counts.divergent += 1
    if (record.isLate) counts.late += 1
    deps.onBatch?.(record)
  }

  async function begin(life: Life): Promise<void> {
    work = await prepare(life.signal)
    const validating = work
    const lanes = createLanes(async (batch) => {
      if (!life.signal.aborted) await validate(batch, validating, life.signal)
    }, life.fail)
    void life.spawn(watchAppointment('validator', deps, life.signal))
    await life.spawn(watch({ ...validating, market: validating.contract, lanes }, life.signal))
    await lanes.idle()
  }

  return {
    async run(signal) {
      if (work !== undefined) throw new WeftError('STOPPED', { what: 'validator' })
      await live(signal, begin)
    },
    stats: () => ({ headBlock: work?.view.head?.number, ...counts }),
    batches: (epochId) => journal.batches(epochId),
    evidence: (epochId, batchCid) => journal.evidence(epochId, batchCid),
  }
}
