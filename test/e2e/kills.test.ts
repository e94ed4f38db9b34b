import { afterAll, beforeAll, expect, test } from 'vitest'
import { killsOf, run, SLOTS } from '../kills/kills.ts'
import { type Network, openNetwork, VICTIMS } from '../kills/network.ts'

/** The short form; `test/kills/run.ts` has the long one. Between them these seeds kill each of the three. */
const SEEDS = [9, 12, 14]

let network: Network
beforeAll(async () => {
  network = await openNetwork({ chainId: 7_880, slots: SLOTS })
})
afterAll(() => network?.close())

test('the seeds kill each of the three', () => {
  expect(new Set(SEEDS.flatMap((seed) => killsOf(seed)).map(({ victim }) => victim))).toEqual(new Set(VICTIMS))
})

test.each(SEEDS)(
  'G1, G5: killed at moments of seed %i, nothing with a receipt is lost or twice, and every entry ends with a reason',
  async (seed) => {
    const { broken, ends } = await run(seed, network)
    expect(broken).toEqual([])
    expect(Object.values(ends).reduce((sum, count) => sum + count, 0)).toBe(40)
  },
)
