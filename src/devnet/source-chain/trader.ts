import { toFunctionSelector } from 'viem/utils'
import type { UniswapV2Config } from 'weft/computes/uniswap-v2'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Lending } from './aave.ts'
import { lendingOf } from './lending.ts'
import { type Pool, seededRandom, type Trade, tradesOf } from './trades.ts'
import { call, type Hex, NO_DEADLINE, outcomes, PROVIDER, ROUTER_ABI, type Sent, send, TRADERS, type Transaction } from './transactions.ts'

export interface TraderOptions {
  /** A chain that mines on request, on which `deployUniswap` has made `market`. */
  readonly rpcUrl: string
  readonly market: UniswapV2Config
  /** Where there is lending too, of `seedLending`. */
  readonly lending?: Lending
  /** The same seed makes the same trades. */
  readonly seed: number
}

export interface TraderDeps {
  readonly clock: Clock
  /** Told of every trade that failed and of every block that could not be mined; trading goes on. */
  onTrouble(failure: WeftError): void
}

export interface Trader {
  /** Trades once and mines exactly one block, also when trades fail. Throws `CHAIN_UNREACHABLE` or `CHAIN_ANSWER_INVALID` when the block could not be mined. */
  tradeBlock(): Promise<void>
  /** One block per interval until the signal aborts; then resolves. */
  start(options: { readonly blockTimeMs: number; readonly signal: AbortSignal }): Promise<void>
}

/** What is read of a pair; every answer is whole 32-byte words. */
const VIEWS = {
  token0: toFunctionSelector('token0()'),
  token1: toFunctionSelector('token1()'),
  getReserves: toFunctionSelector('getReserves()'),
  totalSupply: toFunctionSelector('totalSupply()'),
} as const

/** Reads the pairs as they are now: their prices are the ones it keeps near. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export async function createTrader({ rpcUrl, market, lending, seed }: TraderOptions, { clock, onTrouble }: TraderDeps): Promise<Trader> {
  const rpc = createRpc({ rpcUrl, pause: clock })
  const random = seededRandom(seed)
  // Of its own, so that the trades are the same with lending and without.
  const randomLoan = seededRandom(seed)
  const first = await Promise.all(market.pairs.map((pair) => firstPool(rpc, pair)))
  let round = 0

  async function trade(): Promise<readonly Sent[]> {
    const pools = await Promise.all(first.map((pool) => poolNow(rpc, pool)))
    const trades = tradesOf(pools, { round, traders: TRADERS.length, random })
    const loans = lending === undefined ? [] : lendingOf(lending, { round, random: randomLoan })
    return send(rpc, [...trades.map((each) => transactionOf(each, market.router as Hex)), ...loans])
  }

  async function reportFailed(sent: readonly Sent[]): Promise<void> {
    const refused = sent.filter((each) => 'refusal' in each)
    const taken = sent.filter((each) => 'hash' in each)
    const found = await outcomes(
      rpc,
      taken.map(({ hash }) => hash),
    )
    const failures = [
      ...refused.map(({ refusal }) => refusal),
      ...found.filter((outcome) => outcome !== 'done').map((outcome) => outcome ?? 'not mined'),
    ]
    for (const reason of failures) onTrouble(new WeftError('CALL_REVERTED', { call: `trade of round ${round}`, reason }))
    // What waits behind a gap of nonces would come in at some later block, or never.
    if (failures.length > 0) await rpc.call('anvil_dropAllTransactions', [])
  }

  /** The value, or `undefined` after telling of the failure. */
  async function attempted<Value>(work: Promise<Value>): Promise<Value | undefined> {
    try {
      return await work
    } catch (failure) {
      onTrouble(
        isWeftError(failure)
          ? failure
          : new WeftError('CALL_REVERTED', { call: `trade of round ${round}`, reason: String(failure) }, failure),
      )
      return undefined
    }
  }

  // The block comes after the trades, so that they are in it, and whatever became of them: epochs need blocks.
  async function tradeBlock(): Promise<void> {
    const sent = await attempted(trade())
    await rpc.call('evm_mine', [])
    if (sent !== undefined) await attempted(reportFailed(sent))
    round++
  }

  async function start({ blockTimeMs, signal }: { readonly blockTimeMs: number; readonly signal: AbortSignal }): Promise<void> {
    let dueMs = clock.nowMs()
    while (!signal.aborted) {
      await attempted(tradeBlock())
      // Late blocks are not made up for: a burst would crowd the epochs that follow.
      dueMs = Math.max(dueMs + blockTimeMs, clock.nowMs())
      await untilDue(dueMs - clock.nowMs(), signal)
    }
  }

  async function untilDue(durationMs: number, signal: AbortSignal): Promise<void> {
    try {
      await clock.sleep(durationMs, signal)
    } catch (reason) {
      if (!signal.aborted) throw reason
    }
  }

  return { tradeBlock, start }
}

