import { expect, test } from 'vitest'
import { nothingDelivered } from '#domain/counts.ts'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, EpochId, SlotId } from '#domain/ids.ts'
import { createTallies } from './tallies.ts'

test('the quota is read once a day, and again where that failed', async () => {
  const days = [{ day: 1, startedIn: 0 as BlockNumber, isWhole: true, firstEpochId: 1 as EpochId, lastEpochId: 1 as EpochId }]
  const answers = [0, 2, 3]
  const rewardRules = async () => {
    const quota = answers.shift()
    if (!quota) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'a', method: 'b' })
    return { day: 1, dailySnapshotQuota: quota, areRewardsEnabled: true }
  }
  const totals = () => ({ ...nothingDelivered(), won: new Map([2, 3].map((count) => [count as SlotId, count])) })
  const tallies = createTallies({ counting: { days: () => days, totals }, chain: { rewardRules }, quotaOf: () => undefined })
  await expect(Promise.all([tallies.eligible(1), tallies.eligible(1)])).rejects.toMatchObject({ kind: 'transient' })
  expect(await Promise.all([tallies.eligible(1), tallies.eligible(1)])).toEqual([
    [2, 3],
    [2, 3],
  ])
  days.push({ ...(days[0] as (typeof days)[number]), day: 2 })
  expect(await tallies.eligible(2)).toEqual([3])
  expect(answers).toEqual([])
})

test('a day that is over has the quota by which its slots were rewarded, whatever the market asks for now', async () => {
  const dayOf = (day: number) => ({
    day,
    startedIn: 0 as BlockNumber,
    isWhole: true,
    firstEpochId: 1 as EpochId,
    lastEpochId: 1 as EpochId,
  })
  const totals = () => ({ ...nothingDelivered(), won: new Map([2, 3].map((count) => [count as SlotId, count])) })
  const rewardRules = async () => ({ day: 3, dailySnapshotQuota: 4, areRewardsEnabled: true })
  const told: Record<number, number> = { 2: 3, 3: 1 }
  const counting = { days: () => [1, 2, 3].map(dayOf), totals }
  const tallies = createTallies({ counting, chain: { rewardRules }, quotaOf: ({ day }) => told[day] })
  expect(await Promise.all([1, 2, 3].map((day) => tallies.eligible(day)))).toEqual([[], [3], []])
})
