import { expect, test } from 'vitest'
import type { ReceiptCode } from '#domain/rejection.ts'
import { type Attack, attack } from './attackers.ts'
import { type Exchange, flood } from './flood.ts'

/** The short form; `run.ts` has the long one, with attackers in a process of their own. */

const ROUNDS = 25

async function under(what: Pick<Attack, 'kind' | 'count'>) {
  const outcome = await flood({ rounds: ROUNDS, begin: (at) => attack({ ...what, ...at, seed: 7 }) })
  return { ...outcome, codes: new Set(outcome.flooded.map(({ code }) => code)) }
}

test('S9, G1, G11: peers that are known, and send on when the window is over: every vote of the next epoch is taken, none of theirs is looked at, and what they have receipts for counts', async () => {
  const codes: ReceiptCode[] = []
  const begin = (at: Pick<Attack, 'address' | 'payload' | 'vote' | 'late'>) =>
    attack({ kind: 'late', count: 8, ...at, seed: 7, onReceipt: (code) => void codes.push(code) })
  const { quiet, flooded, recoveries, counted } = await flood({ rounds: ROUNDS, begin, endsAfter: 400 })
  expect(flooded.map(({ code }) => code)).toEqual(Array(4 * ROUNDS).fill('accepted'))
  expect(recoveries).toBe(flooded.length)
  const receipts = (code: ReceiptCode) => codes.filter((each) => each === code).length
  expect(receipts('window_closed')).toBeGreaterThan(1_000)
  expect(counted).toBe(quiet.length + receipts('accepted'))
})

const most = (exchanges: readonly Exchange[]): number => Math.max(...exchanges.map(({ recoveries }) => recoveries))

test.each([8, 100])(
  'S26, G11: %i identities with wrong signatures: every honest vote is taken, and few of theirs are looked at before it',
  async (count) => {
    const { flooded, codes, recoveries } = await under({ kind: 'signatures', count })
    expect([flooded.length, codes]).toEqual([4 * ROUNDS, new Set(['accepted'])])
    expect(recoveries).toBeGreaterThan(flooded.length)
    // They have hundreds of deliveries under way each, at any moment.
    expect(most(flooded)).toBeLessThan(300)
  },
)

test.each([
  ['copies', 20],
  ['garbage', 20],
  ['halfOpen', 50],
  ['silent', 520],
  ['streams', 8],
] as const)('S26, G11: %s, from %i: every honest vote is taken, and costs no signature check but its own', async (kind, count) => {
  const { flooded, codes } = await under({ kind, count })
  expect([flooded.length, codes]).toEqual([4 * ROUNDS, new Set(['accepted'])])
  // Those of the other three that came between.
  expect(most(flooded)).toBeLessThan(20)
})
