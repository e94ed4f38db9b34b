import { readFileSync } from 'node:fs'
import { type ChainEvent, type ChainValue, type JsonValue, type SnapshotHistory, type SourceReader, withSeries } from 'weft/compute'
import { type AaveV3Config, CONFIG } from './config.ts'

/** The made-up chain of test/vectors/aave-v3.json, with the snapshots that Python computes from it. */
export interface Vector {
  readonly rayMul: readonly (readonly [string, string, string])[]
  readonly compounded: readonly (readonly [string, string, string])[]
  readonly fromRay: readonly (readonly [string, string])[]
  readonly apy: readonly (readonly [string, string])[]
  readonly epoch: { readonly epochId: number; readonly begin: number; readonly end: number }
  readonly pool: string
  readonly assets: readonly string[]
  readonly chain: Readonly<
    Record<string, { readonly timestamp: string; readonly reserves: Readonly<Record<string, Readonly<Record<string, string>>>> }>
  >
  readonly logs: readonly {
    readonly event: string
    readonly args: Readonly<Record<string, string | boolean>>
    readonly address: string
    readonly blockNumber: string
    readonly logIndex: string
    readonly transactionHash: string
  }[]
  readonly earlier: Readonly<Record<string, { readonly totalSupply: readonly string[]; readonly supplyVolume: readonly string[] }>>
  readonly quarters: Readonly<Record<string, readonly string[]>>
  readonly totalSupply: Readonly<Record<string, string>>
  readonly supplyVolume: Readonly<Record<string, string>>
  readonly apr6h: Readonly<Record<string, string>>
  readonly apr24h: Readonly<Record<string, string>>
  readonly volume24h: Readonly<Record<string, string>>
  readonly topAssets: string
  readonly beforeStats: string
  readonly stats: string
  readonly beforeVolume: string
  readonly topVolume: string
}

export const vector = JSON.parse(readFileSync(new URL('../../test/vectors/aave-v3.json', import.meta.url), 'utf8')) as Vector

const PROVIDER = '0x2f39d218133afab8f2b819b1066c7e434ad94e9e'
const UI = '0x91c0ea31b49b69ea18607702c5d9ac360bf3de7d'

export const config: AaveV3Config = CONFIG.parse({
  pool: vector.pool.toUpperCase().replace('0X', '0x'),
  poolAddressesProvider: PROVIDER,
  uiPoolDataProvider: UI,
  assets: vector.assets,
})

/** Where in the contract's struct of 54 values each one stands, as spec/08 §6 counts. */
const PLACES: Readonly<Record<string, number>> = {
  name: 1,
  symbol: 2,
  decimals: 3,
  ltv: 4,
  liqThreshold: 5,
  liqBonus: 6,
  resFactor: 7,
  liquidityIndex: 13,
  variableBorrowIndex: 14,
  liquidityRate: 15,
  variableBorrowRate: 16,
  stableBorrowRate: 17,
  lastUpdateTimestamp: 18,
  availableLiquidity: 23,
  totalPrincipalStableDebt: 24,
  averageStableRate: 25,
  stableDebtLastUpdateTimestamp: 26,
  totalScaledVariableDebt: 27,
  price: 28,
  varRateSlope1: 30,
  varRateSlope2: 31,
  stableRateSlope1: 32,
  stableRateSlope2: 33,
  baseStableRate: 34,
  baseVarRate: 35,
  optimalRate: 36,
  isolationModeTotalDebt: 41,
  borrowCap: 46,
  supplyCap: 47,
  eLtv: 48,
  eliqThreshold: 49,
  eliqBonus: 50,
}

function structOf(asset: string, values: Readonly<Record<string, string>>): readonly ChainValue[] {
  const struct: ChainValue[] = Array.from({ length: 54 }, () => false)
  struct[0] = asset
  for (const [name, value] of Object.entries(values))
    struct[PLACES[name] as number] = name === 'name' || name === 'symbol' ? value : BigInt(value)
  return struct
}

/** As a source chain hands them over: integers as bigint, addresses in lower case. */
const chainValue = (value: string | boolean): ChainValue =>
  typeof value === 'boolean' ? value : value.startsWith('0x') ? value : BigInt(value)

export interface Scripted {
  readonly source: SourceReader
  /** What was asked of it. */
  readonly asked: readonly string[]
}

/** Answers from the vector; `without` is not listed by the pool. */
export function scriptedSource(without?: string): Scripted {
  const asked: string[] = []
  const blockOf = (blockNumber: number) => {
    const block = vector.chain[String(blockNumber)]
    if (block === undefined) throw new Error(`nothing scripted for block ${blockNumber}`)
    return block
  }
  const source: SourceReader = {
    async timestamp(blockNumber) {
      return Number(blockOf(blockNumber).timestamp)
    },
    async read({ address, function: signature, args, blockNumber }) {
      if (address !== UI || args[0] !== PROVIDER || !signature.startsWith('function getReservesData('))
        throw new Error(`nothing scripted for ${signature} of ${address}`)
      asked.push(`reserves ${blockNumber}`)
      const listed = Object.entries(blockOf(blockNumber).reserves).filter(([asset]) => asset !== without?.toLowerCase())
      return [listed.map(([asset, values]) => structOf(asset, values)), [1n, 1n, 1n, 8n]]
    },
    async events({ address, fromBlock, toBlock }) {
      asked.push(`events ${fromBlock}..${toBlock}`)
      const logs = vector.logs.filter(
        ({ blockNumber }) => address === vector.pool && Number(blockNumber) >= fromBlock && Number(blockNumber) <= toBlock,
      )
      return logs.map(
        ({ event, args, address: at, blockNumber, logIndex, transactionHash }): ChainEvent => ({
          name: event,
          args: Object.fromEntries(Object.entries(args).map(([name, value]) => [name, chainValue(value)])),
          address: at,
          blockNumber: Number(blockNumber),
          logIndex: Number(logIndex),
          transactionHash,
        }),
      )
    },
    transactions: async () => [],
  }
  return { source, asked }
}

/** Earlier snapshots by project and epoch. A project's first epoch is its lowest here. */
export function scriptedHistory(snapshots: Readonly<Record<string, Readonly<Record<number, JsonValue>>>>): SnapshotHistory {
  return withSeries({
    async firstEpochId(projectId) {
      const epochIds = Object.keys(snapshots[projectId] ?? {}).map(Number)
      return epochIds.length === 0 ? undefined : Math.min(...epochIds)
    },
    async snapshot(projectId, epochId) {
      return snapshots[projectId]?.[epochId]
    },
  })
}
