import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { createMoney } from './money.ts'

const account = `0x${'ab'.repeat(20)}` as Address
const MINUTE = 60_000
const ether = (count: number): bigint => BigInt(Math.round(count * 1e6)) * 10n ** 12n

test('what is spent in a day follows from what went since the start: who puts in more does not save', async () => {
  let [nowMs, balance, asked] = [0, ether(1), 0]
  const rpc = {
    endpoint: 'http://a',
    async call() {
      asked += 1
      return `0x${balance.toString(16)}`
    },
  }
  const money = createMoney(account, { rpc, nowMs: () => nowMs, report: () => undefined })
  expect(money.readings()).toEqual([])
  expect(await money.ask()).toEqual({ account, balanceEther: 1 })
  balance = ether(0.9)
  nowMs += MINUTE - 1
  expect([await money.ask(), asked]).toEqual([{ account, balanceEther: 1 }, 1])
  nowMs += 1
  await money.ask()
  balance = ether(2.9)
  nowMs += MINUTE
  await money.ask()
  balance = ether(2.8)
  nowMs += 22 * MINUTE
  // 0.2 in 24 minutes are 12 a day.
  const { spentEtherPerDay, lastsDays } = (await money.ask()) ?? {}
  expect([spentEtherPerDay?.toFixed(6), lastsDays?.toFixed(3)]).toEqual(['12.000000', '0.233'])
  expect(money.readings().map(({ value }) => value.toFixed(3))).toEqual(['2.800', '12.000'])
})

test('while calls wait for ether it is asked for once a second, and else once a minute', async () => {
  let [nowMs, balance] = [0, ether(0)]
  const rpc = { endpoint: 'http://a', call: async () => `0x${balance.toString(16)}` }
  const money = createMoney(account, { rpc, nowMs: () => nowMs, report: () => undefined })
  await money.ask()
  balance = ether(1)
  nowMs += 999
  expect((await money.ask(true))?.balanceEther).toBe(0)
  nowMs += 1
  expect([(await money.ask())?.balanceEther, (await money.ask(true))?.balanceEther]).toEqual([0, 1])
})

test('that it runs out within a week is said once, after an hour, and when it does no more', async () => {
  let [nowMs, balance] = [0, ether(10)]
  const said: unknown[] = []
  const rpc = { endpoint: 'http://a', call: async () => `0x${balance.toString(16)}` }
  const money = createMoney(account, { rpc, nowMs: () => nowMs, report: (event, facts) => void said.push([event, facts]) })
  const after = async (minutes: number, now: bigint) => {
    nowMs += minutes * MINUTE
    balance = now
    await money.ask()
  }
  await after(0, ether(10))
  // 0.1 in half an hour would be gone within three days, and may be all of a day.
  await after(30, ether(9.9))
  expect(said).toEqual([])
  // 0.1 an hour are 2.4 a day.
  await after(30, ether(9.9))
  await after(60, ether(9.8))
  expect(said).toEqual([['money_low', { account, balanceEther: 9.9, lastsDays: 4 }]])
  // 8.75 days are neither.
  await after(60, ether(14))
  expect(said).toHaveLength(1)
  await after(60, ether(40))
  expect(said.slice(1)).toEqual([['money_enough', { account, balanceEther: 40 }]])
  await after(60, ether(1))
  expect(said.at(-1)).toEqual(['money_low', { account, balanceEther: 1, lastsDays: 0 }])
})

test('who spends nothing lasts for ever; a chain that does not answer leaves what was known', async () => {
  let [nowMs, isUp] = [0, true]
  const rpc = {
    endpoint: 'http://a',
    async call() {
      if (!isUp) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'http://a', method: 'eth_getBalance' })
      return '0x0'
    },
  }
  const money = createMoney(account, { rpc, nowMs: () => nowMs, report: () => undefined })
  isUp = false
  expect(await money.ask()).toBeUndefined()
  isUp = true
  nowMs += MINUTE
  await money.ask()
  isUp = false
  nowMs += 20 * MINUTE
  expect(await money.ask()).toEqual({ account, balanceEther: 0, spentEtherPerDay: 0 })
})