/** A trader at work. */
export interface RunningTrader {
  /** Resolves when the block under way is done. */
  stop(): Promise<void>
}

/** `createTrader`, trading at once, one block per `blockTimeMs`. */
export async function startTrader(options: TraderOptions & { readonly blockTimeMs: number }, deps: TraderDeps): Promise<RunningTrader> {
  const trader = await createTrader(options, deps)
  const stopping = new AbortController()
  const ended = trader.start({ blockTimeMs: options.blockTimeMs, signal: stopping.signal })
  return {
    async stop() {
      stopping.abort()
      await ended
    },
  }
}

async function words(rpc: Rpc, pair: string, view: keyof typeof VIEWS): Promise<readonly bigint[]> {
  const answer = String(await rpc.call('eth_call', [{ to: pair, data: VIEWS[view] }, 'latest']))
  const found = answer
    .slice(2)
    .match(/[0-9a-f]{64}/g)
    ?.map((word) => BigInt(`0x${word}`))
  if (found === undefined) throw new WeftError('CONTRACT_UNKNOWN', { what: 'Uniswap V2 pair', address: pair })
  return found
}

async function firstPool(rpc: Rpc, pair: string): Promise<Pool> {
  const [[token0], [token1], [fair0, fair1]] = (await Promise.all([
    words(rpc, pair, 'token0'),
    words(rpc, pair, 'token1'),
    words(rpc, pair, 'getReserves'),
  ])) as [[bigint], [bigint], [bigint, bigint]]
  const addressOf = (word: bigint): Hex => `0x${word.toString(16).padStart(40, '0')}`
  return poolNow(rpc, {
    pair,
    token0: addressOf(token0),
    token1: addressOf(token1),
    reserve0: fair0,
    reserve1: fair1,
    shares: 0n,
    fair0,
    fair1,
  })
}

async function poolNow(rpc: Rpc, pool: Pool): Promise<Pool> {
  const [[reserve0, reserve1], [shares]] = (await Promise.all([
    words(rpc, pool.pair, 'getReserves'),
    words(rpc, pool.pair, 'totalSupply'),
  ])) as [[bigint, bigint], [bigint]]
  return { ...pool, reserve0, reserve1, shares }
}

function transactionOf(trade: Trade, router: Hex): Transaction {
  switch (trade.kind) {
    case 'swap': {
      const trader = TRADERS[trade.trader] as Hex
      const args = [trade.amountIn, 0n, [trade.tokenIn, trade.tokenOut], trader, NO_DEADLINE]
      return call(trader, router, { abi: ROUTER_ABI, functionName: 'swapExactTokensForTokens', args })
    }
    case 'mint': {
      const args = [trade.token0, trade.token1, trade.amount0, trade.amount1, 0n, 0n, PROVIDER, NO_DEADLINE]
      return call(PROVIDER, router, { abi: ROUTER_ABI, functionName: 'addLiquidity', args })
    }
    case 'burn': {
      const args = [trade.token0, trade.token1, trade.shares, 0n, 0n, PROVIDER, NO_DEADLINE]
      return call(PROVIDER, router, { abi: ROUTER_ABI, functionName: 'removeLiquidity', args })
    }
  }
}
