import { isWeftError } from '#domain/errors.ts'
import type { Address, SlotId } from '#domain/ids.ts'
import { reading, readingsBy, type Reading } from '#domain/metrics.ts'
import type { Recorder } from '#domain/recorder.ts'
import { isTaken, REJECTIONS, type RejectionRow, type ReceiptCode } from '#domain/rejection.ts'
import { rangesOf } from '#domain/ranges.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { SubmissionClient } from '#io/grpc/port.ts'
import type { RelayStats } from '#io/p2p/port.ts'
import type { Store } from '#io/store/port.ts'
import type { ApiStats } from '#roles/api/api.ts'
import type { CollectorStats } from '#roles/collector/collector.ts'
import type { EpochsStats } from '#roles/epochs/epochs.ts'
import type { EpochEntry } from '#roles/sequencer/ledger.ts'
import type { Part } from '#roles/sequencer/scale-out/listen.ts'
import type { SequencerStats } from '#roles/sequencer/sequencer.ts'
import type { Outcome } from '#roles/snapshotter/records.ts'
import { slotsFared } from '#roles/snapshotter/slots-fared.ts'
import type { EpochSummary, SnapshotterStats } from '#roles/snapshotter/snapshotter.ts'
import { totalsOf } from '#roles/snapshotter/status.ts'
import type { BatchRecord } from '#roles/validator/journal.ts'
import type { ValidatorStats } from '#roles/validator/validator.ts'
import type { SlotNow, Unready, Vitals } from './role.ts'

/** How each role fares, from what it counts by itself. Nothing here asks anybody, but for the days of slots. */

type Counts = Readonly<Partial<Record<string, number>>>

const readTo = (block: number | undefined): readonly Reading[] =>
  block === undefined ? [] : [reading('weft_chain_read_block', block, { chain: 'anchor' })]
/** Until the chain was read to its head nothing can be judged. */
const unread = (isRead: boolean): readonly Unready[] => (isRead ? [] : [{ reason: 'anchor_unread' }])

export const epochsVitals = (stats: () => EpochsStats): Vitals => ({
  unready: () => [],
  readings() {
    const { released, refused, retries } = stats()
    return [
      ...readingsBy('weft_releases_total', { done: released, refused }, (outcome) => ({ outcome })),
      reading('weft_release_retries_total', retries, {}),
    ]
  },
})

export const relayVitals = (
  stats: () => Pick<RelayStats, 'reservations' | 'circuits' | 'refusedReservations'>,
  reservationsMax: number,
): Vitals => ({
  unready: () => (stats().reservations >= reservationsMax ? [{ reason: 'relay_full' }] : []),
  readings() {
    const { reservations, circuits, refusedReservations } = stats()
    return [
      reading('weft_relay_reservations', reservations, {}),
      reading('weft_relay_circuits', circuits, {}),
      reading('weft_relay_refused_total', refusedReservations, {}),
    ]
  },
})

export const apiVitals = (stats: () => ApiStats): Vitals => ({
  unready: () => (stats().isCurrent ? [] : [{ reason: 'index_behind' }]),
  readings: () => [reading('weft_api_leading', Number(stats().isLeading), {})],
})

/** The last receipt refuses what the next submission shares with it: not that it came late, or that another was first. */
function refusal({ lastEnd }: CollectorStats): readonly Unready[] {
  if (lastEnd === undefined || isTaken(lastEnd as ReceiptCode)) return []
  const row = (REJECTIONS as Readonly<Record<string, RejectionRow>>)[lastEnd]
  return row === undefined || row.blame === 'nobody' ? [] : [{ reason: 'receipt_refused', detail: lastEnd }]
}

export const collectorVitals = (stats: () => CollectorStats): Vitals => ({
  unready() {
    const now = stats()
    return [...unread(now.isReady), ...(now.address === undefined ? [{ reason: 'unlinked' } as const] : []), ...refusal(now)]
  },
  readings() {
    const now = stats()
    return [
      ...readingsBy('weft_collector_hand_overs_total', { ...now.handedOver, ...now.refused }, (answer) => ({ answer })),
      reading('weft_collector_outbox_submissions', now.open, {}),
      reading('weft_collector_outbox_oldest_seconds', (now.oldestMs ?? 0) / 1_000, {}),
      reading('weft_collector_in_flight_submissions', now.inFlight, {}),
      reading('weft_collector_linked', Number(now.address !== undefined), {}),
      reading('weft_collector_links_total', now.linksOpened, {}),
      ...Object.entries(now.endsByCode).flatMap(([ending, codes]) =>
        readingsBy('weft_collector_endings_total', codes, (code) => ({ ending, code })),
      ),
      ...readingsBy('weft_collector_retries_total', now.retries, (code) => ({ code })),
      ...readingsBy('weft_collector_signed_receipts_total', now.signedReceipts, (proof) => ({ proof })),
      ...readingsBy('weft_collector_votes_judged_total', now.fates, (fate) => ({ fate })),
    ]
  },
})

