import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { SlotId } from '#domain/ids.ts'
import type { Reading } from '#domain/metrics.ts'
import { createRecorder } from '#domain/recorder.ts'
import type { SubmissionClient } from '#io/grpc/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { createCounters } from '#roles/collector/counters.ts'
import type { Vitals } from './role.ts'
import {
  apiVitals,
  collectorVitals,
  countedClient,
  countJudged,
  countSealed,
  countSnapshots,
  epochsVitals,
  partVitals,
  relayVitals,
  sequencerVitals,
  snapshotterVitals,
  validatorVitals,
} from './vitals.ts'

const reasons = ({ unready }: Vitals) => unready().map(({ reason, detail }) => (detail === undefined ? reason : `${reason}: ${detail}`))
const lines = (readings: readonly Reading[]) =>
  readings.map(({ metric, labels, value }) => [metric, ...Object.values(labels), value].join(' '))

describe('a snapshotter', () => {
  const chain = {
    rewardRules: async () => ({ day: 4, dailySnapshotQuota: 50, areRewardsEnabled: true }),
    slotDay: async (slotId: SlotId) => ({ submissions: 10 * slotId, isRewarded: false }),
  }
  const stats = { headBlock: 9, epochsOpen: 1, ownSlots: [1, 2], snapshotsComputed: 5 } as never
  const seen = (lastAnswer: string | undefined, change: object = {}, slotIds: readonly number[] = [1, 2], isAlone = false) =>
    snapshotterVitals({
      stats: () => ({ ...(stats as object), ...change }) as never,
      slotIds: slotIds as SlotId[],
      lastAnswer: () => lastAnswer,
      store: createFakeStore(),
      signer: '0x1' as never,
      chain,
      isAlone: () => isAlone,
    })

  test('is ready when the collector took its last submission: not before one, and not after one that it did not take', () => {
    expect(reasons(seen('Success'))).toEqual([])
    expect(reasons(seen(undefined))).toEqual(['unproven'])
    expect(reasons(seen('signer_mismatch'))).toEqual(['hand_over_failed: signer_mismatch'])
    expect(reasons(seen('Success', { headBlock: undefined, ownSlots: undefined }))).toEqual(['anchor_unread'])
    expect(reasons(seen('Success', { ownSlots: [1] }))).toEqual(['slots_lost: 2: 1 of 2'])
    expect(reasons(seen('Success', {}, [1, 2], true)), 'the collector took it, and nobody can fetch it').toEqual(['ipfs_alone'])
    const many = Array.from({ length: 12 }, (_, index) => index + 1)
    expect(reasons(seen('Success', { ownSlots: [3] }, many))).toEqual(['slots_lost: 1-2, 4-12: 11 of 12'])
  })

  test('says what the contract counts of the day of each slot, and what is on disk where it does not answer', async () => {
    const fared = { handedOver: 0, included: 0, outvoted: 0, leftOut: 0 }
    expect(await seen('Success').slots?.()).toEqual([
      { slotId: 1, ...fared, dailyQuota: 50, deliveredToday: 10 },
      { slotId: 2, ...fared, dailyQuota: 50, deliveredToday: 20 },
    ])
    const away = {
      ...chain,
      rewardRules: async () => {
        throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'x', method: 'eth_call' })
      },
    }
    const vitals = snapshotterVitals({
      stats: () => stats,
      slotIds: [1] as SlotId[],
      lastAnswer: () => undefined,
      store: createFakeStore(),
      signer: '0x1' as never,
      chain: away,
      isAlone: () => false,
    })
    expect(await vitals.slots?.()).toEqual([{ slotId: 1, ...fared }])
  })

  test('counts answers of the collector, and the code where there is none; who stops is not counted', async () => {
    const recorder = createRecorder()
    const answers: (string | Error)[] = [
      'Success',
      'epoch_unknown',
      'epoch_unknown',
      new WeftError('QUEUE_FULL', { queue: 'outbox', lengthMax: 1 }),
    ]
    const real = {
      close: async () => undefined,
      async submitSnapshot(_submission: unknown, { signal }: { signal?: AbortSignal }) {
        const answer = signal?.aborted ? new WeftError('COLLECTOR_UNAVAILABLE', { endpoint: 'x', detail: 'cancelled' }) : answers.shift()
        if (answer instanceof Error) throw answer
        return answer
      },
    } as unknown as SubmissionClient
    let nowMs = 0
    const { client, last } = countedClient(real, { recorder, nowMs: () => nowMs })
    const submit = (signal?: AbortSignal) => client.submitSnapshot({} as never, { timeoutMs: 1, ...(signal && { signal }) })
    expect([await submit(), last()]).toEqual(['Success', 'Success'])
    // It may not have seen the epoch yet; for ever it will not say so.
    expect([await submit(), last()]).toEqual(['epoch_unknown', 'Success'])
    nowMs += 5_001
    expect([await submit(), last()]).toEqual(['epoch_unknown', 'epoch_unknown'])
    await expect(submit()).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    await expect(submit(AbortSignal.abort())).rejects.toMatchObject({ code: 'COLLECTOR_UNAVAILABLE' })
    expect(last()).toBe('QUEUE_FULL')
    expect(lines(recorder.read())).toEqual(
      ['Success 1', 'epoch_unknown 2', 'QUEUE_FULL 1'].map((counted) => `weft_snapshotter_hand_overs_total ${counted}`),
    )
  })

  test('counts epochs with what became of their projects, then what the network decided and where the votes are', () => {
    const recorder = createRecorder()
    const { onEpoch, onOutcome } = countSnapshots(recorder)
    const missed = [{ state: 'missed', reason: 'preload_failed' }] as never
    onEpoch({ epochId: 1 as never, state: 'done', submitted: 3, missed, tookMs: 2_500, windowUsed: 0.25 })
    onEpoch({ epochId: 2 as never, state: 'done', submitted: 0, missed: [], tookMs: 2_500, windowUsed: 1 })
    onEpoch({ epochId: 2 as never, state: 'done', submitted: 0, missed: [], tookMs: 9_000, windowUsed: 1.25 })
    onEpoch({ epochId: 2 as never, state: 'skipped', submitted: 0, missed: [], tookMs: 0 })
    onOutcome({ verdict: 'same', leftOut: [2] } as never, 3)
    onOutcome({ verdict: 'none', leftOut: [1] } as never, 3)
    onOutcome({ verdict: 'other' } as never, 4)
    // What never happened is 0, so that its first time is seen.
    expect(lines(recorder.read())).toEqual([
      'weft_snapshotter_epochs_total done 3',
      'weft_snapshotter_epochs_total skipped 1',
      'weft_snapshotter_epochs_total undone 0',
      'weft_snapshotter_late_total 1',
      'weft_snapshotter_outcomes_total same 1',
      'weft_snapshotter_outcomes_total other 1',
      'weft_snapshotter_outcomes_total only_finalized 0',
      'weft_snapshotter_outcomes_total none 1',
      'weft_snapshotter_votes_total included 2',
      'weft_snapshotter_votes_total left_out 1',
      'weft_snapshotter_votes_total not_final 3',
      'weft_snapshotter_votes_total unknown 4',
      'weft_snapshotter_epoch_seconds 9',
      'weft_snapshotter_window_used_ratio 1.25',
      'weft_snapshotter_projects_total submitted  3',
      'weft_snapshotter_projects_total missed preload_failed 1',
    ])
  })
})

