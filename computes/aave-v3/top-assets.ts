import {
  type AggregateCompute,
  blockKey,
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
import { apyPercent } from './ray.ts'
import { type Reserve, reserveOf, reservesAt } from './reserves.ts'
import { TOTAL_SUPPLY } from './total-supply.ts'

const apy = float({ unit: '%', description: 'A year, with interest on interest every second.' })
const ASSET = object({
  name: text(),
  symbol: text(),
  decimals: int(),
  address: text({ description: 'With the capitals of EIP-55.' }),
  totalAToken: object({ token_supply: float({ unit: 'token' }), usd_supply: float({ unit: 'USD' }) }),
  liquidityApy: apy,
  totalVariableDebt: object({ token_debt: float({ unit: 'token' }), usd_debt: float({ unit: 'USD' }) }),
  variableApy: apy,
  isIsolated: boolean({ description: 'Whether somebody has borrowed against it as the only collateral that he may use.' }),
})
type Asset = SnapshotOf<typeof ASSET>
const SCHEMA = object({
  epochId: int(),
  assets: list(ASSET, { description: 'By supply in USD, the largest first; equal ones in the order of project ids.' }),
  complete: boolean(),
})

/** All assets by what is supplied of them at the epoch's last block (spec/08 §6). */
export function topAssets(config: AaveV3Config): AggregateCompute {
  return {
    projectType: 'aggregate_top_assets',
    schema: SCHEMA,
    description: 'All assets by what is supplied of them.',
    aggregateOn: 'MultiProject',
    baseProjectTypes: [TOTAL_SUPPLY],
    async aggregate({ epoch, base, source }): Promise<SnapshotOf<typeof SCHEMA>> {
      // The request that the epoch's base snapshots have made.
      const reserves = await reservesAt(config, { source, blockNumber: epoch.end })
      const assets = base.map(({ projectId, snapshot }) => {
        const address = dataSourceOf(projectId)
        return rowOf(snapshot, { address, block: blockKey(epoch.end), reserve: reserveOf(reserves, address) })
      })
      return {
        epochId: BigInt(epoch.epochId),
        assets: assets.toSorted((left, right) => right.totalAToken.usd_supply - left.totalAToken.usd_supply),
        complete: true,
      }
    },
  }
}

function rowOf(snapshot: JsonValue, { address, block, reserve }: { address: string; block: string; reserve: Reserve }): Asset {
  const { name, symbol, decimals } = reserve
  const atEnd = (field: string) => memberOf(snapshot, field)
  const [supply, debt] = [memberOf(atEnd('totalAToken'), block), memberOf(atEnd('totalVariableDebt'), block)]
  return {
    name,
    symbol,
    decimals,
    address: checksummed(address),
    totalAToken: { token_supply: scaled(integerOf(supply, 'token_supply'), Number(decimals)), usd_supply: floatOf(supply, 'usd_supply') },
    liquidityApy: apyPercent(integerOf(atEnd('liquidityRate'), block)),
    totalVariableDebt: { token_debt: scaled(integerOf(debt, 'token_debt'), Number(decimals)), usd_debt: floatOf(debt, 'usd_debt') },
    variableApy: apyPercent(integerOf(atEnd('variableBorrowRate'), block)),
    isIsolated: integerOf(atEnd('isolationModeTotalDebt'), block) > 0n,
  }
}