/** What the adapter of those who take submissions refused unread. */
const refusedFrames = (counts: Counts): readonly Reading[] => readingsBy('weft_frames_refused_total', counts, (code) => ({ code }))

export const sequencerVitals = (stats: () => SequencerStats, frames: () => Counts): Vitals => ({
  unready: () => unread(stats().isReady),
  readings() {
    const { headBlock, receipts, pastDeadline, waiting, unfinishedEpochs } = stats()
    return [
      ...readTo(headBlock),
      ...readingsBy('weft_sequencer_receipts_total', receipts, (code) => ({ code })),
      reading('weft_sequencer_past_deadline_total', pastDeadline, {}),
      reading('weft_sequencer_waiting_submissions', waiting, {}),
      reading('weft_sequencer_unfinished_epochs', unfinishedEpochs, {}),
      ...refusedFrames(frames()),
    ]
  },
})

/** Of a listener, or of the box of a partition. */
export const partVitals = (stats: Part['stats'], frames: () => Counts): Vitals => ({
  unready: () => unread(stats().isReady),
  readings: () => [...readingsBy('weft_sequencer_receipts_total', stats().receipts, (code) => ({ code })), ...refusedFrames(frames())],
})

/** Counts an epoch of a sequencer that is over. */
export const countSealed =
  (recorder: Recorder) =>
  ({ state, reason, projects, closedBlock, anchoredBlock }: EpochEntry): void => {
    recorder.add('weft_sequencer_epochs_total', { state, reason: reason ?? '' })
    if (closedBlock !== undefined && anchoredBlock !== undefined)
      recorder.set('weft_sequencer_anchor_delay_blocks', {}, anchoredBlock - closedBlock)
    for (const project of projects) {
      recorder.add('weft_sequencer_projects_total', { state: project.state, reason: project.reason ?? '' })
      recorder.add('weft_sequencer_votes_total', { vote: 'won' }, project.votes)
      recorder.add('weft_sequencer_votes_total', { vote: 'dissent' }, project.total - project.votes)
      recorder.add('weft_sequencer_ties_total', {}, Number(project.isTie))
    }
  }

export const validatorVitals = (stats: () => ValidatorStats, frames: () => Counts): Vitals => ({
  unready: () => unread(stats().headBlock !== undefined),
  readings() {
    const { headBlock, divergent, late } = stats()
    return [
      ...readTo(headBlock),
      reading('weft_validator_divergent_total', divergent, {}),
      reading('weft_validator_late_total', late, {}),
      ...refusedFrames(frames()),
    ]
  },
})

/** Counts a batch of which a validator has its say. */
export const countJudged =
  (recorder: Recorder) =>
  ({ state, reason }: BatchRecord): void =>
    recorder.add('weft_validator_batches_total', { state, reason })

/** What a collector may say once, having not seen yet what the snapshotter has: for so long it says nothing of the next submission. */
const RETRY_GRACE_MS = 5_000

const isRetry = (answer: string): boolean => (REJECTIONS as Readonly<Record<string, RejectionRow>>)[answer]?.verdict === 'retry'

/** The same client, whose answers are counted; `last` is the newest that counts, or the code of what kept it away. */
export function countedClient(
  client: SubmissionClient,
  { recorder, nowMs }: { readonly recorder: Recorder; readonly nowMs: () => number },
) {
  let last: string | undefined
  let takenMs = 0
  const told = (answer: string): void => {
    if (answer === 'Success') takenMs = nowMs()
    if (!isRetry(answer) || nowMs() - takenMs > RETRY_GRACE_MS) last = answer
    recorder.add('weft_snapshotter_hand_overs_total', { answer })
  }
  const counted: SubmissionClient = {
    close: client.close,
    async submitSnapshot(submission, options) {
      try {
        const answer = await client.submitSnapshot(submission, options)
        told(answer)
        return answer
      } catch (failure) {
        if (isWeftError(failure) && options.signal?.aborted !== true) told(failure.code)
        throw failure
      }
    },
  }
  return { client: counted, last: () => last }
}

