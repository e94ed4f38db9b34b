import type { SlotId } from '#domain/ids.ts'
import type { RewardRules } from '#io/chain/port.ts'
import type { View } from '#io/chain/rpc/views.ts'
import type { dataMarketAbi } from '#wire/abi/data-market.ts'

/** A day of a market as its contract has it. */
export interface RewardDay {
  readonly day: number
  /** Slots that share the pool of the day; 0 while nobody has said how many. */
  readonly eligibleNodes: number
  /** How many of them have not been rewarded yet. */
  readonly remaining: number
}

export async function readRewardRules(market: View<typeof dataMarketAbi>): Promise<RewardRules> {
  const [day, quota, areRewardsEnabled] = await Promise.all([
    market('dayCounter', []),
    market('dailySnapshotQuota', []),
    market('rewardsEnabled', []),
  ])
  return { day: Number(day), dailySnapshotQuota: Number(quota), areRewardsEnabled }
}

export async function readRewardDay(market: View<typeof dataMarketAbi>, day: number): Promise<RewardDay> {
  const [eligibleNodes, remaining] = await Promise.all([
    market('eligibleNodesForDay', [BigInt(day)]),
    market('slotsRemainingToBeRewardedCount', [BigInt(day)]),
  ])
  return { day, eligibleNodes: Number(eligibleNodes), remaining: Number(remaining) }
}

export async function readSlotDay(market: View<typeof dataMarketAbi>, slotId: SlotId, day: number) {
  const [submissions, isRewarded] = await Promise.all([
    market('slotSubmissionCount', [BigInt(slotId), BigInt(day)]),
    market('slotRewardsDistributedStatus', [BigInt(day), BigInt(slotId)]),
  ])
  return { submissions: Number(submissions), isRewarded }
}
