import type { SlotId } from '#domain/ids.ts'
import { AGREED_BY_MORE_THAN_ONE, type Fault, LATE_FAULTS, type Plan } from './plan.ts'
import { type Outcome, simulate } from './simulation.ts'
import type { SimEvent } from './trace.ts'

/**
 * What some seeds show, told twice: in a sentence, and as what must happen for the sentence to be true. When the world changes, seeds tell
 * other stories: `SIM_FIND=<name> ./weft test test/sim` finds the smallest one that tells it again, `SIM_FIND=all` does so for all.
 */
export interface Story {
  readonly seed: number
  readonly sentence: string
  /** What a plan must hold, so that a search need not play every seed. */
  readonly needs: readonly Fault['kind'][]
  /** What the plan is made to hold, where luck alone would take thousands of seeds. */
  readonly shape?: (plan: Plan) => Plan
  isTold(events: readonly SimEvent[], plan: Plan): boolean
}

/** One event of a story, given those that were found for the steps before it. */
type Step = (event: SimEvent, before: readonly SimEvent[]) => boolean

/** Whether such events come in this order, others between them or not. */
function inOrder(...steps: readonly Step[]): (events: readonly SimEvent[]) => boolean {
  const isTold = (events: readonly SimEvent[], from: number, before: readonly SimEvent[]): boolean => {
    const step = steps[before.length]
    if (step === undefined) return true
    for (let index = from; index < events.length; index += 1) {
      const event = events[index] as SimEvent
      if (step(event, before) && isTold(events, index + 1, [...before, event])) return true
    }
    return false
  }
  return (events) => isTold(events, 0, [])
}

type Facts = SimEvent['facts']
const is = (who: string | RegExp, event: string, facts: Facts = {}) => {
  const isWho = (name: string) => (typeof who === 'string' ? name === who : who.test(name))
  return (one: SimEvent): boolean =>
    one.event === event && isWho(one.who) && Object.entries(facts).every(([name, value]) => one.facts[name] === value)
}
/** The same, and these facts are those of an earlier step. */
const isAgain =
  (who: string | RegExp, event: string, step: number, same: readonly string[], facts: Facts = {}): Step =>
  (one, before) =>
    is(who, event, facts)(one) && same.every((name) => one.facts[name] === before[step]?.facts[name])
const listOf = ({ facts }: SimEvent, name: string): readonly unknown[] => facts[name] as readonly unknown[]
const VOTE = ['epochId', 'slotId', 'projectId']
const RECEIPT = 'receipt'
const taken: Step = (one) => one.who === RECEIPT && ['accepted', 'duplicate'].includes(one.event) && one.facts['epochId'] !== 0

/** The block that the vote of step `step` names is taken away. */
const losesBlockOf =
  (step: number): Step =>
  (one, before) =>
    is('chain', 'blocks gone')(one) && listOf(one, 'hashes').includes(before[step]?.facts['header'])
/** The batch with the vote of step `step`. */
const countsVoteOf =
  (step: number): Step =>
  (one, before) =>
    is('sequencer', 'sends batch')(one) && listOf(one, 'submissions').includes(before[step]?.facts['id'])

/** Whether the machine's disk went between these two, in that way. */
const attestedBefore = (how: string) =>
  inOrder(is('chain', 'SnapshotBatchAttestationSubmitted'), is(/^validator/, 'disk lost', { how }), (one, before) =>
    is(String(before[1]?.who), 'batch_attested', { reason: 'attested_before', batchCid: before[0]?.facts['batchCid'] })(one),
  )

/** The network of the seed with short windows and nothing but these faults. `unevenMs` differs from seed to seed. */
const shaped =
  (faults: (unevenMs: number) => Plan['faults'], change: Partial<Plan> = {}) =>
  (plan: Plan): Plan => ({
    ...plan,
    windows: { snapshot: 8, batch: 18, attestation: 30 },
    faultsEndMs: 25_000,
    epochsAtMs: [1_000],
    lie: undefined,
    anchoring: 'projects',
    ...change,
    faults: faults((plan.seed % 16) * 250),
  })
