import type { Address, SlotId } from '#domain/ids.ts'
import type { RewardRules } from '#io/chain/port.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createView, type View } from '#io/chain/rpc/views.ts'
import { dataMarketAbi } from '#wire/abi/data-market.ts'

export async function readRewardRules(market: View<typeof dataMarketAbi>): Promise<RewardRules> {
  const [day, quota, areRewardsEnabled] = await Promise.all([
    market('dayCounter', []),
    market('dailySnapshotQuota', []),
    market('rewardsEnabled', []),
  ])
  return { day: Number(day), dailySnapshotQuota: Number(quota), areRewardsEnabled }
}

export async function readSlotDay(market: View<typeof dataMarketAbi>, slotId: SlotId, day: number) {
  const [submissions, isRewarded] = await Promise.all([
    market('slotSubmissionCount', [BigInt(slotId), BigInt(day)]),
    market('slotRewardsDistributedStatus', [BigInt(day), BigInt(slotId)]),
  ])
  return { submissions: Number(submissions), isRewarded }
}

/** What the contract has of one slot's day. */
export interface SlotDay {
  readonly day: number
  /** As sequencers told last. */
  readonly submissions: number
  readonly isRewarded: boolean
}

/** What the contract has of one slot: of the days that it still takes counts of, the current one first, and all that it was ever rewarded. */
export interface SlotAccount {
  readonly slotId: SlotId
  readonly days: readonly SlotDay[]
  readonly rewardPointsWei: bigint
}

/** The same of the market as a whole. */
export interface MarketDay {
  readonly day: number
  /** Slots that share the pool of the day; 0 while nobody has said how many. */
  readonly eligibleNodes: number
  /** How many of them are still to be rewarded. */
  readonly remaining: number
  /** Slots of which any count is told, and the sum of those counts. */
  readonly slots: number
  readonly submissions: number
}

/** Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export async function readSlotAccounts(rpc: Rpc, dataMarket: Address, slotIds: readonly SlotId[]): Promise<readonly SlotAccount[]> {
  const market = createView(rpc, dataMarketAbi, dataMarket)
  const days = takenDays(Number(await market('dayCounter', [])))
  return Promise.all(
    slotIds.map(async (slotId) => ({
      slotId,
      days: await Promise.all(days.map(async (day) => ({ day, ...(await readSlotDay(market, slotId, day)) }))),
      rewardPointsWei: await market('slotRewardPoints', [BigInt(slotId)]),
    })),
  )
}

/** Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export async function readMarketDays(rpc: Rpc, dataMarket: Address, slotIds: readonly SlotId[]): Promise<readonly MarketDay[]> {
  const market = createView(rpc, dataMarketAbi, dataMarket)
  const days = takenDays(Number(await market('dayCounter', [])))
  return Promise.all(
    days.map(async (day) => {
      const [eligibleNodes, remaining, counts] = await Promise.all([
        market('eligibleNodesForDay', [BigInt(day)]),
        market('slotsRemainingToBeRewardedCount', [BigInt(day)]),
        Promise.all(slotIds.map((slotId) => market('slotSubmissionCount', [BigInt(slotId), BigInt(day)]))),
      ])
      const told = counts.filter((count) => count > 0n).map(Number)
      const submissions = told.reduce((sum, count) => sum + count, 0)
      return { day, eligibleNodes: Number(eligibleNodes), remaining: Number(remaining), slots: told.length, submissions }
    }),
  )
}

/** The contract takes counts of the current day and the one before; days are counted from 1. */
const takenDays = (today: number): number[] => [today, today - 1].filter((day) => day > 0)
