import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { parseAddress } from '#domain/ids.ts'
import type { Account, AccountTransaction } from '#io/chain/send/account.ts'
import { carryOut, type Conduct } from './carry-out.ts'
import type { Wave } from './plan.ts'

const to = parseAddress(`0x${'01'.repeat(20)}`)
const signal = new AbortController().signal
const wave = (...names: string[]): Wave => names.map((name) => ({ what: `do ${name}`, transaction: { call: name, to, data: '0x' } }))
const names = (transactions: readonly AccountTransaction[]): string => transactions.map(({ call }) => call).join('+')

/** A chain on which what was sent is done; everything that happens is noted in order. */
function createScene(waves: readonly Wave[], changes: { readonly send?: Account['send']; readonly confirm?: Conduct['confirm'] } = {}) {
  const log: string[] = []
  const done = new Set<string>()
  const operator: Account = {
    address: to,
    nextNonce: async () => done.size,
    async settleEarlier() {
      log.push('settle')
      return 0
    },
    async check(transactions) {
      log.push(`check ${names(transactions)}`)
    },
    async send(transactions, stop) {
      log.push(`send ${names(transactions)}`)
      const outcome = (await changes.send?.(transactions, stop)) ?? 'done'
      if (outcome === 'done') for (const { call } of transactions) done.add(call)
      return outcome
    },
  }
  const plan = async (): Promise<readonly Wave[]> => {
    log.push('plan')
    return waves.map((each) => each.filter(({ transaction }) => !done.has(transaction.call))).filter((each) => each.length > 0)
  }
  const conduct = (isDryRun = false): Conduct => ({
    isDryRun,
    async confirm(steps) {
      log.push(`confirm ${steps.join(', ')}`)
      return (await changes.confirm?.(steps)) ?? true
    },
    done: (step) => void log.push(`done: ${step}`),
  })
  return { log, run: (isDryRun?: boolean) => carryOut(operator, plan, conduct(isDryRun), signal) }
}

describe('a plan that is carried out', () => {
  test('is asked about once, then sent wave by wave, and looked at again', async () => {
    const { log, run } = createScene([wave('a', 'b'), wave('c')])
    expect(await run()).toEqual({ outcome: 'changed', changed: 3, steps: ['do a', 'do b', 'do c'] })
    expect(log).toEqual([
      'settle',
      'plan',
      'confirm do a, do b, do c',
      'send a+b',
      'done: do a',
      'done: do b',
      'send c',
      'done: do c',
      'plan',
    ])
  })

  test('G4: what an earlier process left under way is settled before anything is planned', async () => {
    const { log, run } = createScene([wave('a')])
    await run()
    expect(log.slice(0, 2)).toEqual(['settle', 'plan'])
  })

  test('that wants nothing sends nothing and asks nobody', async () => {
    const { log, run } = createScene([])
    expect(await run()).toEqual({ outcome: 'unchanged', changed: 0, steps: [] })
    expect(log).toEqual(['settle', 'plan'])
  })

  test('that is declined sends nothing', async () => {
    const { log, run } = createScene([wave('a')], { confirm: async () => false })
    expect(await run()).toEqual({ outcome: 'declined', changed: 0, steps: ['do a'] })
    expect(log).toEqual(['settle', 'plan', 'confirm do a'])
  })

  test('is only checked in a dry run, its first wave, for later ones need it', async () => {
    const { log, run } = createScene([wave('a', 'b'), wave('c')])
    expect(await run(true)).toEqual({ outcome: 'planned', changed: 0, steps: ['do a', 'do b', 'do c'] })
    expect(log).toEqual(['settle', 'plan', 'check a+b'])
  })

  test('a dry run of nothing is nothing to change', async () => {
    expect(await createScene([]).run(true)).toEqual({ outcome: 'unchanged', changed: 0, steps: [] })
  })

  test('is made anew when another transaction came between: only what is missing is sent, and nobody is asked again', async () => {
    let times = 0
    const { log, run } = createScene([wave('a'), wave('b'), wave('c')], {
      send: async ([first]) => (first?.call === 'b' && times++ === 0 ? 'moved' : 'done'),
    })
    expect(await run()).toEqual({ outcome: 'changed', changed: 3, steps: ['do a', 'do b', 'do c'] })
    expect(log.filter((line) => !line.startsWith('done'))).toEqual([
      'settle',
      'plan',
      'confirm do a, do b, do c',
      'send a',
      'send b',
      'plan',
      'send b',
      'send c',
      'plan',
    ])
  })

  test('that is never reached is given up after five looks, with what was to be done', async () => {
    const { log, run } = createScene([wave('a')], { send: async () => 'moved' })
    await expect(run()).rejects.toMatchObject({ code: 'PLAN_NOT_REACHED', facts: { rounds: 5, steps: ['do a'] } })
    expect(log.filter((line) => line === 'plan')).toHaveLength(5)
  })

  test('stops at the first refusal: nothing later is sent, and nothing is said to be done that is not', async () => {
    const failure = new WeftError('CALL_REVERTED', { call: 'b', reason: 'E41' })
    const { log, run } = createScene([wave('a'), wave('b'), wave('c')], {
      async send([first]) {
        if (first?.call === 'b') throw failure
        return 'done'
      },
    })
    await expect(run()).rejects.toBe(failure)
    expect(log.slice(3)).toEqual(['send a', 'done: do a', 'send b'])
  })

  test('is stopped by the signal of whoever asked for it', async () => {
    const signals: AbortSignal[] = []
    const { run } = createScene([wave('a')], {
      async send(_, stop) {
        signals.push(stop)
        return 'done'
      },
    })
    await run()
    expect(signals).toEqual([signal])
  })
})
