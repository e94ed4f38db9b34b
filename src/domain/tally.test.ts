import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Address, Cid, SlotId } from './ids.ts'
import { type TallyPolicy, tally, type Vote } from './tally.ts'

const replayFromEnv = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const anything: TallyPolicy = { minVotes: 0, minShareBp: 0 }
const vote = (slotId: number, cid: string, signer = `0x${slotId}`): Vote => ({
  slotId: slotId as SlotId,
  signer: signer as Address,
  snapshotCid: cid as Cid,
})

describe('the finalisation rule', () => {
  test.each<[string, Vote[], string, boolean, number[]]>([
    ['one vote is enough', [vote(1, 'a')], 'a', false, []],
    ['most votes win', [vote(1, 'b'), vote(2, 'a'), vote(3, 'b')], 'b', false, [2]],
    [
      'the first vote of a slot counts, later ones do not',
      [vote(1, 'a'), vote(1, 'b'), vote(1, 'b'), vote(2, 'b'), vote(3, 'a')],
      'a',
      false,
      [2],
    ],
    ['a tie goes to more distinct signers', [vote(1, 'a', '0xw'), vote(2, 'a', '0xw'), vote(3, 'b'), vote(4, 'b')], 'b', true, [1, 2]],
    ['an equal tie goes to the smallest CID', [vote(1, 'c'), vote(2, 'b'), vote(3, 'd')], 'b', true, [1, 3]],
    ['CIDs are compared by bytes, not by locale', [vote(1, 'a'), vote(2, 'Z')], 'Z', true, [1]],
  ])('%s', (_, votes, cid, isTie, outvoted) => {
    expect(tally(votes, anything, votes.length)).toMatchObject({ kind: 'finalized', snapshotCid: cid, isTie, outvotedSlots: outvoted })
  })
  test('counts per CID and in all', () => {
    const result = tally([vote(1, 'b'), vote(2, 'a'), vote(3, 'b')], anything, 3)
    expect([...result.votesPerCid]).toEqual([
      ['b', 2],
      ['a', 1],
    ])
    expect(result.total).toBe(3)
  })
})

describe('what a market asks for', () => {
  const third: TallyPolicy = { minVotes: 2, minShareBp: 3_334 }
  test.each<[Vote[], TallyPolicy, string]>([
    [[vote(1, 'a'), vote(2, 'a')], { minVotes: 3, minShareBp: 0 }, 'below_min_votes'],
    [[vote(1, 'a'), vote(2, 'b'), vote(3, 'c')], { minVotes: 1, minShareBp: 3_334 }, 'below_min_share'],
  ])('case %#', (votes, policy, reason) => {
    expect(tally(votes, policy, votes.length)).toMatchObject({ kind: 'omitted', reason, total: votes.length })
  })
  test('is not met by nobody, and that is no tie', () => {
    expect(tally([], anything, 0)).toEqual({ kind: 'omitted', reason: 'no_votes', votesPerCid: new Map(), total: 0, isTie: false })
  })
  test('is met at exactly the share', () => {
    expect(tally([vote(1, 'a'), vote(2, 'b')], { minVotes: 1, minShareBp: 5_000 }, 2).kind).toBe('finalized')
  })
  test('is a share of the slots that voted in the epoch: two that agree on a project of their own are few among six', () => {
    const conspirators = [vote(1, 'a'), vote(2, 'a')]
    expect(tally(conspirators, third, 2).kind).toBe('finalized')
    expect(tally(conspirators, third, 5).kind).toBe('finalized')
    expect(tally(conspirators, third, 6)).toMatchObject({ kind: 'omitted', reason: 'below_min_share', total: 2 })
  })
  test('is nothing where a market asks for nothing, however many vote elsewhere', () => {
    expect(tally([vote(1, 'a')], anything, 1_000_000).kind).toBe('finalized')
  })
})

const slotVotes = fc.uniqueArray(fc.record({ slotId: fc.integer({ min: 1, max: 60 }), cid: fc.constantFrom('a', 'b', 'c', 'd') }), {
  selector: ({ slotId }) => slotId,
  maxLength: 40,
})
const policies = fc.record({ minVotes: fc.integer({ min: 0, max: 10 }), minShareBp: fc.integer({ min: 0, max: 10_000 }) })

test('slots that vote elsewhere never make a project final, nor change who wins it', () => {
  fc.assert(
    fc.property(slotVotes, policies, fc.nat(40), fc.nat(40), (list, policy, elsewhere, more) => {
      const votes = list.map(({ slotId, cid }) => vote(slotId, cid))
      const before = tally(votes, policy, votes.length + elsewhere)
      const after = tally(votes, policy, votes.length + elsewhere + more)
      if (after.kind === 'finalized') expect(before).toEqual(after)
      if (policy.minShareBp === 0) expect(after).toEqual(before)
    }),
    { numRuns: 300, ...replayFromEnv },
  )
})

test('arrival order never changes the outcome', () => {
  const ballots = fc
    .uniqueArray(
      fc.record({
        slotId: fc.integer({ min: 1, max: 60 }),
        cid: fc.constantFrom('a', 'b', 'c', 'd'),
        signer: fc.constantFrom('0x1', '0x2', '0x3'),
      }),
      {
        selector: (ballot) => ballot.slotId,
        maxLength: 40,
      },
    )
    .map((list) => list.map((ballot) => vote(ballot.slotId, ballot.cid, ballot.signer)))
  const shuffled = ballots.chain((votes) =>
    fc.tuple(fc.constant(votes), fc.shuffledSubarray(votes, { minLength: votes.length, maxLength: votes.length })),
  )
  fc.assert(
    fc.property(shuffled, ([votes, others]) => {
      const policy = { minVotes: 2, minShareBp: 2_500 }
      expect(tally(others, policy, votes.length)).toEqual(tally(votes, policy, votes.length))
    }),
    { numRuns: 300, ...replayFromEnv },
  )
})