const HONEST_ALONE: Partial<Plan> = {
  honestSeats: [[1, 2, 3] as SlotId[]],
  lyingSlots: [],
  hostileSlots: [],
  collectors: ['direct'],
  validators: 3,
  isValidatorFed: false,
}
const WITH_HOSTILE_SLOT: Partial<Plan> = {
  honestSeats: [[1, 2, 3] as SlotId[], [4, 5] as SlotId[]],
  lyingSlots: [],
  hostileSlots: [6 as SlotId],
}

export const STORIES = {
  power_cut_at_receipt: {
    seed: 17,
    sentence: 'the sequencer loses power when a receipt has just arrived',
    needs: ['power_cut'],
    isTold: inOrder(
      taken,
      (one, [receipt]) => is('sequencer', 'power cut', { moment: 'receipt' })(one) && one.atMs === receipt?.atMs,
      is('sequencer', 'started again'),
    ),
  },
  batches_too_late: {
    seed: 5,
    sentence: 'a reorganisation takes batches back while the anchor chain cannot be reached, until it is too late to send them again',
    needs: [],
    shape: shaped(
      (unevenMs) => [
        { kind: 'anchor_unreachable', atMs: 11_000 + unevenMs, forMs: 10_000 },
        { kind: 'reorg', atMs: 11_100 + unevenMs, depth: 4, isLosingTransactions: true },
      ],
      { windows: { snapshot: 8, batch: 14, attestation: 30 } },
    ),
    isTold: inOrder(
      is('fault', 'anchor_unreachable'),
      (one, [outage]) =>
        is('chain', 'undone SnapshotBatchSubmitted')(one) && one.atMs < Number(outage?.atMs) + Number(outage?.facts['forMs']),
      (one, [, undone]) => is('sequencer', 'anchored_again', { epochId: undone?.facts['epochId'] })(one) && Number(one.facts['lost']) > 0,
    ),
  },
  batches_anchored_again: {
    seed: 16,
    sentence: 'a reorganisation takes both batches of an ended epoch back, and they are anchored again',
    needs: ['reorg'],
    isTold: inOrder(
      is('sequencer', 'epoch_sealed', { state: 'ended' }),
      isAgain('chain', 'undone SnapshotBatchSubmitted', 0, ['epochId']),
      (one, [sealed, first]) =>
        is('chain', 'undone SnapshotBatchSubmitted', { epochId: sealed?.facts['epochId'] })(one) &&
        one.facts['batchCid'] !== first?.facts['batchCid'],
      isAgain('sequencer', 'anchored_again', 0, ['epochId'], { lost: 0 }),
    ),
  },
  waiting_votes_lose_their_block: {
    seed: 3,
    sentence: 'votes that wait at a collector name a block that a reorganisation took away, and are taken in another form',
    needs: [],
    shape: shaped((unevenMs) => [
      { kind: 'slow_reader', atMs: 1_000, forMs: 3_000 },
      { kind: 'reorg', atMs: 1_500 + unevenMs, depth: 3, isLosingTransactions: false },
    ]),
    isTold: inOrder(
      is('chain', 'blocks gone'),
      (one, [gone]) => is(RECEIPT, 'header_unknown')(one) && listOf(gone as SimEvent, 'hashes').includes(one.facts['header']),
      isAgain(RECEIPT, 'accepted', 1, VOTE),
    ),
  },
  lost_block_is_voted_again: {
    seed: 0,
    sentence: 'votes with a receipt lose the block that they name, while their epoch stays released, are given anew, and count',
    needs: [],
    shape: shaped(
      (unevenMs) => [
        { kind: 'absence', machine: 'collector 1', atMs: 500, forMs: 3_000 },
        { kind: 'reorg', atMs: 4_300 + unevenMs, depth: 2, isLosingTransactions: false },
      ],
      { collectors: ['direct'] },
    ),
    isTold: inOrder(
      is(RECEIPT, 'accepted'),
      (one, before) => losesBlockOf(0)(one, before) && listOf(one, 'releases').length === 0,
      (one, [first]) => isAgain(RECEIPT, 'accepted', 0, VOTE)(one, [first as SimEvent]) && one.facts['header'] !== first?.facts['header'],
      countsVoteOf(2),
    ),
  },
  final_undone: {
    seed: 16,
    sentence: 'a reorganisation takes the attestations of a batch that was final, and it becomes final again',
    needs: ['reorg'],
    isTold: inOrder(is('chain', 'undone SnapshotBatchFinalized'), isAgain('chain', 'SnapshotBatchFinalized', 0, ['epochId', 'batchCid'])),
  },
  released_again_without_its_blocks: {
    seed: 1,
    sentence: 'an undone epoch is released again, and its votes name blocks that are gone',
    needs: [],
    shape: shaped((unevenMs) => [
      { kind: 'slow_reader', atMs: 1_000, forMs: 4_000 },
      { kind: 'reorg', atMs: 2_000 + unevenMs, depth: 4, isLosingTransactions: false },
    ]),
    isTold: inOrder(
      is('chain', 'blocks gone'),
      (one, [gone]) => is('chain', 'EpochReleased')(one) && listOf(gone as SimEvent, 'releases').includes(one.facts['epochId']),
      (one, [gone, release]) =>
        is(RECEIPT, 'header_unknown', { epochId: release?.facts['epochId'] })(one) &&
        listOf(gone as SimEvent, 'hashes').includes(one.facts['header']),
    ),
  },
  attested_while_batch_is_gone: {
    seed: 5,
    sentence: 'attestations are mined while a reorganisation has their batch off the chain, and made once more',
    needs: [],
    shape: shaped((unevenMs) => [
      { kind: 'absence', machine: 'sequencer', atMs: 10_900 + unevenMs, forMs: 3_000 },
      { kind: 'reorg', atMs: 11_000 + unevenMs, depth: 2, isLosingTransactions: true },
    ]),
    isTold: inOrder(
      is('chain', 'undone SnapshotBatchSubmitted'),
      isAgain('chain', 'call refused', 0, ['epochId', 'batchCid'], { call: 'submitBatchAttestation', code: 'E26' }),
      isAgain('chain', 'SnapshotBatchSubmitted', 0, ['epochId', 'batchCid']),
      isAgain('chain', 'SnapshotBatchAttestationSubmitted', 0, ['epochId', 'batchCid']),
    ),
  },
  slot_of_hostile_key: {
    seed: 246,
    sentence: 'a slot is given to a hostile key, which votes for data that nobody has',
    needs: ['reassigned', 'hostile'],
    isTold: inOrder(is('chain', 'SnapshotterAddressChanged'), isAgain('hostile', 'accepted', 0, ['slotId'])),
  },
  slot_changes_hands_twice: {
    seed: 8,
    sentence: 'a slot is given to a hostile key and back, and votes for its first signer again',
    needs: ['reassigned'],
    isTold: inOrder(
      is(RECEIPT, 'accepted'),
      isAgain('chain', 'SnapshotterAddressChanged', 0, ['slotId']),
      isAgain('chain', 'SnapshotterAddressChanged', 0, ['slotId']),
      (one, [, , back]) => is(RECEIPT, 'accepted', { slotId: back?.facts['slotId'] })(one) && Number(one.atMs) > Number(back?.atMs),
    ),
  },
  burned_after_voting: {
    seed: 32,
    sentence: 'a slot is burned after it has voted, its votes count, and it never votes again',
    needs: ['burned'],
    isTold: (events) => {
      const isVotedAndCounted = inOrder(is(RECEIPT, 'accepted'), isAgain('chain', 'NodeBurned', 0, ['slotId']), countsVoteOf(0))
      const burned = events.findLast(is('chain', 'NodeBurned'))
      const later = events.findLast((one) => is('chain', 'EpochReleased')(one) && burned !== undefined && one.atMs > burned.atMs)
      const isSilent = !events.some(
        (one) => taken(one, []) && one.facts['slotId'] === burned?.facts['slotId'] && one.facts['epochId'] === later?.facts['epochId'],
      )
      return later !== undefined && isSilent && isVotedAndCounted(events)
    },
  },
  finalized_and_nowhere: {
    seed: 0,
    sentence:
      'data that nobody has becomes final, in a market that does not ask for bytes, while honest votes do not get through, and the aggregates of the next epoch are there',
    needs: [],
    shape: shaped(
      () => [
        { kind: 'absence', machine: 'collector 1', atMs: 9_000, forMs: 13_000 },
        { kind: 'double_votes', atMs: 13_000, votes: 40 },
      ],
      { ...WITH_HOSTILE_SLOT, collectors: ['direct'], faultsEndMs: 40_000, epochsAtMs: [1_000, 10_000, 28_000] },
    ),
    isTold: inOrder(
      (one) => is('hostile', 'accepted', { epochId: 2 })(one) && String(one.facts['projectId']).startsWith('price'),
      isAgain('chain', 'SnapshotFinalized', 0, ['epochId', 'projectId']),
      is('honest 1', 'epoch_done', { epochId: 3, missed: '' }),
    ),
  },
  omitted_for_nowhere: {
    seed: 0,
    sentence: 'the same where a market asks that bytes can be had: what nobody has is omitted, and nothing of it becomes final',
    needs: [],
    shape: shaped(
      () => [
        { kind: 'absence', machine: 'collector 1', atMs: 9_000, forMs: 13_000 },
        { kind: 'double_votes', atMs: 13_000, votes: 40 },
      ],
      {
        ...WITH_HOSTILE_SLOT,
        availability: 'required',
        collectors: ['direct'],
        faultsEndMs: 40_000,
        epochsAtMs: [1_000, 10_000, 28_000],
      },
    ),
    isTold: (events) => {
      const isOmitted = inOrder(
        (one) => is('hostile', 'accepted', { epochId: 2 })(one) && String(one.facts['projectId']).startsWith('price'),
        is('sequencer', 'snapshots_unavailable', { epochId: 2 }),
        is('honest 1', 'epoch_done', { epochId: 3, missed: '' }),
      )
      return isOmitted(events) && !events.some(is('chain', 'SnapshotFinalized', { epochId: 2 }))
    },
  },
  finality_is_late: {
    seed: 0,
    sentence: 'epochs come faster than they become final, and each has its aggregates',
    needs: [],
    shape: shaped(() => [], { ...WITH_HOSTILE_SLOT, epochsAtMs: [1_000, 3_000, 5_000, 7_000, 9_000] }),
    isTold: (events) => {
      const before = events.slice(0, events.findIndex(is('chain', 'SnapshotFinalized')))
      return [2, 3, 4].every((epochId) =>
        ['honest 1', 'honest 2'].every((name) => before.some(is(name, 'epoch_done', { epochId, missed: '' }))),
      )
    },
  },
  burn_undone: {
    seed: 0,
    sentence: 'a reorganisation takes the burning of a slot back, and it votes as before',
    needs: [],
    shape: shaped(
      (unevenMs) => [
        { kind: 'burned', atMs: 500, slotId: 2 as SlotId },
        { kind: 'reorg', atMs: 1_500 + unevenMs, depth: 3, isLosingTransactions: true },
      ],
      WITH_HOSTILE_SLOT,
    ),
    isTold: (events) =>
      inOrder(is('chain', 'undone NodeBurned'), isAgain(RECEIPT, 'accepted', 0, ['slotId']))(events) &&
      events.filter(is('chain', 'NodeBurned')).length === 1,
  },
  heard_by_validators_alone: {
    seed: 0,
    sentence:
      'the votes of honest slots reach validators and not the sequencer, whose batch has a liar alone: it is refuted, and what they heard is final',
    needs: [],
    shape: shaped(() => [{ kind: 'absence', machine: 'relay', atMs: 500, forMs: 12_000 }], {
      honestSeats: [[1, 2, 3] as SlotId[]],
      lyingSlots: [4 as SlotId],
      hostileSlots: [],
      collectors: ['relayed', 'direct'],
      validators: 3,
      isValidatorFed: false,
      completeness: 'required',
    }),
    isTold: inOrder(
      is('relay', 'power cut'),
      is('chain', 'TriggerBatchResubmission', { epochId: 1 }),
      is(/^validator/, 'stood_in', { epochId: 1, outcome: 'done' }),
      is('chain', 'SnapshotFinalized', { epochId: 1 }),
    ),
  },
  first_batch_withheld: {
    seed: 0,
    sentence:
      "nobody is given an epoch's first batch, which lies: the second, which continues its tree, is final before it is refuted, and all of it is final in the end",
    needs: [],
    shape: shaped(() => [], {
      ...HONEST_ALONE,
      completeness: 'required',
      lie: { epochId: 1, how: 'withhold' },
    }),
    isTold: inOrder(
      is('chain', 'SnapshotBatchSubmitted', { epochId: 1 }),
      is('chain', 'SnapshotBatchSubmitted', { epochId: 1 }),
      is('chain', 'SnapshotBatchFinalized', { epochId: 1 }),
      is('chain', 'TriggerBatchResubmission', { epochId: 1 }),
      is('chain', 'SnapshotBatchFinalized', { epochId: 1 }),
    ),
  },
  name_of_an_earlier_batch: {
    seed: 0,
    sentence:
      'a batch that is final lends its name to false results of the next epoch: these are refuted and proved by nothing, what was heard is final in their place, and what was final before stays proved',
    needs: [],
    shape: shaped(() => [], {
      ...HONEST_ALONE,
      completeness: 'required',
      epochsAtMs: [1_000, 15_000],
      lie: { epochId: 2, how: 'reuse' },
    }),
    isTold: inOrder(
      is('chain', 'SnapshotBatchFinalized', { epochId: 1 }),
      isAgain('chain', 'SnapshotBatchSubmitted', 0, ['batchCid'], { epochId: 2 }),
      isAgain('chain', 'TriggerBatchResubmission', 0, ['batchCid'], { epochId: 2 }),
      is(/^validator/, 'stood_in', { epochId: 2, outcome: 'done' }),
      (one, [, , , stoodIn]) => is('chain', 'SnapshotBatchFinalized', { epochId: 2, batchCid: stoodIn?.facts['batchCid'] })(one),
    ),
  },
  name_that_is_none: {
    seed: 0,
    sentence: 'a batch is on chain under a name that is none: it ends no validator, and what was heard is final in its place',
    needs: [],
    shape: shaped(() => [], {
      ...HONEST_ALONE,
      completeness: 'required',
      epochsAtMs: [1_000, 15_000],
      lie: { epochId: 1, how: 'unreadable' },
    }),
    isTold: (events) =>
      inOrder(
        is('chain', 'SnapshotBatchSubmitted', { epochId: 1, batchCid: 'not-a-cid' }),
        is('chain', 'TriggerBatchResubmission', { epochId: 1, batchCid: 'not-a-cid' }),
        is(/^validator/, 'stood_in', { epochId: 1, outcome: 'done' }),
        is('chain', 'SnapshotBatchFinalized', { epochId: 1 }),
      )(events) && !events.some(is(/^validator/, 'ended')),
  },
  lone_vote: {
    seed: 0,
    sentence:
      'a slot votes alone for what nobody else knows, in a market that asks for more than one: it is in no batch, and all else is final',
    needs: [],
    shape: shaped(() => [{ kind: 'made_up_projects', atMs: 3_000, votes: 4 }], {
      ...WITH_HOSTILE_SLOT,
      hasExpectedProjects: false,
      tally: AGREED_BY_MORE_THAN_ONE,
    }),
    isTold: (events) =>
      inOrder(
        (one) => is('hostile', 'accepted', { epochId: 1 })(one) && String(one.facts['projectId']).startsWith('price:nobody'),
        is('chain', 'SnapshotFinalized', { epochId: 1 }),
      )(events) &&
      !events.some((one) => is('chain', 'SnapshotFinalized')(one) && String(one.facts['projectId']).startsWith('price:nobody')),
  },
  burned_slot_is_refused: {
    seed: 0,
    sentence: 'whoever held a slot that is burned votes on, and is refused',
    needs: [],
    shape: shaped(
      () => [
        { kind: 'burned', atMs: 500, slotId: 6 as SlotId },
        { kind: 'made_up_projects', atMs: 4_000, votes: 4 },
      ],
      { ...WITH_HOSTILE_SLOT, hasExpectedProjects: false },
    ),
    isTold: inOrder(is('chain', 'NodeBurned'), isAgain('hostile', 'slot_unknown', 0, ['slotId'])),
  },
  taken_back_while_away: {
    seed: 3,
    sentence:
      'a reorganisation takes the batches of an ended epoch back while the sequencer is away, and it anchors them again when it returns',
    needs: [],
    shape: shaped((unevenMs) => [
      { kind: 'absence', machine: 'sequencer', atMs: 12_500 + unevenMs, forMs: 2_000 },
      { kind: 'reorg', atMs: 13_000 + unevenMs, depth: 4, isLosingTransactions: true },
    ]),
    isTold: inOrder(
      is('sequencer', 'epoch_sealed', { state: 'ended' }),
      is('sequencer', 'power cut'),
      isAgain('chain', 'undone SnapshotBatchSubmitted', 0, ['epochId']),
      is('sequencer', 'started again'),
      isAgain('sequencer', 'anchored_again', 0, ['epochId'], { lost: 0 }),
    ),
  },
  voided_and_back: {
    seed: 11,
    sentence: 'votes with a receipt are voided with their release, and count when it comes again',
    needs: ['reorg'],
    isTold: inOrder(
      is(RECEIPT, 'accepted'),
      isAgain('chain', 'undone EpochReleased', 0, ['epochId']),
      isAgain('sequencer', 'release_undone', 0, ['epochId']),
      isAgain('chain', 'EpochReleased', 0, ['epochId']),
      (one, [first]) => taken(one, []) && VOTE.every((name) => one.facts[name] === first?.facts[name]),
      countsVoteOf(4),
    ),
  },
  ended_and_back: {
    seed: 9,
    sentence: 'a reorganisation takes an epoch that had ended, release and all; released again it is voted on, anchored and final again',
    needs: [],
    shape: shaped((unevenMs) => [{ kind: 'reorg', atMs: 14_000 + unevenMs, depth: 22, isLosingTransactions: true }]),
    isTold: inOrder(
      is('sequencer', 'epoch_sealed', { state: 'ended', reason: 'all_batches_anchored' }),
      isAgain('chain', 'undone EpochReleased', 0, ['epochId']),
      isAgain('sequencer', 'release_undone', 0, ['epochId'], { state: 'ended' }),
      isAgain('chain', 'EpochReleased', 0, ['epochId']),
      (one, [first]) => taken(one, []) && one.facts['epochId'] === first?.facts['epochId'],
      isAgain('chain', 'SnapshotBatchFinalized', 0, ['epochId']),
      isAgain('sequencer', 'epoch_sealed', 0, ['epochId'], { state: 'ended', reason: 'all_batches_anchored' }),
    ),
  },
  power_cut_before_any_epoch: {
    seed: 5,
    sentence: 'the sequencer loses power before it has heard of any epoch, and one is released meanwhile',
    needs: [],
    isTold: (events) => {
      const first = events.findIndex(is('chain', 'EpochReleased'))
      const before = events.slice(0, first).filter(({ who }) => who === 'sequencer')
      const isOff = before.findLast(({ event }) => event === 'power cut' || event === 'started again')?.event === 'power cut'
      return first >= 0 && isOff && events.slice(first).some(is('sequencer', 'started again'))
    },
  },
  three_releases_undone: {
    seed: 0,
    sentence: 'a release waits for a block when a reorganisation takes the three before it',
    needs: [],
    shape: shaped((unevenMs) => [{ kind: 'reorg', atMs: 7_000 + unevenMs, depth: 4, isLosingTransactions: false }], {
      // The source chain makes an epoch with each block of the anchor chain, so that none is late.
      epochsAtMs: [1_000, 2_500, 3_500, 4_500, 5_500, 6_500],
    }),
    isTold: inOrder(
      (one) => is('chain', 'blocks gone')(one) && listOf(one, 'releases').length >= 3 && listOf(one, 'waitingReleases').length > 0,
    ),
  },
  away_past_the_batch_window: {
    seed: 18,
    sentence: 'the sequencer is away until votes with a receipt can be anchored no more, and says so',
    needs: [],
    isTold: inOrder(
      is(RECEIPT, 'accepted'),
      is('sequencer', 'power cut'),
      is('sequencer', 'started again'),
      isAgain('sequencer', 'epoch_missed', 0, ['epochId'], { state: 'missed', reason: 'batch_window_over' }),
    ),
  },
  away_past_the_margin: {
    seed: 7,
    sentence: 'the sequencer is away for long, within one window, and counts the votes from before',
    needs: ['absence'],
    isTold: inOrder(
      is(RECEIPT, 'accepted'),
      is('sequencer', 'power cut', { moment: 'absence' }),
      (one, [, cut]) => is('sequencer', 'started again')(one) && one.atMs - Number(cut?.atMs) > 33_000,
      countsVoteOf(0),
    ),
  },
  quota_reached: {
    seed: 75,
    sentence: 'a slot votes on more projects than it may',
    needs: ['made_up_projects'],
    isTold: inOrder(is('hostile', 'accepted'), isAgain('hostile', 'quota_exceeded', 0, ['slotId', 'epochId'])),
  },
  quota_over_a_restart: {
    seed: 0,
    sentence: 'a slot votes on made-up projects before the sequencer starts again and after it, and on no more than it may in all',
    needs: [],
    shape: shaped(
      (unevenMs) => [
        { kind: 'made_up_projects', atMs: 2_500, votes: 6 },
        { kind: 'absence', machine: 'sequencer', atMs: 3_000 + unevenMs, forMs: 500 },
        { kind: 'made_up_projects', atMs: 7_500, votes: 6 },
      ],
      { ...WITH_HOSTILE_SLOT, hasExpectedProjects: false, limits: { projectsPerSlotMax: 9, outboxMax: 1_000, inboxMax: 10_000 } },
    ),
    isTold: inOrder(
      is('hostile', 'accepted'),
      is('sequencer', 'started again'),
      isAgain('hostile', 'accepted', 0, ['slotId', 'epochId']),
      isAgain('hostile', 'quota_exceeded', 0, ['slotId', 'epochId']),
    ),
  },
  evidence_over_a_restart: {
    seed: 0,
    sentence: 'a slot votes twice before the sequencer loses power and again after it, and all of it is kept as evidence',
    needs: [],
    shape: shaped(
      (unevenMs) => [
        { kind: 'double_votes', atMs: 2_500, votes: 6 },
        { kind: 'absence', machine: 'sequencer', atMs: 3_000 + unevenMs, forMs: 500 },
        { kind: 'double_votes', atMs: 7_500, votes: 6 },
      ],
      WITH_HOSTILE_SLOT,
    ),
    isTold: inOrder(
      is('hostile', 'vote_conflict'),
      is('sequencer', 'power cut'),
      isAgain('hostile', 'vote_conflict', 0, ['slotId', 'epochId']),
    ),
  },
  empty_disk_attests_nothing_new: {
    seed: 9,
    sentence: 'a validator that has attested comes back with an empty disk, and learns from the chain that it has spoken',
    needs: ['lost_disk'],
    isTold: attestedBefore('empty'),
  },
  old_copy_attests_nothing_new: {
    seed: 62,
    sentence: 'a validator that has attested comes back with an old copy of its disk, and learns from the chain that it has spoken',
    needs: ['lost_disk'],
    isTold: attestedBefore('old copy'),
  },
  manager_named_again: {
    seed: 5,
    sentence: 'the market names another epoch manager, releases are refused, and none is left out when it is named again',
    needs: ['refused_releases'],
    isTold: inOrder(is('epochs', 'release_refused', { reason: 'E05' }), isAgain('epochs', 'epoch_released', 0, ['begin'])),
  },
  outbox_full: {
    seed: 7,
    sentence: 'a collector is full, says so, and takes the vote later',
    needs: [],
    isTold: inOrder(is(/^(honest|liar)/, 'will_try_again', { code: 'QUEUE_FULL' }), is(RECEIPT, 'accepted')),
  },
  slow_reader: {
    seed: 2,
    sentence:
      'the sequencer takes nothing for a while, and reads on when there is room: what has waited is taken, nothing is refused for it',
    needs: ['slow_reader'],
    isTold: inOrder(
      is('fault', 'slow_reader'),
      (one, [fault]) => is(RECEIPT, 'accepted')(one) && one.atMs >= Number(fault?.atMs) + Number(fault?.facts['forMs']),
    ),
  },
  given_again_in_a_shorter_fork: {
    seed: 0,
    sentence:
      'votes of a batch that was sent lose their block to a shorter chain, on which their window is open again: they are given again, and the batch is final',
    needs: [],
    shape: shaped(
      (unevenMs) => [
        { kind: 'absence', machine: 'collector 1', atMs: 500, forMs: 7_500 },
        { kind: 'reorg', atMs: 11_100 + unevenMs / 4, depth: 4, isLosingTransactions: false, blocks: 1 },
      ],
      { ...WITH_HOSTILE_SLOT, collectors: ['direct'] },
    ),
    isTold: inOrder(
      is(RECEIPT, 'accepted'),
      countsVoteOf(0),
      losesBlockOf(0),
      (one, [first]) => isAgain(RECEIPT, 'accepted', 0, VOTE)(one, [first as SimEvent]) && one.facts['header'] !== first?.facts['header'],
      isAgain('chain', 'SnapshotFinalized', 0, ['epochId', 'projectId']),
    ),
  },
  logs_left_out: {
    seed: 0,
    sentence: 'an epoch is released, voted on and final while every second range of blocks comes without its logs',
    needs: [],
    shape: shaped(() => [{ kind: 'anchor_omission', atMs: 500, forMs: 24_000, every: 2, isPartial: false }], WITH_HOSTILE_SLOT),
    isTold: inOrder(
      is('fault', 'anchor_omission'),
      is('chain', 'SnapshotFinalized', { epochId: 1 }),
      is('sequencer', 'epoch_sealed', { epochId: 1, reason: 'all_batches_anchored' }),
      is('fault', 'none from now on'),
    ),
  },
  clock_set_back: {
    seed: 2,
    sentence:
      'the clock of the only collector is set back by an hour while votes wait for a sequencer that is away, and they are delivered in time',
    needs: [],
    shape: shaped(
      () => [
        { kind: 'absence', machine: 'sequencer', atMs: 500, forMs: 5_000 },
        { kind: 'clock_jump', atMs: 3_500, machine: 'collector 1', stepMs: -3_600_000 },
      ],
      { ...WITH_HOSTILE_SLOT, collectors: ['direct'] },
    ),
    isTold: inOrder(
      is('honest 1', 'epoch_done', { epochId: 1 }),
      is('fault', 'clock_jump'),
      is('sequencer', 'started again'),
      is(RECEIPT, 'accepted', { epochId: 1 }),
      is('chain', 'SnapshotFinalized', { epochId: 1 }),
    ),
  },
  attested_past_who_is_behind: {
    seed: 0,
    sentence:
      'what validators ask before they send is answered by nodes that do not have the batch yet, and each attests it when they have',
    needs: [],
    shape: shaped(() => [{ kind: 'sender_lag', atMs: 11_500, forMs: 8_000, blocks: 3, every: 1 }], {
      ...WITH_HOSTILE_SLOT,
      isValidatorFed: false,
    }),
    isTold: inOrder(
      is('fault', 'sender_lag'),
      is(/^validator/, 'will_try_again', { doing: 'attest', code: 'CHAIN_ANSWER_INVALID' }),
      is('chain', 'SnapshotFinalized', { epochId: 1 }),
    ),
  },
  anchored_by_roots: {
    seed: 0,
    sentence:
      'a market anchors by roots alone: batches are final of which the chain names no project, and the aggregates of the next epoch are there',
    needs: [],
    shape: shaped(() => [], { ...WITH_HOSTILE_SLOT, anchoring: 'roots', epochsAtMs: [1_000, 15_000] }),
    isTold: (events) =>
      inOrder(is('chain', 'SnapshotBatchFinalized', { epochId: 1 }), is('honest 1', 'epoch_done', { epochId: 2, missed: '' }))(events) &&
      !events.some(is('chain', 'SnapshotFinalized')),
  },
} as const satisfies Readonly<Record<string, Story>>

export const storyNames = Object.keys(STORIES) as (keyof typeof STORIES)[]
/** Whether playing the plan can tell the story. */
export const mayTell = ({ needs }: Story, { faults }: Plan): boolean => needs.every((kind) => faults.some((fault) => fault.kind === kind))
/** Stories are told of what is there, not of who sees it late. */
const UNTOLD: readonly Fault['kind'][] = LATE_FAULTS
export const playStory = ({ seed, shape = (plan) => plan }: Pick<Story, 'seed' | 'shape'>): Promise<Outcome> =>
  simulate(seed, { plan: (plan) => shape({ ...plan, faults: plan.faults.filter(({ kind }) => !UNTOLD.includes(kind)) }) })