describe('a collector', () => {
  function collector(change: object = {}) {
    const counters = createCounters()
    const stats = () => ({ ...counters.read(), open: 2, oldestMs: 1_500, inFlight: 1, address: '/a', isReady: true, ...change })
    return { counters, vitals: collectorVitals(stats) }
  }

  test('is ready when it has read the chain and has a link, and its last receipt refuses nothing that the next one shares', () => {
    const { counters, vitals } = collector()
    expect(reasons(vitals)).toEqual([])
    counters.countEnding('rejected', 'slot_unknown')
    expect(reasons(vitals)).toEqual(['receipt_refused: slot_unknown'])
    counters.countEnding('expired', 'window_closed')
    expect(reasons(vitals)).toEqual([])
    counters.countEnding('sent', 'unacknowledged')
    expect(reasons(vitals)).toEqual([])
    expect(reasons(collector({ isReady: false, address: undefined }).vitals)).toEqual(['anchor_unread', 'unlinked'])
  })

  test('counts each ending by its reason, and how long the oldest waits', () => {
    const { counters, vitals } = collector()
    counters.countEnding('acknowledged', 'accepted')
    counters.countEnding('acknowledged', 'duplicate')
    counters.countEnding('expired', 'window_closed')
    counters.countHandOver('new')
    counters.countRefused('market_unknown')
    const told = lines(vitals.readings())
    for (const line of [
      'weft_collector_endings_total acknowledged accepted 1',
      'weft_collector_endings_total acknowledged duplicate 1',
      'weft_collector_endings_total expired window_closed 1',
      'weft_collector_hand_overs_total new 1',
      'weft_collector_hand_overs_total market_unknown 1',
      'weft_collector_outbox_oldest_seconds 1.5',
      'weft_collector_linked 1',
    ])
      expect(told).toContain(line)
  })
})

