import { describe, expect, test } from 'vitest'
import { type CountedBatch, credit, deliveredIn, eligibleSlots, type SlotCounts, updatesOf } from './counts.ts'
import type { Cid, EpochId, ProjectId, SlotId } from './ids.ts'

const EPOCH = 7 as EpochId
const counts = (entries: readonly (readonly [number, number])[]): SlotCounts => new Map(entries as [SlotId, number][])
const batch = (
  winners: Readonly<Record<string, string>>,
  votes: readonly (readonly [number, string, string, number?])[],
): CountedBatch => ({
  projectIds: Object.keys(winners) as ProjectId[],
  snapshotCids: Object.values(winners) as Cid[],
  submissions: votes.map(([slotId, projectId, snapshotCid, epochId = EPOCH]) => ({
    submission: { request: { slotId, projectId, snapshotCid, epochId } },
  })) as unknown as CountedBatch['submissions'],
})

describe('what slots deliver in a batch', () => {
  test.each<[string, CountedBatch, { readonly won: Record<number, number>; readonly all: Record<number, number> }]>([
    [
      '1 for each project whose winner a slot voted for',
      batch({ p: 'a', q: 'b' }, [
        [1, 'p', 'a'],
        [1, 'q', 'b'],
        [2, 'q', 'b'],
      ]),
      { won: { 1: 2, 2: 1 }, all: { 1: 2, 2: 1 } },
    ],
    [
      'what did not win is delivered, and wins nothing',
      batch({ p: 'a' }, [
        [1, 'p', 'b'],
        [2, 'p', 'a'],
      ]),
      { won: { 2: 1 }, all: { 1: 1, 2: 1 } },
    ],
    ['nothing for a project without a winner in it', batch({ p: 'a' }, [[1, 'q', 'a']]), { won: {}, all: {} }],
    [
      '1 at most for each slot and project',
      batch({ p: 'a' }, [
        [1, 'p', 'b'],
        [1, 'p', 'a'],
        [1, 'p', 'a'],
      ]),
      { won: { 1: 1 }, all: { 1: 1 } },
    ],
    ['nothing for a submission of another epoch', batch({ p: 'a' }, [[1, 'p', 'a', 6]]), { won: {}, all: {} }],
  ])('%s', (_, of, expected) => {
    const { won, all } = deliveredIn(of, EPOCH)
    expect({ won: Object.fromEntries(won), all: Object.fromEntries(all) }).toEqual(expected)
  })

  test('what is credited and taken back leaves nothing', () => {
    const totals = { all: counts([[1, 5]]), won: counts([[1, 3]]) }
    const delivered = {
      all: counts([
        [1, 1],
        [2, 2],
      ]),
      won: counts([[2, 2]]),
    }
    credit(totals, delivered, 1)
    expect([[...totals.all], [...totals.won]]).toEqual([
      [
        [1, 6],
        [2, 2],
      ],
      [
        [1, 3],
        [2, 2],
      ],
    ])
    credit(totals, delivered, -1)
    expect([[...totals.all], [...totals.won]]).toEqual([[[1, 5]], [[1, 3]]])
  })
})

test('slots at the quota or above it are eligible, ascending', () => {
  expect(
    eligibleSlots(
      counts([
        [9, 5],
        [3, 4],
        [1, 6],
        [2, 5],
      ]),
      5,
    ),
  ).toEqual([1, 2, 9])
})

describe('what is told', () => {
  const day = (change: Partial<Parameters<typeof updatesOf>[0]> = {}) => ({
    totals: counts([
      [4, 1],
      [1, 5],
      [3, 2],
      [2, 7],
    ]),
    told: counts([]),
    rewarded: new Set<SlotId>(),
    quota: 5,
    isFinal: false,
    ...change,
  })

  test('on the day: what differs, in chunks, of no number of eligible slots', () => {
    expect(
      updatesOf(
        day({
          told: counts([
            [3, 2],
            [1, 4],
            [8, 1],
          ]),
        }),
        2,
      ),
    ).toEqual([
      { slotIds: [1, 2], submissions: [5, 7], eligibleNodes: 0 },
      { slotIds: [4, 8], submissions: [1, 0], eligibleNodes: 0 },
    ])
  })

  test('at its end: who is eligible comes last, by themselves, with their number', () => {
    expect(updatesOf(day({ isFinal: true }), 3)).toEqual([
      { slotIds: [3, 4], submissions: [2, 1], eligibleNodes: 0 },
      { slotIds: [1, 2], submissions: [5, 7], eligibleNodes: 2 },
    ])
  })

  test('of the eligible, those that are rewarded are left out, and still counted', () => {
    expect(
      updatesOf(
        day({
          isFinal: true,
          told: counts([
            [3, 2],
            [4, 1],
          ]),
          rewarded: new Set([2 as SlotId]),
        }),
        3,
      ),
    ).toEqual([{ slotIds: [1], submissions: [5], eligibleNodes: 2 }])
  })

  test('nothing, where nothing differs', () => {
    expect(updatesOf(day({ told: day().totals }), 3)).toEqual([])
  })
})
