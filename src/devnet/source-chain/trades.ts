/** What the trader does in one block: a pure function of the pools and a seeded sequence. */

export interface Pool {
  readonly pair: string
  readonly token0: string
  readonly token1: string
  readonly reserve0: bigint
  readonly reserve1: bigint
  readonly shares: bigint
  /** Reserves at the first block: their ratio is the price that trades keep near. */
  readonly fair0: bigint
  readonly fair1: bigint
}

export type Trade =
  | { readonly kind: 'swap'; readonly trader: number; readonly tokenIn: string; readonly tokenOut: string; readonly amountIn: bigint }
  | { readonly kind: 'mint'; readonly token0: string; readonly token1: string; readonly amount0: bigint; readonly amount1: bigint }
  | { readonly kind: 'burn'; readonly token0: string; readonly token1: string; readonly shares: bigint }

/** A number from 0 up to, not including, `below`. */
export type Random = (below: number) => number

/** Every pair has an event at least once in so many blocks; an epoch is longer. */
export const BLOCKS_PER_ROUND = 3
/** Trades beyond the round's, so that blocks differ. */
const EXTRA_TRADES_MAX = 2
/** In percent; what is left are burns. As on the real pairs, most events are swaps; mints and burns keep the balance. */
const SWAP_SHARE = 70
const MINT_SHARE = 15
/** Of a pool, in millionths: 0.01 % to 0.5 %. The price moves by twice that. */
const SIZE_MIN = 100
const SIZE_SPAN = 4_900
const MILLION = 1_000_000n
/** Beyond this distance from the fair price the next swap goes back. */
const DRIFT_MAX_PERCENT = 2n

/** Mulberry32: small, fast, the same on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** The trades of the `round`-th block, in order; `traders` is how many accounts swap. At least one, and over `BLOCKS_PER_ROUND` blocks one or more on each pool. */
export function tradesOf(
  pools: readonly Pool[],
  options: { readonly round: number; readonly traders: number; readonly random: Random },
): readonly Trade[] {
  const { round, traders, random } = options
  const due = pools.filter((_, index) => index % BLOCKS_PER_ROUND === round % BLOCKS_PER_ROUND)
  const extra = Array.from({ length: random(EXTRA_TRADES_MAX + 1) }, () => pools[random(pools.length)] as Pool)
  return [...due, ...extra].map((pool) => tradeOn(pool, { traders, random }))
}

function tradeOn(pool: Pool, { traders, random }: { traders: number; random: Random }): Trade {
  const choice = random(100)
  const part = (whole: bigint): bigint => (whole * BigInt(SIZE_MIN + random(SIZE_SPAN))) / MILLION
  const { token0, token1, reserve0, reserve1, shares } = pool
  if (choice < SWAP_SHARE) {
    const trader = random(traders)
    return sellsFirst(pool, random)
      ? { kind: 'swap', trader, tokenIn: token0, tokenOut: token1, amountIn: part(reserve0) }
      : { kind: 'swap', trader, tokenIn: token1, tokenOut: token0, amountIn: part(reserve1) }
  }
  if (choice < SWAP_SHARE + MINT_SHARE) {
    const amount0 = part(reserve0)
    return { kind: 'mint', token0, token1, amount0, amount1: (amount0 * reserve1) / reserve0 }
  }
  return { kind: 'burn', token0, token1, shares: part(shares) }
}

/** Whether token 0 is sold: by chance, but towards the fair price when the pool is far from it. */
function sellsFirst({ reserve0, reserve1, fair0, fair1 }: Pool, random: Random): boolean {
  const chance = random(2) === 0
  const [actual, fair] = [reserve0 * fair1, fair0 * reserve1]
  if (actual * 100n > fair * (100n + DRIFT_MAX_PERCENT)) return false
  if (actual * (100n + DRIFT_MAX_PERCENT) < fair * 100n) return true
  return chance
}
