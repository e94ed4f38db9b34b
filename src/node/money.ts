import type { Report } from '#domain/events.ts'
import type { Address } from '#domain/ids.ts'
import { reading, type Reading } from '#domain/metrics.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { parseAnswer } from '#io/chain/rpc/rpc.ts'

const WEI_PER_ETHER = 1e18
const DAY_MS = 86_400_000
/** A balance moves with each call, and nobody reacts within a minute. */
const ASK_EVERY_MS = 60_000
/** While calls wait for ether, people look whether it has come. */
const ASK_URGENT_MS = 1_000
/** Before that what was spent says nothing of a day. */
const RATE_AFTER_MS = 600_000
/** Of ten minutes one dear call makes a poor account: nobody is woken before an hour is known. */
const JUDGED_AFTER_MS = 3_600_000
/** As the alert WeftMoneyRunsOut has it: time for whoever holds the money, weekends among it. */
const LOW_DAYS = 7
/** Above that it is enough again: between the two, a price that moves says nothing new. */
const ENOUGH_DAYS = 10

/** What the account of a role has, and how long it lasts. */
export interface MoneyNow {
  readonly account: Address
  readonly balanceEther: number
  /** As since the start; `undefined` before ten minutes of it are known. */
  readonly spentEtherPerDay?: number
  /** At that; absent where nothing is spent. */
  readonly lastsDays?: number
}

export interface Money {
  /** Asks the chain, once a minute at most, or once a second; what was known before where it does not answer, or `undefined`. Never throws. */
  ask(isUrgent?: boolean): Promise<MoneyNow | undefined>
  readings(): readonly Reading[]
}

interface MoneyDeps {
  readonly rpc: Pick<Rpc, 'call' | 'endpoint'>
  readonly nowMs: () => number
  readonly report: Report
}

/** Says `money_low` once when it runs out, and `money_enough` when it does no more. */
export function createMoney(account: Address, { rpc, nowMs, report }: MoneyDeps): Money {
  let first: { readonly atMs: number } | undefined
  let balance: bigint | undefined
  let spent = 0n
  let isLow = false
  let askedMs = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | undefined

  async function read(): Promise<void> {
    askedMs = nowMs()
    const method = 'eth_getBalance'
    const answer = await rpc.call(method, [account, 'latest'])
    const now = parseAnswer(rpc as Rpc, method, () => BigInt(answer as string))
    // What somebody puts in meanwhile is no saving.
    if (balance !== undefined && now < balance) spent += balance - now
    balance = now
    first ??= { atMs: nowMs() }
  }

  function told(): MoneyNow | undefined {
    if (balance === undefined || first === undefined) return undefined
    const balanceEther = Number(balance) / WEI_PER_ETHER
    const knownMs = nowMs() - first.atMs
    if (knownMs < RATE_AFTER_MS) return { account, balanceEther }
    const spentEtherPerDay = (Number(spent) / WEI_PER_ETHER) * (DAY_MS / knownMs)
    return { account, balanceEther, spentEtherPerDay, ...(spentEtherPerDay > 0 && { lastsDays: balanceEther / spentEtherPerDay }) }
  }

  function judge(): void {
    const now = told()
    if (now === undefined || first === undefined || nowMs() - first.atMs < JUDGED_AFTER_MS) return
    const { balanceEther, lastsDays = Number.POSITIVE_INFINITY } = now
    const facts = { account, balanceEther: Number(balanceEther.toPrecision(6)) }
    if (!isLow && lastsDays < LOW_DAYS) report('money_low', { ...facts, lastsDays: Math.floor(lastsDays) })
    if (isLow && lastsDays >= ENOUGH_DAYS) report('money_enough', facts)
    isLow = isLow ? lastsDays < ENOUGH_DAYS : lastsDays < LOW_DAYS
  }

  return {
    async ask(isUrgent = false) {
      if (nowMs() - askedMs >= (isUrgent ? ASK_URGENT_MS : ASK_EVERY_MS))
        asking ??= read()
          .then(judge)
          .catch(() => undefined) // The chain is asked for more than this: that it does not answer is told by its own line.
          .finally(() => {
            asking = undefined
          })
      await asking
      return told()
    },
    readings() {
      const now = told()
      if (now === undefined) return []
      const rate = now.spentEtherPerDay
      return [
        reading('weft_account_balance_ether', now.balanceEther, { account }),
        ...(rate === undefined ? [] : [reading('weft_account_spent_ether_per_day', rate, { account })]),
      ]
    },
  }
}
