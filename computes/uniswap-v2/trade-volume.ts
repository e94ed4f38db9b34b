import {
  atBlock,
  type ByBlock,
  type ChainEvent,
  checksummed,
  type ComputeEpoch,
  either,
  float,
  int,
  type JsonValue,
  list,
  object,
  preloadedBy,
  roundHalfEven,
  scaled,
  type SnapshotCompute,
  type SnapshotSchema,
  type SourceReader,
  text,
} from 'weft/compute'
import { BLOCK_DETAILS } from './block-details.ts'
import type { UniswapV2Config } from './config.ts'
import { tokensOf } from './contracts.ts'
import { ETH_PRICE } from './eth-price.ts'
import { joiningPairs } from './joining.ts'
import { tokenPrices } from './token-price.ts'
import { PAIR_FIELDS, pairAddress } from './total-reserves.ts'

export const TRADE_VOLUME = 'pairContract_trade_volume'

/** In the order in which the logs of one transaction are counted: descending by name. */
const EVENTS = {
  Swap: 'event Swap(address indexed sender, uint256 amount0In, uint256 amount1In, uint256 amount0Out, uint256 amount1Out, address indexed to)',
  Mint: 'event Mint(address indexed sender, uint256 amount0, uint256 amount1)',
  Burn: 'event Burn(address indexed sender, uint256 amount0, uint256 amount1, address indexed to)',
} as const
type EventName = keyof typeof EVENTS
const EVENT_ORDER: readonly EventName[] = ['Swap', 'Mint', 'Burn']

const FEE_SHARE = 0.003
const TOTAL_DIGITS = 6

/** What Python has here: the int 0 while a raw amount is 0, a float otherwise. The two print differently, `0` and `0.0`. */
type Amount = 0n | number

interface Trade {
  readonly totalTradesUSD: number
  readonly totalFeeUSD: number
  readonly token0TradeVolume: number
  readonly token1TradeVolume: number
  readonly token0TradeVolumeUSD: number
  readonly token1TradeVolumeUSD: number
}
const NO_TRADE: Trade = {
  totalTradesUSD: 0,
  totalFeeUSD: 0,
  token0TradeVolume: 0,
  token1TradeVolume: 0,
  token0TradeVolumeUSD: 0,
  token1TradeVolumeUSD: 0,
}

/** Where deployed nodes have the int 0 for what is nothing at all. */
const amount = (unit: string) => either([int(), float()], { unit, description: 'The integer 0 of a raw amount of 0, else a float' })
const TRADE = object({
  totalTradesUSD: float({ unit: 'USD' }),
  totalFeeUSD: float({ unit: 'USD' }),
  token0TradeVolume: float({ unit: 'token 0' }),
  token1TradeVolume: float({ unit: 'token 1' }),
  token0TradeVolumeUSD: float({ unit: 'USD' }),
  token1TradeVolumeUSD: float({ unit: 'USD' }),
})
const account = text({ description: 'With EIP-55 capitals' })
const eventsWith = <const Args extends { readonly [name: string]: SnapshotSchema }>(args: Args, description: string) =>
  object(
    {
      logs: list(
        object({
          args: object(args, { description: 'As the contract wrote them, unscaled' }),
          event: text(),
          logIndex: int({ description: 'Within its block' }),
          transactionHash: text(),
          address: text({ description: 'The pair, with EIP-55 capitals' }),
          blockNumber: int(),
          token0_amount: amount('token 0'),
          token1_amount: amount('token 1'),
          timestamp: int({ unit: 'seconds', description: 'Of its block, Unix time' }),
          trade_amount_usd: amount('USD'),
        }),
      ),
      trades: TRADE,
    },
    { description },
  )
const SCHEMA = object({
  ...PAIR_FIELDS,
  totalTrade: float({ unit: 'USD', description: 'Value of all swaps' }),
  totalFee: float({ unit: 'USD', description: 'What was charged for them' }),
  token0TradeVolume: float({ unit: 'token 0', description: 'Swapped of token 0' }),
  token1TradeVolume: float({ unit: 'token 1', description: 'Swapped of token 1' }),
  token0TradeVolumeUSD: float({ unit: 'USD', description: 'Value of what was swapped of token 0' }),
  token1TradeVolumeUSD: float({ unit: 'USD', description: 'Value of what was swapped of token 1' }),
  events: object({
    Swap: eventsWith(
      { sender: account, amount0In: int(), amount1In: int(), amount0Out: int(), amount1Out: int(), to: account },
      'Swaps, the only ones that count in the totals',
    ),
    Mint: eventsWith({ sender: account, amount0: int(), amount1: int() }, 'Liquidity added'),
    Burn: eventsWith({ sender: account, amount0: int(), amount1: int(), to: account }, 'Liquidity taken out'),
    Trades: TRADE,
  }),
})

