import {
  atBlock,
  blockKey,
  type ByBlock,
  float,
  int,
  map,
  object,
  preloadedBy,
  quotient,
  type SnapshotCompute,
  type SnapshotOf,
  text,
} from 'weft/compute'
import type { AaveV3Config } from './config.ts'
import { compounded, fromRay, rayMul } from './ray.ts'
import { assetAddress, BULK_ASSET, type BlockReserves, type Reserve, reserveByBlock } from './reserves.ts'
import { usdPrice } from './usd.ts'

export const TOTAL_SUPPLY = 'poolContract_total_supply'

const supplied = object({ token_supply: int({ unit: 'smallest unit of the token' }), usd_supply: float({ unit: 'USD' }) })
const owed = object({ token_debt: int({ unit: 'smallest unit of the token' }), usd_debt: float({ unit: 'USD' }) })
const perBlock = { key: 'block' } as const
const ray = int({ unit: 'ray' })
const percent = float({ unit: '%' })
const rate = float({ unit: 'ratio' })

const SCHEMA = object(
  {
    contract: text({ description: 'The asset, as the market names it.' }),
    chainHeightRange: object({ begin: int({ unit: 'block' }), end: int({ unit: 'block' }) }),
    timestamp: int({ unit: 's', description: 'Of the last block.' }),
    totalAToken: map(supplied, { ...perBlock, description: 'What lies there and what is lent out.' }),
    liquidityRate: map(ray, { ...perBlock, description: 'What suppliers earn in a year.' }),
    liquidityIndex: map(ray, perBlock),
    totalVariableDebt: map(owed, { ...perBlock, description: 'With interest up to the block.' }),
    totalStableDebt: map(owed, { ...perBlock, description: 'With interest up to the block.' }),
    variableBorrowRate: map(ray, perBlock),
    stableBorrowRate: map(ray, perBlock),
    variableBorrowIndex: map(ray, perBlock),
    lastUpdateTimestamp: map(int({ unit: 's' }), perBlock),
    isolationModeTotalDebt: map(int({ unit: 'hundredths of a USD' }), {
      ...perBlock,
      description: 'Borrowed against this asset by those who may use it alone.',
    }),
    assetDetails: map(
      object({
        ltv: percent,
        liqThreshold: percent,
        liqBonus: percent,
        resFactor: percent,
        borrowCap: int({ unit: 'token' }),
        supplyCap: int({ unit: 'token' }),
        eLtv: percent,
        eliqThreshold: percent,
        eliqBonus: percent,
      }),
      perBlock,
    ),
    rateDetails: map(
      object({
        varRateSlope1: rate,
        varRateSlope2: rate,
        stableRateSlope1: rate,
        stableRateSlope2: rate,
        baseStableRate: rate,
        baseVarRate: rate,
        optimalRate: rate,
        utilRate: float({ unit: 'ratio', description: 'Variable debt of total supply; 0 where nothing is supplied.' }),
      }),
      perBlock,
    ),
    availableLiquidity: map(supplied, { ...perBlock, description: 'What is not lent out.' }),
  },
  { description: 'Supply, debt, rates and parameters of one asset at every block of the epoch.' },
)
export type TotalSupply = SnapshotOf<typeof SCHEMA>

