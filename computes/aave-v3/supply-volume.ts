import {
  atBlock,
  boolean,
  type ByBlock,
  type ChainEvent,
  type ChainValue,
  checksummed,
  either,
  float,
  int,
  list,
  object,
  preloadedBy,
  type SnapshotCompute,
  type SnapshotOf,
  text,
} from 'weft/compute'
import type { AaveV3Config } from './config.ts'
import { BULK_EVENT } from './pool-events.ts'
import { assetAddress, BULK_ASSET, type BlockReserves } from './reserves.ts'
import { usdPerUnit } from './usd.ts'

export const SUPPLY_VOLUME = 'poolContract_supply_volume'

/** An amount in USD, and in the token's smallest unit. */
export const VOLUME = object({ totalUSD: float({ unit: 'USD' }), totalToken: int({ unit: 'smallest unit of the token' }) })
export type Volume = SnapshotOf<typeof VOLUME>
export const NO_VOLUME: Volume = { totalUSD: 0, totalToken: 0n }
export const added = (left: Volume, right: Volume): Volume => ({
  totalUSD: left.totalUSD + right.totalUSD,
  totalToken: left.totalToken + right.totalToken,
})

const account = text({ description: 'With the capitals of EIP-55.' })
const entryOf = <const Args extends Parameters<typeof object>[0]>(args: Args) =>
  object({
    args: object(args),
    event: text(),
    logIndex: int(),
    transactionHash: text(),
    address: account,
    blockNumber: int({ unit: 'block' }),
  })
const EVENT = either([
  entryOf({ reserve: account, user: account, onBehalfOf: account, amount: int(), referralCode: int() }),
  entryOf({ reserve: account, user: account, to: account, amount: int() }),
  entryOf({ reserve: account, user: account, repayer: account, amount: int(), useATokens: boolean() }),
  entryOf({
    reserve: account,
    user: account,
    onBehalfOf: account,
    amount: int(),
    interestRateMode: int({ description: '1: stable, 2: variable.' }),
    borrowRate: int({ unit: 'ray' }),
    referralCode: int(),
  }),
  entryOf({
    collateralAsset: account,
    debtAsset: account,
    user: account,
    debtToCover: int(),
    liquidatedCollateralAmount: int(),
    liquidator: account,
    receiveAToken: boolean(),
  }),
])
const LIQUIDATION = object({
  collateralAsset: account,
  debtAsset: account,
  debtToCover: VOLUME,
  liquidatedCollateral: VOLUME,
  blockNumber: int({ unit: 'block' }),
})
type Liquidation = SnapshotOf<typeof LIQUIDATION>

const DESCRIPTION = 'What was supplied, withdrawn, borrowed, repaid and liquidated of one asset within the epoch.'
const SCHEMA = object(
  {
    contract: text({ description: 'The asset, as the market names it.' }),
    chainHeightRange: object({ begin: int({ unit: 'block' }), end: int({ unit: 'block' }) }),
    timestamp: int({ unit: 's', description: 'Of the last block.' }),
    borrow: VOLUME,
    repay: VOLUME,
    supply: VOLUME,
    withdraw: VOLUME,
    liquidation: VOLUME,
    events: list(EVENT, { description: 'Borrowings, repayments, supplies, withdrawals, liquidations; each kind in chain order.' }),
    liquidationList: list(LIQUIDATION),
  },
  { description: DESCRIPTION },
)
type SupplyVolume = SnapshotOf<typeof SCHEMA>

/** In the order in which `events` has them. */
const KINDS = ['Borrow', 'Repay', 'Supply', 'Withdraw', 'LiquidationCall'] as const

/** The events of an asset within the epoch, valued at the oracle's price of their blocks (spec/08 §6). */
export function supplyVolume(config: AaveV3Config): SnapshotCompute {
  return {
    projectType: SUPPLY_VOLUME,
    schema: SCHEMA,
    description: DESCRIPTION,
    dataSources: config.assets,
    preloads: [BULK_ASSET, BULK_EVENT],
    async compute({ epoch, dataSource, preloaded }): Promise<SupplyVolume> {
      const contract = assetAddress(dataSource)
      const asset = contract.toLowerCase()
      const bulk = preloadedBy<BlockReserves>(preloaded, BULK_ASSET)
      const all = preloaded.get(BULK_EVENT) as readonly ChainEvent[]
      const own = all.filter(({ args }) => args['reserve'] === asset || args['collateralAsset'] === asset)
      const byKind = Map.groupBy(own, ({ name }) => name)
      const of = (kind: (typeof KINDS)[number]): readonly ChainEvent[] => byKind.get(kind) ?? []
      const unit = (token: string, block: number): number => usdPerUnit(atBlock(bulk, block).reserves.get(token))
      const total = (kind: 'Borrow' | 'Repay' | 'Supply' | 'Withdraw'): Volume =>
        of(kind)
          .map((event) => valued(integerIn(event, 'amount'), unit(asset, event.blockNumber)))
          .reduce(added, NO_VOLUME)
      const liquidations = of('LiquidationCall').map((event) => liquidationIn(event, unit))
      return {
        contract,
        chainHeightRange: { begin: BigInt(epoch.begin), end: BigInt(epoch.end) },
        timestamp: timestampAt(bulk, epoch.end),
        borrow: total('Borrow'),
        repay: total('Repay'),
        supply: total('Supply'),
        withdraw: total('Withdraw'),
        liquidation: liquidations.map(({ liquidatedCollateral }) => liquidatedCollateral).reduce(added, NO_VOLUME),
        events: KINDS.flatMap(of).map(printed),
        liquidationList: liquidations,
      }
    },
  }
}

const timestampAt = (bulk: ByBlock<BlockReserves>, block: number): bigint => BigInt(atBlock(bulk, block).timestamp)
const valued = (totalToken: bigint, usdOfUnit: number): Volume => ({ totalUSD: Number(totalToken) * usdOfUnit, totalToken })

function liquidationIn(event: ChainEvent, unit: (token: string, block: number) => number): Liquidation {
  const [collateral, debt] = [String(event.args['collateralAsset']), String(event.args['debtAsset'])]
  return {
    collateralAsset: checksummed(collateral),
    debtAsset: checksummed(debt),
    debtToCover: valued(integerIn(event, 'debtToCover'), unit(debt, event.blockNumber)),
    liquidatedCollateral: valued(integerIn(event, 'liquidatedCollateralAmount'), unit(collateral, event.blockNumber)),
    blockNumber: BigInt(event.blockNumber),
  }
}

function integerIn({ name, args, blockNumber }: ChainEvent, argument: string): bigint {
  const value = args[argument]
  if (typeof value !== 'bigint') throw new Error(`${name} at block ${blockNumber} has no amount ${argument}`)
  return value
}

/** As Python's web3 prints an event. */
function printed(event: ChainEvent): SupplyVolume['events'][number] {
  const args = Object.entries(event.args).map(([name, value]) => [name, typeof value === 'string' ? checksummed(value) : value])
  return {
    args: Object.fromEntries(args) as Record<string, ChainValue>,
    event: event.name,
    logIndex: BigInt(event.logIndex),
    transactionHash: event.transactionHash,
    address: checksummed(event.address),
    blockNumber: BigInt(event.blockNumber),
  } as SupplyVolume['events'][number]
}
