import { dateTime, duration, integer, number, rate, usd } from '../format.ts'

/** In which unit a number of a snapshot stands: as the project's schema declares it, or else by the names that deployed computes give. */

type Write = (value: number) => string

/** A schema of JSON with `x-unit`, as `/v1/projects/{id}` has it; of any form, for it is only read. */
export type Schema = unknown

/** What a schema says of the value at a path; the unit of what holds it where it has none of its own. */
export function declaredAt(schema: Schema, path: readonly string[]): { readonly unit?: string; readonly description?: string } {
  let [at, unit] = [schema, textIn(schema, 'x-unit')]
  for (const segment of path) {
    at = below(at, segment)
    unit = textIn(at, 'x-unit') ?? unit
  }
  const description = textIn(at, 'description')
  return { ...(unit !== undefined && { unit }), ...(description !== undefined && { description }) }
}

/** Of several forms the first that has the segment. */
function below(schema: Schema, segment: string): Schema {
  if (!isNode(schema)) return undefined
  const { anyOf, properties, additionalProperties, items } = schema
  if (Array.isArray(anyOf)) return anyOf.map((form) => below(form, segment)).find((found) => found !== undefined)
  if (isNode(properties) && Object.hasOwn(properties, segment)) return properties[segment]
  return [additionalProperties, items].find(isNode)
}

const isNode = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function textIn(node: unknown, name: string): string | undefined {
  const found = isNode(node) ? node[name] : undefined
  return typeof found === 'string' ? found : undefined
}

/** Seconds since 1970 are a moment, fewer are a time that something takes. */
const isMoment = (seconds: number): boolean => seconds > 1e9 && seconds < 1e11
const seconds: Write = (value) => (isMoment(value) ? dateTime(value) : duration(value))
const percent: Write = (value) => `${number(value)} %`

/** Units that are not written behind the number as they are called. */
const UNITS: Readonly<Record<string, Write>> = { USD: usd, '%': percent, ratio: rate, block: integer, s: seconds, seconds }

const NAMES: readonly (readonly [names: RegExp, write: Write])[] = [
  [/(USD|^totalTrade|^totalFee|^totalBorrow|^totalRepay|^totalSupply|^totalWithdraw|^totalLiquidat|TradesUSD)/, usd],
  [/^(liquidity|volume(24h|7d)|fee(24h|7d)|tvl|price|totalMarketSize|totalAvailable|totalBorrows|usd_supply|usd_debt)$/, usd],
  [/^token[01]Prices$/, usd],
  [/Change24h$/, (value) => `${value > 0 ? '+' : ''}${percent(value)}`],
  [/^(utilRate|optimalRate|avg\w*Rate)$/, rate],
  [/^(\w*[tT]imestamp)$/, (value) => (isMoment(value) ? dateTime(value) : integer(value))],
]

/** Writes the number at a path, with its unit where anything says one. */
export function writerOf(path: readonly string[], schema?: Schema): Write {
  const { unit } = declaredAt(schema, path)
  if (unit !== undefined) return Object.hasOwn(UNITS, unit) ? (UNITS[unit] as Write) : (value) => `${number(value)} ${unit}`
  for (const name of path.toReversed()) {
    const rule = NAMES.find(([names]) => names.test(name))
    if (rule !== undefined) return rule[1]
  }
  return number
}