test('a part of a sequencer is ready when it has read the chain, and says what it answered and refused', () => {
  const vitals = (isReady: boolean) =>
    partVitals(
      () => ({ isReady, receipts: { accepted: 4 } }),
      () => ({ inbox_full: 3 }),
    )
  expect([false, true].map((isReady) => reasons(vitals(isReady)))).toEqual([['anchor_unread'], []])
  expect(lines(vitals(true).readings())).toEqual(['weft_sequencer_receipts_total accepted 4', 'weft_frames_refused_total inbox_full 3'])
})

test('a sequencer is ready when it has read the chain; of an epoch that is over it counts votes, dissent, ties and why projects ended', () => {
  const stats = { isReady: false, headBlock: 9, receipts: { accepted: 4 }, pastDeadline: 0, waiting: 1, unfinishedEpochs: 2 }
  const vitals = sequencerVitals(
    () => stats,
    () => ({ inbox_full: 3 }),
  )
  expect(reasons(vitals)).toEqual(['anchor_unread'])
  expect(lines(vitals.readings())).toEqual([
    'weft_chain_read_block anchor 9',
    'weft_sequencer_receipts_total accepted 4',
    'weft_sequencer_past_deadline_total 0',
    'weft_sequencer_waiting_submissions 1',
    'weft_sequencer_unfinished_epochs 2',
    'weft_frames_refused_total inbox_full 3',
  ])
  const recorder = createRecorder()
  const projects = [
    { state: 'anchored', reason: undefined, votes: 4, total: 5, isTie: false },
    { state: 'anchored', reason: undefined, votes: 2, total: 4, isTie: true },
  ]
  countSealed(recorder)({ state: 'ended', reason: 'all_batches_anchored', projects, closedBlock: 10, anchoredBlock: 13 } as never)
  expect(lines(recorder.read())).toEqual([
    'weft_sequencer_epochs_total ended all_batches_anchored 1',
    'weft_sequencer_anchor_delay_blocks 3',
    'weft_sequencer_projects_total anchored  2',
    'weft_sequencer_votes_total won 6',
    'weft_sequencer_votes_total dissent 3',
    'weft_sequencer_ties_total 1',
  ])
})

test('a validator, an epoch release, a relay and an api say what they count, and when they are ready', () => {
  const counts = { headBlock: undefined as number | undefined, attested: 2, divergent: 1, late: 0, withheld: 0, missed: 0 }
  const validator = validatorVitals(
    () => counts,
    () => ({}),
  )
  expect([reasons(validator), lines(validator.readings())]).toEqual([
    ['anchor_unread'],
    ['weft_validator_divergent_total 1', 'weft_validator_late_total 0'],
  ])
  const recorder = createRecorder()
  countJudged(recorder)({ state: 'withheld', reason: 'integrity' } as never)
  expect(lines(recorder.read())).toEqual(['weft_validator_batches_total withheld integrity 1'])

  const epochs = epochsVitals(() => ({ released: 2, refused: 1, retries: 3 }))
  expect(lines(epochs.readings())).toEqual(['weft_releases_total done 2', 'weft_releases_total refused 1', 'weft_release_retries_total 3'])

  const relay = (reservations: number) => relayVitals(() => ({ reservations, circuits: 1, refusedReservations: 0 }), 2)
  expect([reasons(relay(1)), reasons(relay(2))]).toEqual([[], ['relay_full']])
  expect(reasons(apiVitals(() => ({ isLeading: true, isCurrent: false })))).toEqual(['index_behind'])
  expect(lines(apiVitals(() => ({ isLeading: true, isCurrent: true })).readings())).toEqual(['weft_api_leading 1'])
})
