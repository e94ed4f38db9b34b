import { dateTime, integer, number, rate, usd } from '../format.ts'

/** In which unit a field of a snapshot stands, by the names that the computes give (spec of the data market). */
const RULES: readonly (readonly [names: RegExp, write: (value: number) => string])[] = [
  [/(USD|^totalTrade|^totalFee|^totalBorrow|^totalRepay|^totalSupply|^totalWithdraw|^totalLiquidat|TradesUSD)/, usd],
  [/^(liquidity|volume(24h|7d)|fee(24h|7d)|tvl|price|totalMarketSize|totalAvailable|totalBorrows|usd_supply|usd_debt)$/, usd],
  [/^token[01]Prices$/, usd],
  [/Change24h$/, (value) => `${value > 0 ? '+' : ''}${number(value)} %`],
  [/^(utilRate|optimalRate|avg\w*Rate)$/, rate],
  [/^(\w*[tT]imestamp)$/, (value) => (value > 1e9 && value < 1e11 ? dateTime(value) : integer(value))],
]

/** Writes the number at a path, with its unit where the name says one. */
export function writerOf(path: readonly string[]): (value: number) => string {
  for (const name of path.toReversed()) {
    const rule = RULES.find(([names]) => names.test(name))
    if (rule !== undefined) return rule[1]
  }
  return number
}
