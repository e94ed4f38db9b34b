import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BLOCKS_PER_ROUND, type Pool, type Random, seededRandom, type Trade, tradesOf } from './trades.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const pool = (index: number): Pool => ({
  pair: `pair${index}`,
  token0: `a${index}`,
  token1: `b${index}`,
  reserve0: 10n ** 9n,
  reserve1: 3n * 10n ** 21n,
  shares: 10n ** 15n,
  fair0: 10n ** 9n,
  fair1: 3n * 10n ** 21n,
})
const pools = Array.from({ length: 6 }, (_, index) => pool(index))
const poolOf = (trade: Trade): string => (trade.kind === 'swap' ? trade.tokenIn : trade.token0).slice(1)
const blocks = (seed: number, count: number) => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, round) => tradesOf(pools, { round, traders: 3, random }))
}

test('the same seed makes the same trades, another seed others', () => {
  expect(blocks(7, 50)).toEqual(blocks(7, 50))
  expect(blocks(7, 50)).not.toEqual(blocks(8, 50))
})

test('every block trades, every round touches every pool, every amount is something', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const made = blocks(seed, 4 * BLOCKS_PER_ROUND)
      for (const trades of made) expect(trades.length).toBeGreaterThan(0)
      for (let start = 0; start < made.length; start += BLOCKS_PER_ROUND) {
        const touched = made.slice(start, start + BLOCKS_PER_ROUND).flatMap((trades) => trades.map(poolOf))
        expect(new Set(touched).size).toBe(pools.length)
      }
      const amounts = made.flat().flatMap((trade) => Object.values(trade).filter((value) => typeof value === 'bigint'))
      expect(amounts.every((amount) => amount > 0n)).toBe(true)
    }),
    { numRuns: 50, ...replay },
  )
})

test('swaps, mints and burns all come about', () => {
  const kinds = blocks(1, 60)
    .flat()
    .map(({ kind }) => kind)
  expect(new Set(kinds)).toEqual(new Set(['swap', 'mint', 'burn']))
})

describe('a pool far from its fair price', () => {
  const alwaysSwap: Random = () => 0
  test.each([
    ['token 0 is cheap', { reserve0: 1_030_000_000n }, 'b0'],
    ['token 0 is dear', { reserve0: 970_000_000n }, 'a0'],
  ])('%s: the other is sold', (_name, change, tokenIn) => {
    for (const random of [alwaysSwap, ((below) => (below === 2 ? 1 : 0)) satisfies Random]) {
      expect(tradesOf([{ ...pool(0), ...change }], { round: 0, traders: 3, random })[0]).toMatchObject({ kind: 'swap', tokenIn })
    }
  })
})
