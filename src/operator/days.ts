import type { Address, SlotId } from '#domain/ids.ts'
import { type MarketDay, readMarketDays, readSlotAccounts, type SlotAccount, type SlotDay } from '#io/chain/read/rewards.ts'
import { readSlotIds } from '#io/chain/read/slots.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'

/** What slots delivered by day, as sequencers told a market's contract. */

/** The days of which a market still takes counts, the current one first. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export async function daysOf(rpc: Rpc, nodes: Address, dataMarket: Address): Promise<readonly MarketDay[]> {
  return readMarketDays(rpc, dataMarket, await readSlotIds(rpc, nodes))
}

/** A market's day in a line. */
export function tellMarketDay({ day, slots, submissions, eligibleNodes, remaining }: MarketDay): string {
  const told = `day ${day}: ${submissions} submissions of ${slots} ${slots === 1 ? 'slot' : 'slots'} told`
  if (eligibleNodes === 0) return `${told}, number of eligible nodes not yet`
  return `${told}, ${eligibleNodes} eligible ${eligibleNodes === 1 ? 'node' : 'nodes'}, ${remaining} to be rewarded`
}

/** A slot's days and rewards in a line. */
export function tellSlotAccount({ days, rewardPointsWei }: SlotAccount): string {
  return `${days.map(tellSlotDay).join(', ')}, ${rewardPointsWei} wei in all`
}

const tellSlotDay = ({ day, submissions, isRewarded }: SlotDay): string => `day ${day}: ${submissions}${isRewarded ? ' (rewarded)' : ''}`

/** Of each slot; nothing without a market. */
export function accountsOf(rpc: Rpc, dataMarket: Address | undefined, slotIds: readonly SlotId[]): Promise<readonly SlotAccount[]> {
  return dataMarket === undefined ? Promise.resolve([]) : readSlotAccounts(rpc, dataMarket, slotIds)
}
