import { type ChainEvent, type ChainValue, type JsonValue, type SnapshotHistory, type SourceReader, withSeries } from 'weft/compute'
import { CONFIG, type UniswapV2Config } from './config.ts'

/** The made-up chain of test/vectors/uniswap-v2.json, with the snapshots that Python computes from it. */
export interface Vector {
  readonly epoch: { readonly epochId: number; readonly begin: number; readonly end: number }
  readonly sources: readonly string[]
  readonly whitelist: readonly string[]
  readonly tokens: readonly { readonly address: string; readonly decimals: number; readonly symbol: string; readonly name: string }[]
  readonly pairs: readonly { readonly address: string; readonly tokens: readonly [string, string] }[]
  readonly chain: {
    readonly timestamps: readonly [number, number][]
    readonly reserves: readonly [string, number, string, string][]
    readonly amountOut: readonly [string, number, string][]
    readonly logs: readonly (Omit<ChainEvent, 'name' | 'args'> & {
      readonly event: string
      readonly args: Readonly<Record<string, string>>
    })[]
  }
  readonly history: Readonly<Record<string, readonly string[]>>
  readonly snapshots: Readonly<
    Record<string, { readonly totalReserves: string; readonly feeOnTrade: string; readonly feeOnToken1: string }>
  >
  readonly dayVolumes: Readonly<Record<string, string>>
  readonly topPairs: string
  /** The six days before, by pair, the youngest first. */
  readonly week: Readonly<Record<string, readonly string[]>>
  readonly weekVolumes: Readonly<Record<string, string>>
  readonly topPairs7d: string
  /** What the aggregates said a day ago, as far as it is looked at. */
  readonly then: { readonly tokens: string; readonly stats: string }
  readonly topTokens: string
  readonly stats: string
}

export const FACTORY = '0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f'
const ROUTER = '0x7a250d5630b4cf539739df2c5dacb4c659f2488d'
export const NOBODY = `0x${'0'.repeat(40)}`

export function configOf(vector: Vector, feeOn: UniswapV2Config['feeOn'] = 'trade'): UniswapV2Config {
  const token = (symbol: string) => vector.tokens.find((row) => row.symbol === symbol)?.address as string
  const pair = (left: string, right: string) =>
    vector.pairs.find(({ tokens }) => tokens.includes(token(left)) && tokens.includes(token(right)))?.address as string
  return CONFIG.parse({
    factory: FACTORY.toUpperCase().replace('0X', '0x'),
    router: ROUTER,
    weth: token('WETH'),
    dai: token('DAI'),
    usdc: token('USDC'),
    usdt: token('USDT'),
    daiWethPair: pair('DAI', 'WETH'),
    usdcWethPair: pair('USDC', 'WETH'),
    wethUsdtPair: pair('WETH', 'USDT'),
    whitelist: vector.whitelist,
    pairs: vector.sources,
    feeOn,
  })
}

type Read = Parameters<SourceReader['read']>[0]

/** Answers from the vector; `override` may answer first, with `undefined` for what it leaves. */
export function scriptedSource(
  vector: Vector,
  override: (call: Read) => readonly ChainValue[] | undefined = () => undefined,
): SourceReader {
  return {
    async timestamp(blockNumber) {
      return vector.chain.timestamps.find(([block]) => block === blockNumber)?.[1] as number
    },
    async read(call) {
      return override(call) ?? answer(vector, call)
    },
    async events({ address, fromBlock, toBlock }) {
      return vector.chain.logs
        .filter((log) => log.address === address && log.blockNumber >= fromBlock && log.blockNumber <= toBlock)
        .map(({ event, args, ...log }) => ({
          ...log,
          name: event,
          args: Object.fromEntries(Object.entries(args).map(([name, value]) => [name, chainValue(value)])),
        }))
    },
    transactions: async () => [],
  }
}

// As a source chain hands them over: integers as bigint, addresses in lower case.
function chainValue(text: string): ChainValue {
  return text.startsWith('0x') ? text.toLowerCase() : BigInt(text)
}

function answer(vector: Vector, call: Read): readonly ChainValue[] {
  const pair = vector.pairs.find(({ address }) => address === call.address)
  const token = vector.tokens.find(({ address }) => address === call.address)
  const found = ((): ChainValue | readonly ChainValue[] | undefined => {
    switch (/^function (\w+)/.exec(call.function)?.[1]) {
      case 'token0':
        return pair?.tokens[0]
      case 'token1':
        return pair?.tokens[1]
      case 'decimals':
        return token && BigInt(token.decimals)
      case 'symbol':
        return token?.symbol
      case 'name':
        return token?.name
      case 'getPair':
        return call.address === FACTORY
          ? (vector.pairs.find(({ tokens }) => call.args.every((argument) => tokens.includes(argument as string)))?.address ?? NOBODY)
          : undefined
      case 'getAmountsOut':
        return call.address === ROUTER ? [[call.args[0] as bigint, BigInt(amountOut(vector, call) as string)]] : undefined
      case 'getReserves': {
        const reserves = vector.chain.reserves.find(([address, block]) => address === call.address && block === call.blockNumber)
        return reserves && [BigInt(reserves[2]), BigInt(reserves[3]), 0n]
      }
    }
    return undefined
  })()
  if (found === undefined) throw new Error(`nothing scripted for ${call.function} of ${call.address} at ${call.blockNumber}`)
  return Array.isArray(found) ? found : [found as ChainValue]
}

function amountOut(vector: Vector, { args, blockNumber }: Read): string | undefined {
  const [white] = args[1] as readonly string[]
  return vector.chain.amountOut.find(([token, block]) => token === white && block === blockNumber)?.[2]
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