/** Counts an epoch of a snapshotter that is over, and how the network decided about its projects. */
export function countSnapshots(recorder: Recorder) {
  // From 0 on: of what begins at 1 nobody sees that it has grown.
  for (const state of ['done', 'skipped', 'undone']) recorder.add('weft_snapshotter_epochs_total', { state }, 0)
  recorder.add('weft_snapshotter_late_total', {}, 0)
  for (const verdict of ['same', 'other', 'only_finalized', 'none']) recorder.add('weft_snapshotter_outcomes_total', { verdict }, 0)
  for (const fate of ['included', 'left_out', 'not_final', 'unknown']) recorder.add('weft_snapshotter_votes_total', { fate }, 0)
  return counting(recorder)
}

const counting = (recorder: Recorder) => ({
  onEpoch({ state, submitted, missed, tookMs, windowUsed }: EpochSummary): void {
    recorder.add('weft_snapshotter_epochs_total', { state })
    if (windowUsed === undefined) return
    recorder.set('weft_snapshotter_epoch_seconds', {}, tookMs / 1_000)
    recorder.set('weft_snapshotter_window_used_ratio', {}, windowUsed)
    recorder.add('weft_snapshotter_late_total', {}, Number(windowUsed > 1))
    recorder.add('weft_snapshotter_projects_total', { state: 'submitted', reason: '' }, submitted)
    for (const project of missed) recorder.add('weft_snapshotter_projects_total', { state: project.state, reason: project.reason ?? '' })
  },
  onOutcome({ verdict, leftOut }: Outcome, votes: number): void {
    recorder.add('weft_snapshotter_outcomes_total', { verdict })
    const add = (fate: string, count: number): void => recorder.add('weft_snapshotter_votes_total', { fate }, count)
    if (verdict === 'none') add('not_final', votes)
    else if (leftOut === undefined) add('unknown', votes)
    else {
      add('included', votes - leftOut.length)
      add('left_out', leftOut.length)
    }
  },
})

export interface SnapshotterSeen {
  readonly stats: () => SnapshotterStats
  readonly slotIds: readonly SlotId[]
  readonly lastAnswer: () => string | undefined
  readonly store: Store
  /** Of the slots. */
  readonly signer: Address
  readonly chain: Pick<AnchorChain, 'rewardRules' | 'slotDay'>
  /** Whether the market asks for bytes that can be had, and nobody can have those of this one. */
  readonly isAlone: () => boolean
}

export const snapshotterVitals = ({ stats, slotIds, lastAnswer, store, chain, signer, isAlone }: SnapshotterSeen): Vitals => ({
  unready() {
    const { headBlock, ownSlots } = stats()
    const answer = lastAnswer()
    const lost = ownSlots === undefined ? [] : slotIds.filter((slotId) => !ownSlots.includes(slotId))
    return [
      ...unread(headBlock !== undefined),
      ...(lost.length > 0
        ? [{ reason: 'slots_lost', detail: `${rangesOf(lost).join(', ')}: ${lost.length} of ${slotIds.length}` } as const]
        : []),
      ...(isAlone() ? [{ reason: 'ipfs_alone' } as const] : []),
      ...(answer === undefined ? [{ reason: 'unproven' } as const] : []),
      ...(answer === undefined || answer === 'Success' ? [] : [{ reason: 'hand_over_failed', detail: answer } as const]),
    ]
  },
  readings() {
    const { headBlock, epochsOpen, snapshotsComputed } = stats()
    return [
      ...readTo(headBlock),
      reading('weft_snapshotter_epochs_open', epochsOpen, {}),
      reading('weft_snapshotter_snapshots_total', snapshotsComputed, {}),
    ]
  },
  slots: () => slotsNow(slotIds, { store, chain }),
  sender: () => ({ instanceId: signer, slotId: slotIds[0] ?? 0, totals: totalsOf(store) }),
})

/** Slots of which the chain is asked: each is a call. */
const SLOTS_ASKED_MAX = 200

/** What is on disk, and what the contract counts of the day where it answers. */
async function slotsNow(
  slotIds: readonly SlotId[],
  { store, chain }: Pick<SnapshotterSeen, 'store' | 'chain'>,
): Promise<readonly SlotNow[]> {
  const fared = await slotsFared(slotIds, store, () => new Promise((resolve) => setImmediate(resolve)))
  try {
    const { day, dailySnapshotQuota: dailyQuota } = await chain.rewardRules()
    const asked = fared.slice(0, SLOTS_ASKED_MAX)
    const days = await Promise.all(asked.map(({ slotId }) => chain.slotDay(slotId, day)))
    return fared.map((slot, index) => ({ ...slot, dailyQuota, ...(days[index] && { deliveredToday: days[index].submissions }) }))
  } catch (failure) {
    if (!isWeftError(failure)) throw failure
    return fared
  }
}
