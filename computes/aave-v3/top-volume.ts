import {
  type AggregateCompute,
  boolean,
  checksummed,
  dataSourceOf,
  float,
  floatOf,
  int,
  integerOf,
  type JsonValue,
  list,
  memberOf,
  object,
  type SnapshotOf,
  scaled,
  text,
} from 'weft/compute'
import type { AaveV3Config } from './config.ts'
import { changePercent, DAY_SECONDS, ownDayAgo } from './day.ts'
import { type Reserve, reserveOf, reservesAt } from './reserves.ts'
import { VOLUME_24H } from './volume-24h.ts'

const volume = object({ totalUSD: float({ unit: 'USD' }), totalToken: float({ unit: 'token' }) })
const change = float({ unit: '%', description: 'In USD against the day before; 0 when that was 0, or is not there.' })
const ASSET = object({
  name: text(),
  symbol: text(),
  address: text({ description: 'With the capitals of EIP-55.' }),
  totalBorrow: volume,
  totalRepay: volume,
  totalSupply: volume,
  totalWithdraw: volume,
  totalLiquidatedCollateral: volume,
  borrowChange24h: change,
  repayChange24h: change,
  supplyChange24h: change,
  withdrawChange24h: change,
  liquidationChange24h: change,
})
type Asset = SnapshotOf<typeof ASSET>
const SCHEMA = object({
  epochId: int(),
  assets: list(ASSET, { description: 'By what was borrowed in USD, the most first; equal ones in the order of project ids.' }),
  complete: boolean({ description: 'Whether the whole day of every asset was there.' }),
})

/** All assets by what was borrowed of them in a day (spec/08 §6). */
export function topVolume(config: AaveV3Config): AggregateCompute {
  return {
    projectType: 'aggregate_top_volume',
    schema: SCHEMA,
    description: 'All assets by what was borrowed of them in a day.',
    aggregateOn: 'MultiProject',
    baseProjectTypes: [VOLUME_24H],
    async aggregate({ epoch, projectId, base, history, source, epochsIn }): Promise<SnapshotOf<typeof SCHEMA>> {
      const { epochId } = epoch
      const reserves = await reservesAt(config, { source, blockNumber: epoch.end })
      const before = await ownDayAgo(history, { projectId, epochId, dayEpochs: epochsIn(DAY_SECONDS) })
      const earlier = before === undefined ? [] : (memberOf(before, 'assets') as readonly JsonValue[])
      const assets = base.map(({ projectId: baseId, snapshot }) => {
        const address = dataSourceOf(baseId)
        const dayBefore = earlier.find((asset) => memberOf(asset, 'address') === checksummed(address))
        return rowOf(snapshot, { address, reserve: reserveOf(reserves, address), dayBefore })
      })
      return {
        epochId: BigInt(epochId),
        assets: assets.toSorted((left, right) => right.totalBorrow.totalUSD - left.totalBorrow.totalUSD),
        complete: base.every(({ snapshot }) => memberOf(snapshot, 'complete') === true),
      }
    },
  }
}

function rowOf(
  snapshot: JsonValue,
  { address, reserve, dayBefore }: { address: string; reserve: Reserve; dayBefore: JsonValue | undefined },
): Asset {
  const total = (name: string) => {
    const amount = memberOf(snapshot, name)
    return { totalUSD: floatOf(amount, 'totalUSD'), totalToken: scaled(integerOf(amount, 'totalToken'), Number(reserve.decimals)) }
  }
  const changeOf = (name: string): number => {
    if (dayBefore === undefined) return 0
    return changePercent(floatOf(memberOf(snapshot, name), 'totalUSD'), floatOf(memberOf(dayBefore, name), 'totalUSD'))
  }
  return {
    name: reserve.name,
    symbol: reserve.symbol,
    address: checksummed(address),
    totalBorrow: total('totalBorrow'),
    totalRepay: total('totalRepay'),
    totalSupply: total('totalSupply'),
    totalWithdraw: total('totalWithdraw'),
    totalLiquidatedCollateral: total('totalLiquidatedCollateral'),
    borrowChange24h: changeOf('totalBorrow'),
    repayChange24h: changeOf('totalRepay'),
    supplyChange24h: changeOf('totalSupply'),
    withdrawChange24h: changeOf('totalWithdraw'),
    liquidationChange24h: changeOf('totalLiquidatedCollateral'),
  }
}
