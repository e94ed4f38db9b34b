import { type ByBlock, blocksOf, type ChainValue, forEachBlock, type Preload, type SourceReader } from 'weft/compute'
import type { AaveV3Config } from './config.ts'

export const BULK_ASSET = 'bulk_asset'

/** What `UiPoolDataProviderV3.getReservesData` says of one asset at one block. Rates and indices in rays, amounts in the token's smallest unit. */
export interface Reserve {
  readonly name: string
  readonly symbol: string
  readonly decimals: bigint
  /** Hundredths of a percent, as the other ones of the risk parameters. */
  readonly ltv: bigint
  readonly liquidationThreshold: bigint
  readonly liquidationBonus: bigint
  readonly reserveFactor: bigint
  readonly liquidityIndex: bigint
  readonly variableBorrowIndex: bigint
  readonly liquidityRate: bigint
  readonly variableBorrowRate: bigint
  readonly stableBorrowRate: bigint
  /** Unix seconds. */
  readonly lastUpdateTimestamp: bigint
  readonly availableLiquidity: bigint
  readonly totalPrincipalStableDebt: bigint
  readonly averageStableRate: bigint
  readonly stableDebtLastUpdateTimestamp: bigint
  readonly totalScaledVariableDebt: bigint
  /** The oracle's, in 10^-8 USD. */
  readonly price: bigint
  readonly variableRateSlope1: bigint
  readonly variableRateSlope2: bigint
  readonly stableRateSlope1: bigint
  readonly stableRateSlope2: bigint
  readonly baseStableRate: bigint
  readonly baseVariableRate: bigint
  readonly optimalUsageRatio: bigint
  readonly isolationModeTotalDebt: bigint
  readonly borrowCap: bigint
  readonly supplyCap: bigint
  readonly eModeLtv: bigint
  readonly eModeLiquidationThreshold: bigint
  readonly eModeLiquidationBonus: bigint
}

/** All assets of the pool, by lower-case address. */
export type Reserves = ReadonlyMap<string, Reserve>

export interface BlockReserves {
  /** Unix seconds. */
  readonly timestamp: number
  readonly reserves: Reserves
}

/** One request per block, whatever the number of assets; every project of the epoch shares it. */
export function bulkAsset(config: AaveV3Config): Preload {
  return {
    taskType: BULK_ASSET,
    preload: ({ epoch, source }) =>
      forEachBlock(blocksOf(epoch), async (blockNumber): Promise<BlockReserves> => {
        const [timestamp, reserves] = await Promise.all([source.timestamp(blockNumber), reservesAt(config, { source, blockNumber })])
        return { timestamp, reserves }
      }),
  }
}

/** The data of an asset at a block. Throws when the pool does not list it there. */
export function reserveOf(reserves: Reserves, asset: string): Reserve {
  const reserve = reserves.get(asset.toLowerCase())
  if (reserve === undefined) throw new Error(`the pool does not list ${asset}`)
  return reserve
}

/** The data source of an asset project. */
export function assetAddress(dataSource: string | undefined): string {
  if (dataSource === undefined) throw new Error('an asset project needs its asset as data source')
  return dataSource
}

/** The asset's data by block. */
export function reserveByBlock(bulk: ByBlock<BlockReserves>, asset: string): ByBlock<{ timestamp: bigint; reserve: Reserve }> {
  return new Map(
    Array.from(bulk, ([block, { timestamp, reserves }]) => [block, { timestamp: BigInt(timestamp), reserve: reserveOf(reserves, asset) }]),
  )
}

/** In the order of the contract's struct; those without a name of ours are skipped. */
const FIELDS: readonly (readonly [type: string, field?: keyof Reserve])[] = [
  ['address'],
  ['string', 'name'],
  ['string', 'symbol'],
  ['uint256', 'decimals'],
  ['uint256', 'ltv'],
  ['uint256', 'liquidationThreshold'],
  ['uint256', 'liquidationBonus'],
  ['uint256', 'reserveFactor'],
  ['bool'],
  ['bool'],
  ['bool'],
  ['bool'],
  ['bool'],
  ['uint128', 'liquidityIndex'],
  ['uint128', 'variableBorrowIndex'],
  ['uint128', 'liquidityRate'],
  ['uint128', 'variableBorrowRate'],
  ['uint128', 'stableBorrowRate'],
  ['uint40', 'lastUpdateTimestamp'],
  ['address'],
  ['address'],
  ['address'],
  ['address'],
  ['uint256', 'availableLiquidity'],
  ['uint256', 'totalPrincipalStableDebt'],
  ['uint256', 'averageStableRate'],
  ['uint256', 'stableDebtLastUpdateTimestamp'],
  ['uint256', 'totalScaledVariableDebt'],
  ['uint256', 'price'],
  ['address'],
  ['uint256', 'variableRateSlope1'],
  ['uint256', 'variableRateSlope2'],
  ['uint256', 'stableRateSlope1'],
  ['uint256', 'stableRateSlope2'],
  ['uint256', 'baseStableRate'],
  ['uint256', 'baseVariableRate'],
  ['uint256', 'optimalUsageRatio'],
  ['bool'],
  ['bool'],
  ['uint128'],
  ['uint128'],
  ['uint128', 'isolationModeTotalDebt'],
  ['bool'],
  ['uint256'],
  ['uint256'],
  ['uint8'],
  ['uint256', 'borrowCap'],
  ['uint256', 'supplyCap'],
  ['uint16', 'eModeLtv'],
  ['uint16', 'eModeLiquidationThreshold'],
  ['uint16', 'eModeLiquidationBonus'],
  ['address'],
  ['string'],
  ['bool'],
]
const SIGNATURE = `function getReservesData(address) view returns ((${FIELDS.map(([type]) => type).join(', ')})[], (uint256, int256, int256, uint8))`

/** All assets of the pool as of a block. */
export async function reservesAt(
  config: AaveV3Config,
  { source, blockNumber }: { readonly source: SourceReader; readonly blockNumber: number },
): Promise<Reserves> {
  const [assets] = await source.read({
    address: config.uiPoolDataProvider,
    function: SIGNATURE,
    args: [config.poolAddressesProvider],
    blockNumber,
  })
  return new Map((assets as readonly (readonly ChainValue[])[]).map((values) => [String(values[0]).toLowerCase(), reserveIn(values)]))
}

/** The reader has held the values to the signature. */
function reserveIn(values: readonly ChainValue[]): Reserve {
  return Object.fromEntries(
    FIELDS.flatMap(([, field], index) => (field === undefined ? [] : [[field, values[index]]])),
  ) as unknown as Reserve
}