/** How raw amounts of one pair become tokens and USD. */
interface Pricing {
  readonly decimals: readonly [number, number]
  readonly prices: readonly [ByBlock<number>, ByBlock<number>]
  readonly timestamps: ByBlock<number>
  readonly feeOn: UniswapV2Config['feeOn']
}

/** Swaps, mints and burns of a pair within the epoch, each valued in USD at its block, with totals of the swaps (spec/08 §4). */
export function tradeVolume(config: UniswapV2Config): SnapshotCompute {
  return {
    projectType: TRADE_VOLUME,
    schema: SCHEMA,
    description: 'Swaps, mints and burns of a pair within the epoch, valued in USD',
    dataSources: config.pairs,
    ...joiningPairs(config),
    preloads: [BLOCK_DETAILS, ETH_PRICE],
    async compute({ epoch, dataSource, source, preloaded }) {
      const contract = pairAddress(dataSource)
      const pair = contract.toLowerCase()
      const [pricing, logs] = await Promise.all([
        pricingOf(pair, { epoch, source, preloaded, config }),
        source.events({ address: pair, events: Object.values(EVENTS), fromBlock: epoch.begin, toBlock: epoch.end }),
      ])
      const { events, total } = tallied(logs, pricing)
      return {
        contract,
        chainHeightRange: { begin: BigInt(epoch.begin), end: BigInt(epoch.end) },
        timestamp: BigInt(atBlock(pricing.timestamps, epoch.end)),
        totalTrade: roundHalfEven(total.totalTradesUSD, TOTAL_DIGITS),
        totalFee: roundHalfEven(total.totalFeeUSD, TOTAL_DIGITS),
        token0TradeVolume: roundHalfEven(total.token0TradeVolume, TOTAL_DIGITS),
        token1TradeVolume: roundHalfEven(total.token1TradeVolume, TOTAL_DIGITS),
        token0TradeVolumeUSD: roundHalfEven(total.token0TradeVolumeUSD, TOTAL_DIGITS),
        token1TradeVolumeUSD: roundHalfEven(total.token1TradeVolumeUSD, TOTAL_DIGITS),
        events,
      }
    },
  }
}

async function pricingOf(
  pair: string,
  {
    epoch,
    source,
    preloaded,
    config,
  }: { epoch: ComputeEpoch; source: SourceReader; preloaded: ReadonlyMap<string, unknown>; config: UniswapV2Config },
): Promise<Pricing> {
  const ethPrices = preloadedBy<number>(preloaded, ETH_PRICE)
  const [token0, token1] = await tokensOf(pair, { source, blockNumber: epoch.begin })
  return {
    decimals: [token0.decimals, token1.decimals],
    prices: await Promise.all([
      tokenPrices({ token: token0, epoch, source, config, ethPrices }),
      tokenPrices({ token: token1, epoch, source, config, ethPrices }),
    ]),
    timestamps: preloadedBy<number>(preloaded, BLOCK_DETAILS),
    feeOn: config.feeOn,
  }
}

/** Doubles are added in log order, transaction by transaction: another order would be another result. */
function tallied(logs: readonly ChainEvent[], pricing: Pricing): { events: JsonValue; total: Trade } {
  const perEvent: Record<EventName, { logs: JsonValue[]; trades: Trade }> = {
    Swap: { logs: [], trades: NO_TRADE },
    Mint: { logs: [], trades: NO_TRADE },
    Burn: { logs: [], trades: NO_TRADE },
  }
  let total = NO_TRADE
  for (const transaction of byTransaction(logs)) {
    let swapped = NO_TRADE
    for (const log of transaction) {
      const { trade, entry } = valued(log, pricing)
      const event = perEvent[log.name as EventName]
      event.logs.push(entry)
      event.trades = added(event.trades, trade)
      if (log.name === 'Swap') swapped = added(swapped, trade)
    }
    // Peers take the absolute value of each transaction here; every part of a swap already is one.
    total = added(total, swapped)
  }
  const inJson = ({ logs: entries, trades }: { logs: JsonValue[]; trades: Trade }): JsonValue => ({ logs: entries, trades: { ...trades } })
  return { events: { Swap: inJson(perEvent.Swap), Mint: inJson(perEvent.Mint), Burn: inJson(perEvent.Burn), Trades: { ...total } }, total }
}

