import type { Reserve } from './reserves.ts'

/** `10 ** -8` of Python: the oracle's unit in USD. */
const ORACLE_UNIT = 1e-8

/** USD of a whole token. */
export const usdPrice = (price: bigint): number => Number(price) * ORACLE_UNIT

/** USD of a token's smallest unit; 0 for a token that the pool does not list. */
export function usdPerUnit(reserve: Reserve | undefined): number {
  return reserve === undefined ? 0 : usdPrice(reserve.price) / Number(10n ** reserve.decimals)
}
