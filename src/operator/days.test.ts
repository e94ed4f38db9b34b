import { expect, test } from 'vitest'
import type { SlotId } from '#domain/ids.ts'
import { tellMarketDay, tellSlotAccount } from './days.ts'

test.each([
  [
    { day: 3, slots: 2, submissions: 9, eligibleNodes: 0, remaining: 0 },
    'day 3: 9 submissions of 2 slots told, number of eligible nodes not yet',
  ],
  [
    { day: 2, slots: 1, submissions: 9, eligibleNodes: 1, remaining: 1 },
    'day 2: 9 submissions of 1 slot told, 1 eligible node, 1 to be rewarded',
  ],
  [
    { day: 2, slots: 4, submissions: 9, eligibleNodes: 3, remaining: 0 },
    'day 2: 9 submissions of 4 slots told, 3 eligible nodes, 0 to be rewarded',
  ],
])('%j in words', (day, words) => {
  expect(tellMarketDay(day)).toBe(words)
})

test('a slot in words', () => {
  const days = [
    { day: 3, submissions: 4, isRewarded: false },
    { day: 2, submissions: 9, isRewarded: true },
  ]
  expect(tellSlotAccount({ slotId: 1 as SlotId, days, rewardPointsWei: 70n })).toBe('day 3: 4, day 2: 9 (rewarded), 70 wei in all')
})
