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

/** The draws in their order; whoever draws more gets zeroes. */
const drawing = (...draws: readonly number[]): Random => {
  const left = [...draws]
  return () => left.shift() ?? 0
}
/** The one trade of a block on a lone pool: no extra one, then these draws. */
const tradeOf = (...draws: readonly number[]) => tradesOf([pool(0)], { round: 0, traders: 3, random: drawing(0, ...draws) })[0]

describe('what is drawn', () => {
  test.each([
    [0, 'swap'],
    [69, 'swap'],
    [70, 'mint'],
    [84, 'mint'],
    [85, 'burn'],
    [99, 'burn'],
  ])('%d of a hundred is a %s', (draw, kind) => {
    expect(tradeOf(draw)).toMatchObject({ kind })
  })

  test('a swap sells 0.01 % to 0.5 % of the side that is sold', () => {
    expect(tradeOf(0, 2, 0, 0)).toEqual({ kind: 'swap', trader: 2, tokenIn: 'a0', tokenOut: 'b0', amountIn: 10n ** 9n / 10_000n })
    expect(tradeOf(0, 0, 0, 4_899)).toMatchObject({ tokenIn: 'a0', amountIn: (10n ** 9n * 4_999n) / 1_000_000n })
    expect(tradeOf(0, 1, 1, 0)).toEqual({ kind: 'swap', trader: 1, tokenIn: 'b0', tokenOut: 'a0', amountIn: (3n * 10n ** 21n) / 10_000n })
  })

  test('a mint gives both tokens at the price of the pool, a burn takes a part of the shares', () => {
    expect(tradeOf(70, 900)).toEqual({ kind: 'mint', token0: 'a0', token1: 'b0', amount0: 10n ** 6n, amount1: 3n * 10n ** 18n })
    expect(tradeOf(99, 900)).toEqual({ kind: 'burn', token0: 'a0', token1: 'b0', shares: 10n ** 12n })
  })

  test('trades that are due come first, then up to two more', () => {
    const made = (extra: number) => tradesOf(pools, { round: 1, traders: 3, random: drawing(extra, 5, 3) }).map(poolOf)
    expect([made(0), made(1), made(2)]).toEqual([
      ['1', '4'],
      ['1', '4', '5'],
      ['1', '4', '5', '3'],
    ])
    const counts = new Set(blocks(1, 60).map((trades) => trades.length))
    expect(counts).toEqual(new Set([2, 3, 4]))
  })

  test.each([
    [1_020_000_000n, 'a0', 'chance'],
    [1_020_000_001n, 'b0', 'the fair price'],
    [980_392_157n, 'b0', 'chance'],
    [980_392_156n, 'a0', 'the fair price'],
  ])('at a reserve of %d, %s is sold by %s', (reserve0, tokenIn, by) => {
    const sold = (chance: number) => {
      const [trade] = tradesOf([{ ...pool(0), reserve0 }], { round: 0, traders: 3, random: drawing(0, 0, 0, chance) })
      return trade?.kind === 'swap' ? trade.tokenIn : undefined
    }
    if (by === 'chance') expect([sold(0), sold(1)]).toEqual(['a0', 'b0'])
    else expect([sold(0), sold(1)]).toEqual([tokenIn, tokenIn])
  })
})