/** Logs grouped by transaction in first-seen order; within one, swaps before mints before burns, otherwise in log order. */
function byTransaction(logs: readonly ChainEvent[]): readonly (readonly ChainEvent[])[] {
  for (const { name } of logs) if (!Object.hasOwn(EVENTS, name)) throw new Error(`event ${name} was not asked for`)
  const rank = (log: ChainEvent): number => EVENT_ORDER.indexOf(log.name as EventName)
  const groups = Map.groupBy(logs, (log) => log.transactionHash)
  return Array.from(groups.values(), (group) => group.toSorted((left, right) => rank(left) - rank(right)))
}

function valued(log: ChainEvent, pricing: Pricing): { trade: Trade; entry: JsonValue } {
  const block = log.blockNumber
  const tokens = (side: 0 | 1, name: string): Amount => {
    const raw = log.args[name]
    if (typeof raw !== 'bigint') throw new Error(`${log.name} at block ${block} has no amount ${name}`)
    return raw === 0n ? 0n : scaled(raw, pricing.decimals[side])
  }
  const usd = (side: 0 | 1, amount: Amount): Amount => (amount === 0n ? 0n : amount * atBlock(pricing.prices[side], block))
  const side = (index: 0 | 1): { amount: Amount; usd: Amount } => {
    if (log.name !== 'Swap') {
      const amount = tokens(index, `amount${index}`)
      return { amount, usd: usd(index, amount) }
    }
    const [outgoing, incoming] = [tokens(index, `amount${index}Out`), tokens(index, `amount${index}In`)]
    return { amount: distance(outgoing, incoming), usd: distance(usd(index, outgoing), usd(index, incoming)) }
  }
  const [side0, side1] = [side(0), side(1)]
  const tradeUsd = log.name === 'Swap' ? largerUsd(side0.usd, side1.usd) : sum(side0.usd, side1.usd)
  const trade = {
    totalTradesUSD: Number(tradeUsd),
    totalFeeUSD:
      log.name === 'Swap' ? feeOf(pricing.feeOn, { tradeUsd: Number(tradeUsd), usd0: Number(side0.usd), usd1: Number(side1.usd) }) : 0,
    token0TradeVolume: Number(side0.amount),
    token1TradeVolume: Number(side1.amount),
    token0TradeVolumeUSD: Number(side0.usd),
    token1TradeVolumeUSD: Number(side1.usd),
  }
  const entry = {
    args: printed(log.args),
    event: log.name,
    logIndex: BigInt(log.logIndex),
    transactionHash: log.transactionHash,
    address: checksummed(log.address),
    blockNumber: BigInt(block),
    token0_amount: side0.amount,
    token1_amount: side1.amount,
    timestamp: BigInt(atBlock(pricing.timestamps, block)),
    trade_amount_usd: tradeUsd,
  }
  return { trade, entry }
}

/** The larger side, or the one that is not zero when the other has no price. */
function largerUsd(usd0: Amount, usd1: Amount): Amount {
  if (Number(usd0) !== 0 && Number(usd1) !== 0) return Number(usd1) > Number(usd0) ? usd1 : usd0
  return Number(usd1) !== 0 ? usd1 : usd0
}

function feeOf(feeOn: UniswapV2Config['feeOn'], { tradeUsd, usd0, usd1 }: { tradeUsd: number; usd0: number; usd1: number }): number {
  if (feeOn === 'trade') return tradeUsd * FEE_SHARE
  return (usd1 === 0 ? usd0 : usd1) * FEE_SHARE
}

const distance = (left: Amount, right: Amount): Amount => (left === 0n && right === 0n ? 0n : Math.abs(Number(left) - Number(right)))
const sum = (left: Amount, right: Amount): Amount => (left === 0n && right === 0n ? 0n : Number(left) + Number(right))

/** Event arguments as Python's web3 prints them: integers plain, accounts with EIP-55 capitals. */
function printed(args: ChainEvent['args']): JsonValue {
  const isAccount = (name: string): boolean => name === 'sender' || name === 'to'
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, isAccount(name) ? checksummed(String(value)) : value]))
}

function added(left: Trade, right: Trade): Trade {
  return {
    totalTradesUSD: left.totalTradesUSD + right.totalTradesUSD,
    totalFeeUSD: left.totalFeeUSD + right.totalFeeUSD,
    token0TradeVolume: left.token0TradeVolume + right.token0TradeVolume,
    token1TradeVolume: left.token1TradeVolume + right.token1TradeVolume,
    token0TradeVolumeUSD: left.token0TradeVolumeUSD + right.token0TradeVolumeUSD,
    token1TradeVolumeUSD: left.token1TradeVolumeUSD + right.token1TradeVolumeUSD,
  }
}
