import {
  type AggregateCompute,
  boolean,
  type Column,
  type Derived,
  fieldsOf,
  float,
  floatOf,
  int,
  integerOf,
  type JsonValue,
  memberOf,
  object,
  quotient,
  seriesInWindow,
  type SnapshotHistory,
  type SnapshotOf,
  truncateTo,
} from 'weft/compute'
import { Rounded16 } from './ray.ts'
import { TOTAL_SUPPLY } from './total-supply.ts'

const APR_6H = 'aggregate_poolContract_6h_apr'
const WINDOW_SECONDS = 21_600
const WINDOWS_PER_DAY = 4
const DIGITS = 5
const RAY = 1e27

const rate = float({ unit: 'ratio', description: 'A year.' })
const SCHEMA = object({
  epochId: int(),
  avgLiquidityRate: rate,
  avgVariableRate: rate,
  avgStableRate: rate,
  avgUtilizationRate: float({ unit: 'ratio' }),
  timestamp: int({ unit: 's', description: 'Of the present epoch.' }),
  complete: boolean({ description: 'Whether the whole time was there.' }),
})
type Apr = SnapshotOf<typeof SCHEMA>
const RATES = ['avgLiquidityRate', 'avgVariableRate', 'avgStableRate', 'avgUtilizationRate'] as const
type Rates = { readonly [Name in (typeof RATES)[number]]: number }
const NO_RATES: Rates = { avgLiquidityRate: 0, avgVariableRate: 0, avgStableRate: 0, avgUtilizationRate: 0 }

const each = (rateOf: (name: (typeof RATES)[number]) => number): Rates =>
  Object.fromEntries(RATES.map((name) => [name, rateOf(name)])) as Rates

/**
 * Rates of one asset over six hours (spec/08 §6): the running mean of the epochs' means, ascending, the present one last, every step cut to
 * five digits. What is cut depends on the order, so the order is the rule.
 */
export const apr6h: AggregateCompute = {
  projectType: APR_6H,
  schema: SCHEMA,
  description: 'Rates of one asset over six hours.',
  aggregateOn: 'SingleProject',
  baseProjectTypes: [TOTAL_SUPPLY],
  async aggregate({ epoch, base, history, epochsIn }): Promise<Apr> {
    const [present] = base
    if (present === undefined) throw new Error(`epoch ${epoch.epochId} has no supply to aggregate`)
    const { projectId, epochId } = present
    const windowEpochs = epochsIn(WINDOW_SECONDS)
    const earlier = await seriesInWindow(history, { projectId, epochId, windowEpochs, fields: MEANS })
    const columns = fieldsOf(present.snapshot, MEANS).map((mean, index) => [...(earlier.columns[index] ?? []), [mean]])
    const rates = each((name) => runningMeanOf(columns[RATES.indexOf(name)] ?? []))
    return { epochId: BigInt(epochId), ...rates, timestamp: integerOf(present.snapshot, 'timestamp'), complete: earlier.isWhole }
  },
}

function runningMeanOf(means: Column): number {
  let [mean, count] = [0, 0]
  for (const piece of means)
    for (const next of piece) {
      mean = truncateTo((count * mean + (next as number)) / (count + 1), DIGITS)
      count += 1
    }
  return mean
}

/** Of integers, whose sum is exact. */
function meanRate(byBlock: JsonValue): number {
  const blocks = blocksIn(byBlock)
  const sum = blocks.reduce((total, block) => total + integerOf(byBlock, block), 0n)
  return quotient(sum, BigInt(blocks.length)) / RAY
}

function meanUtilization(byBlock: JsonValue): number {
  const blocks = blocksIn(byBlock)
  return blocks.reduce((total, block) => total + floatOf(memberOf(byBlock, block), 'utilRate'), 0) / blocks.length
}

/** In the order of their names, as in the bytes: floats added in another order would be others. */
function blocksIn(byBlock: JsonValue): readonly string[] {
  const blocks = Object.keys(byBlock as object).sort()
  if (blocks.length === 0) throw new Error('the snapshot has no blocks')
  return blocks
}

/** An epoch's means over its blocks, in the order of `RATES`. */
const MEANS: readonly Derived[] = [
  ...['liquidityRate', 'variableBorrowRate', 'stableBorrowRate'].map((member) => ({ name: `mean of ${member}`, member, of: meanRate })),
  { name: 'mean utilization', member: 'rateDetails', of: meanUtilization },
]

/** Rates of one asset over a day: the mean of four six-hour ones, the present one first, then backwards (spec/08 §6). */
export const apr24h: AggregateCompute = {
  projectType: 'aggregate_poolContract_24h_apr',
  schema: SCHEMA,
  description: 'Rates of one asset over a day.',
  aggregateOn: 'SingleProject',
  baseProjectTypes: [APR_6H],
  async aggregate({ epoch, base, history, epochsIn }): Promise<Apr> {
    const [present] = base
    if (present === undefined) throw new Error(`epoch ${epoch.epochId} has no rates to aggregate`)
    const { projectId, epochId } = present
    const earlier = await quartersBefore(history, { projectId, epochId, windowEpochs: epochsIn(WINDOW_SECONDS) })
    const quarters = [present.snapshot, ...earlier]
    const rates = quarters.reduce<Rates>(
      (mean, next, count) => each((name) => runningMean(mean[name], floatOf(next, name), count)),
      NO_RATES,
    )
    const complete = quarters.length === WINDOWS_PER_DAY && quarters.every((quarter) => memberOf(quarter, 'complete') === true)
    return { epochId: BigInt(epochId), ...rates, timestamp: integerOf(present.snapshot, 'timestamp'), complete }
  },
}

/** In Python's decimals of 16 digits, from the floats' shortest texts. */
function runningMean(mean: number, next: number, count: number): number {
  return new Rounded16(count)
    .times(mean)
    .plus(next)
    .div(count + 1)
    .toNumber()
}

/** The quarters of a day before this one, going back as far as there are any. One without data is left out. */
async function quartersBefore(
  history: SnapshotHistory,
  { projectId, epochId, windowEpochs }: { projectId: string; epochId: number; windowEpochs: number },
): Promise<readonly JsonValue[]> {
  const first = (await history.firstEpochId(projectId)) ?? epochId
  const quarters: JsonValue[] = []
  let head = epochId
  for (let count = 1; count < WINDOWS_PER_DAY && head > first; count++) {
    const tail = Math.max(head - windowEpochs, first)
    const quarter = await history.snapshot(projectId, tail)
    if (quarter !== undefined) quarters.push(quarter)
    head = tail - 1
  }
  return quarters
}