/** Supply, debts and rates of an asset at every block of the epoch (spec/08 §6). */
export function totalSupply(config: AaveV3Config): SnapshotCompute {
  return {
    projectType: TOTAL_SUPPLY,
    schema: SCHEMA,
    description: 'Supply, debt, rates and parameters of one asset at every block of the epoch.',
    dataSources: config.assets,
    preloads: [BULK_ASSET],
    async compute({ epoch, dataSource, preloaded }): Promise<TotalSupply> {
      const contract = assetAddress(dataSource)
      const blocks = reserveByBlock(preloadedBy<BlockReserves>(preloaded, BULK_ASSET), contract)
      const states = new Map(Array.from(blocks, ([block, { timestamp, reserve }]) => [block, stateOf(reserve, timestamp)]))
      const each = <Value>(pick: (state: State) => Value) => byBlockKey(states, pick)
      return {
        contract,
        chainHeightRange: { begin: BigInt(epoch.begin), end: BigInt(epoch.end) },
        timestamp: atBlock(blocks, epoch.end).timestamp,
        totalAToken: each(({ supply }) => supply),
        liquidityRate: each(({ reserve }) => reserve.liquidityRate),
        liquidityIndex: each(({ reserve }) => reserve.liquidityIndex),
        totalVariableDebt: each(({ variableDebt }) => variableDebt),
        totalStableDebt: each(({ stableDebt }) => stableDebt),
        variableBorrowRate: each(({ reserve }) => reserve.variableBorrowRate),
        stableBorrowRate: each(({ reserve }) => reserve.stableBorrowRate),
        variableBorrowIndex: each(({ reserve }) => reserve.variableBorrowIndex),
        lastUpdateTimestamp: each(({ reserve }) => reserve.lastUpdateTimestamp),
        isolationModeTotalDebt: each(({ reserve }) => reserve.isolationModeTotalDebt),
        assetDetails: each(({ reserve }) => detailsOf(reserve)),
        rateDetails: each(({ reserve, utilization }) => ratesOf(reserve, utilization)),
        availableLiquidity: each(({ available }) => available),
      }
    },
  }
}

type State = ReturnType<typeof stateOf>

/** Interest accrues between updates: what the contract holds is brought up to the block's time. */
function stateOf(reserve: Reserve, timestamp: bigint) {
  const variableInterest = compounded(reserve.variableBorrowRate, timestamp - reserve.lastUpdateTimestamp)
  const variable = rayMul(reserve.totalScaledVariableDebt, rayMul(variableInterest, reserve.variableBorrowIndex))
  const stableInterest = compounded(reserve.averageStableRate, timestamp - reserve.stableDebtLastUpdateTimestamp)
  const stable = rayMul(reserve.totalPrincipalStableDebt, stableInterest)
  const supply = reserve.availableLiquidity + variable + stable
  const usd = (amount: bigint): number => (Number(amount) * usdPrice(reserve.price)) / Number(10n ** reserve.decimals)
  return {
    reserve,
    supply: { token_supply: supply, usd_supply: usd(supply) },
    variableDebt: { token_debt: variable, usd_debt: usd(variable) },
    stableDebt: { token_debt: stable, usd_debt: usd(stable) },
    available: { token_supply: reserve.availableLiquidity, usd_supply: usd(reserve.availableLiquidity) },
    utilization: supply === 0n ? 0 : quotient(variable, supply),
  }
}

/** From hundredths of a percent, in the two steps in which deployed nodes round. */
const percentOf = (basisPoints: bigint): number => (Number(basisPoints) / 10_000) * 100

function detailsOf(reserve: Reserve) {
  return {
    ltv: percentOf(reserve.ltv),
    liqThreshold: percentOf(reserve.liquidationThreshold),
    liqBonus: percentOf(reserve.liquidationBonus) - 100,
    resFactor: percentOf(reserve.reserveFactor),
    borrowCap: reserve.borrowCap,
    supplyCap: reserve.supplyCap,
    eLtv: percentOf(reserve.eModeLtv),
    eliqThreshold: percentOf(reserve.eModeLiquidationThreshold),
    eliqBonus: percentOf(reserve.eModeLiquidationBonus) - 100,
  }
}

function ratesOf(reserve: Reserve, utilRate: number) {
  return {
    varRateSlope1: fromRay(reserve.variableRateSlope1),
    varRateSlope2: fromRay(reserve.variableRateSlope2),
    stableRateSlope1: fromRay(reserve.stableRateSlope1),
    stableRateSlope2: fromRay(reserve.stableRateSlope2),
    baseStableRate: fromRay(reserve.baseStableRate),
    baseVarRate: fromRay(reserve.baseVariableRate),
    optimalRate: fromRay(reserve.optimalUsageRatio),
    utilRate,
  }
}

function byBlockKey<Value>(states: ByBlock<State>, pick: (state: State) => Value): { readonly [key: string]: Value } {
  return Object.fromEntries(Array.from(states, ([block, state]) => [blockKey(block), pick(state)]))
}
