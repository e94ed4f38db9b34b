import type { ReleasedEpoch } from '#domain/anchor-view.ts'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, EpochId } from '#domain/ids.ts'
import { isBatchWindowOver } from '#domain/window.ts'
import { persist } from '#life/persist.ts'
import { traced } from '#life/traced.ts'
import type { EpochRules } from '#roles/sequencer/epoch-rules.ts'
import { type EpochEntry, isLost, isUnsent } from '#roles/sequencer/ledger.ts'
import type { Sequencing } from '#roles/sequencer/sequencer.ts'
import { spanOfBatch } from '#wire/trace-id.ts'
import { anchor, type Anchored, end, type EndOutcome } from './anchor.ts'
import { batch, type FreshBatch, type PlannedBatch } from './batch.ts'
import { collect } from './collect.ts'
import { finalize } from './finalize.ts'
import { keep } from './keep.ts'
import { noteAnchored, noteClosed, noteEnded, notePlan, noteUnjudged } from './outcome.ts'
import { pinAll, type Pins } from './pin.ts'
import { type Breathe, createTurns } from './turns.ts'

/**
 * From the close of the window, which `closedBlock` showed, to the end of the epoch: collect → finalize → keep → batch → pin → anchor → end. Each step is on record before
 * the next begins, so that after a crash at any point calling this again goes on (S4).
 */
export async function seal(epoch: ReleasedEpoch, closedBlock: BlockNumber, deps: Sequencing, signal: AbortSignal): Promise<EpochEntry> {
  const { epochId } = epoch
  const closed = await noteClosed(epochId, closedBlock, deps)
  let justPlanned: readonly FreshBatch[] | undefined
  if (closed.state === 'closed') {
    if (deps.isRestored(epochId)) return noteUnjudged(epochId, 'restored', deps) // S32: some of its votes may be gone.
    const rules = deps.rulesOf(epoch)
    if (rules === undefined) return noteUnjudged(epochId, 'rules_unknown', deps) // S12: never by the rules of another epoch.
    const breathe = breathing(deps)
    const { counted, accepted, cost } = await count(epoch, rules, { ...deps, breathe }, signal)
    const gasMax = await readGasMax(deps, signal)
    justPlanned = await batch(counted, { bytesMax: deps.options.batchBytesMax, gasMax, rules, breathe }) // Pure: same outcome, same bytes, same CIDs.
    await notePlan(epochId, { counted, planned: justPlanned, accepted, kept: cost }, deps) // S4: written down before anything leaves the house.
  }
  const entry = deps.ledger.get(epochId) as EpochEntry
  if (entry.state === 'released') return entry // S10: its window is open again.
  if (entry.state === 'planned') {
    const batches = justPlanned ?? deps.ledger.plans(epochId)
    const put = await pinAndPut(entry, batches, deps, signal) // S5: nothing that nobody can fetch. S6: each once, in order.
    if (isUndone(epochId, deps)) return entry // S10: `revise` is next, and decides.
    const anchored = await noteAnchored(epochId, { batches, ...put }, deps)
    if (anchored.state === 'missed') return anchored
  }
  if (isUndone(epochId, deps)) return entry
  const ended = await putEnd(entry, deps, signal) // S7: only after every batch is on chain.
  return isUndone(epochId, deps) ? entry : noteEnded(epochId, ended, deps)
}

/** What a transaction of the chain may have. What is planned stays as it was cut. */
export function readGasMax(deps: Sequencing, signal: AbortSignal): Promise<number> {
  return persist({ doing: 'read_gas_max', attempt: () => deps.sender.gasMax(), signal }, deps)
}

/** Receipts of the next epoch go on while one is sealed. */
export const breathing = ({ clock }: Sequencing): Breathe => createTurns(() => clock.sleep(0), clock)

/** collect → finalize → keep: what the votes of an epoch give. */
export async function count(
  epoch: ReleasedEpoch,
  rules: EpochRules,
  deps: Sequencing & { readonly breathe: Breathe },
  signal: AbortSignal,
) {
  await deps.gathering?.settled(epoch, signal) // All that the boxes have taken of it is here.
  const ballots = await collect(epoch.epochId, rules.window, deps, deps.breathe) // Durable and verified, by project, then slot.
  const finalized = await finalize(ballots, rules.tally, deps.breathe) // Pure: same votes, same outcome (G2).
  const accepted = ballots.length
  if (rules.availability === 'none') return { counted: finalized, accepted, cost: undefined }
  return { accepted, ...(await keep(epoch, finalized, deps, signal)) } // S14: nothing becomes final that nobody has.
}

/** Pins for as long as a batch window lasts: that of the epoch, or of its last round. */
function pinUntil({ epochId, release }: EpochEntry, batches: readonly PlannedBatch[], deps: Sequencing, signal: AbortSignal): Pins {
  const { view, contract } = deps
  const start = view.rounds(epochId)?.start ?? release.contractNumber
  return pinAll(epochId, { batches, isInTime: () => !isBatchWindowOver(start, view.head?.contractNumber, contract) }, deps, signal)
}

/** Puts the batches on chain, however long that takes; those of which it is not known that they can be fetched, when they can (S5). */
export function pinAndPut(entry: EpochEntry, batches: readonly PlannedBatch[], deps: Sequencing, signal: AbortSignal): Promise<Anchored> {
  const isUnread = ({ batchCid }: PlannedBatch) => entry.state === 'planned' || isUnsent(entry, batchCid) || isLost(entry, batchCid)
  const pins = pinUntil(entry, batches.filter(isUnread), deps, signal)
  const attempt = () => explained(entry.epochId, anchor(entry, { batches, pins }, deps, signal), deps)
  const anchoring = persist({ doing: 'anchor', attempt, signal }, deps)
  // What fails is heard of by whoever waits for all of them.
  for (const [index, { batchCid }] of deps.tracer === undefined ? [] : batches.entries()) {
    const span = spanOfBatch('sequencer.anchor', { epochId: entry.epochId, batchCid })
    traced(
      span,
      () => anchoring,
      deps,
      ({ failures }) => failures[index],
    ).catch(() => undefined)
  }
  return anchoring
}

export function putEnd(entry: EpochEntry, deps: Sequencing, signal: AbortSignal): Promise<EndOutcome> {
  return persist({ doing: 'end', attempt: () => explained(entry.epochId, end(entry, deps, signal), deps), signal }, deps)
}

/** A chain without the release refuses all calls of its epoch. That is nobody's end: the rollback that says so is still on its way here. */
async function explained<Outcome extends EndOutcome | Anchored>(
  epochId: EpochId,
  calling: Promise<Outcome>,
  deps: Sequencing,
): Promise<Outcome> {
  const outcome = await calling
  const whys: readonly unknown[] = typeof outcome === 'string' ? [outcome] : outcome.failures
  if (whys.includes('release_undone') && !isUndone(epochId, deps))
    throw new WeftError('CALL_NOT_SETTLED', { call: `epoch ${epochId}`, waitedMs: 0 })
  return outcome
}

/** Whether the release of the epoch is gone from the chain, as far as it was followed. */
export const isUndone = (epochId: EpochId, { ledger }: Sequencing): boolean => !ledger.isReleased(epochId)
