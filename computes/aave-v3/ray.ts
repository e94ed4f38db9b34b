import { Decimal } from 'decimal.js'
import { scaled } from 'weft/compute'

/**
 * Aave's arithmetic as deployed nodes do it: in Python's `decimal`, not in integers as the contracts do. Every step rounds to 28 digits, so a
 * product of two rays, which has up to 77, loses its last ones here, and must lose the same ones on every node (spec/08 §6).
 */
const Rounded28 = Decimal.clone({ defaults: true, precision: 28, rounding: Decimal.ROUND_HALF_EVEN })
/** `with localcontext() as ctx: ctx.prec = 16`, where rates become floats. */
export const Rounded16 = Decimal.clone({ defaults: true, precision: 16, rounding: Decimal.ROUND_HALF_EVEN })
/** Far more digits than a double: what it gives is the double nearest to the exact result. */
const Exact = Decimal.clone({ defaults: true, precision: 80, rounding: Decimal.ROUND_HALF_EVEN })

/** One, in rays. */
export const RAY = 10n ** 27n
const RAY_DIGITS = 27
const YEAR_SECONDS = 31_536_000n

/** `int(decimal)`: towards zero. */
const whole = (value: Decimal): bigint => BigInt(value.trunc().toFixed())

export function rayMul(left: bigint | Decimal, right: bigint | Decimal): bigint {
  return whole(
    new Rounded28(left)
      .times(right)
      .plus(RAY / 2n)
      .div(RAY),
  )
}

/** What a yearly rate in rays makes of one ray in so many seconds: the first terms of the binomial series, as the contracts take them. */
export function compounded(rate: bigint, seconds: bigint): bigint {
  if (seconds === 0n) return RAY
  const [before, beforeThat] = [seconds - 1n, seconds - 2n]
  const base = new Rounded28(rate).div(YEAR_SECONDS)
  const square = new Rounded28(rayMul(rate, rate)).div(YEAR_SECONDS * YEAR_SECONDS)
  const cube = rayMul(square, base)
  const first = new Rounded28(seconds).times(base)
  const second = new Rounded28(seconds * before).times(square).div(2)
  const third = new Rounded28(seconds * before * beforeThat * cube).div(6)
  return whole(new Rounded28(RAY).plus(first).plus(second).plus(third))
}

/** A ray as a float of at most 16 digits. */
export function fromRay(value: bigint): number {
  return new Rounded16(value).div(RAY).toNumber()
}

/**
 * What a yearly rate in rays earns in a year when every second's interest earns too, in percent. Deployed nodes take C's `pow`, which differs
 * between machines; here the power is the double nearest to the exact one. Throws when it is greater than any.
 */
export function apyPercent(rate: bigint): number {
  const perSecond = 1 + scaled(rate, RAY_DIGITS) / Number(YEAR_SECONDS)
  // Exactly what the double holds: as a decimal number it would be its shortest text.
  const exact = new Exact(BigInt(perSecond * 2 ** 52)).div(2n ** 52n)
  const power = exact.pow(Number(YEAR_SECONDS)).toNumber()
  if (!Number.isFinite(power)) throw new RangeError(`a rate of ${rate} rays a year grows beyond any number`)
  return (power - 1) * 100
}
