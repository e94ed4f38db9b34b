import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { decodeEventLog, keccak256, parseAbi, toEventSelector } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type UniswapV2Config, uniswapV2 } from 'weft/computes/uniswap-v2'
import type { ComputeEpoch, JsonValue } from '#domain/compute.ts'
import type { WeftError } from '#domain/errors.ts'
import { parseAddress } from '#domain/ids.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { connectSourceChain } from '#io/chain/source/source.ts'
import { systemClock } from '#io/clock/system.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { type Anvil, startAnvil } from '../anvil.ts'
import { symbolOf } from '../../../computes/uniswap-v2/contracts.ts'
import { deployUniswap } from './deploy.ts'
import { readerOf } from './reader.test-world.ts'
import { createTrader, startTrader } from './trader.ts'
import { BLOCKS_PER_ROUND } from './trades.ts'
import { TRADERS } from './transactions.ts'

const CHAIN_ID = 31_337
const EVENTS = parseAbi([
  'event Swap(address indexed sender, uint256 amount0In, uint256 amount1In, uint256 amount0Out, uint256 amount1Out, address indexed to)',
  'event Mint(address indexed sender, uint256 amount0, uint256 amount1)',
  'event Burn(address indexed sender, uint256 amount0, uint256 amount1, address indexed to)',
])
const TOPICS = EVENTS.map((event) => toEventSelector(event))

interface Place {
  readonly anvil: Anvil
  readonly rpc: Rpc
  readonly market: UniswapV2Config
}

async function startMarket(): Promise<Place> {
  const anvil = await startAnvil({ chainId: CHAIN_ID })
  const { market } = await deployUniswap({ rpcUrl: anvil.rpcUrl })
  return { anvil, rpc: createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock }), market }
}
const height = async ({ rpc }: Place): Promise<number> => Number(await rpc.call('eth_blockNumber', []))

type RawLog = { address: string; blockNumber: string; transactionHash: string; topics: [`0x${string}`]; data: `0x${string}` }
async function logsOf({ rpc, market }: Place, fromBlock: number, toBlock: number): Promise<RawLog[]> {
  const filter = { address: market.pairs, topics: [TOPICS], fromBlock: `0x${fromBlock.toString(16)}`, toBlock: `0x${toBlock.toString(16)}` }
  return (await rpc.call('eth_getLogs', [filter])) as RawLog[]
}

async function snapshotsOf(place: Place, epoch: ComputeEpoch): Promise<Map<string, Map<string, JsonValue>>> {
  const source = readerOf(await connectSourceChain({ rpcUrl: place.anvil.rpcUrl, chainId: CHAIN_ID, clock: systemClock }))
  const computes = uniswapV2.create(place.market)
  const preloaded = new Map<string, unknown>()
  for (const { taskType, preload } of computes.preloads) preloaded.set(taskType, await preload({ epoch, source }))
  const found = new Map<string, Map<string, JsonValue>>()
  for (const { projectType, dataSources, compute } of computes.snapshots) {
    const byPair = new Map<string, JsonValue>()
    for (const dataSource of dataSources) byPair.set(dataSource, await compute({ epoch, dataSource, source, preloaded }))
    found.set(projectType, byPair)
  }
  return found
}

let place: Place
beforeAll(async () => {
  place = await startMarket()
})
afterAll(() => place.anvil.stop())

test('the router looks for pairs where this factory puts them', () => {
  const artifact = (path: string) => JSON.parse(readFileSync(createRequire(import.meta.url).resolve(path), 'utf8')) as { bytecode: string }
  const pair = artifact('@uniswap/v2-core/build/UniswapV2Pair.json').bytecode.replace(/^0x/, '')
  const initCodeHash = keccak256(`0x${pair}`).slice(2)
  expect(artifact('@uniswap/v2-periphery/build/UniswapV2Router02.json').bytecode).toContain(initCodeHash)
  expect(artifact('@uniswap/v2-core/build/UniswapV2Factory.json').bytecode).toContain(pair)
})

describe('ten traded blocks', () => {
  const troubles: WeftError[] = []
  let epoch: ComputeEpoch

  beforeAll(async () => {
    const begin = (await height(place)) + 1
    const trader = await createTrader(
      { rpcUrl: place.anvil.rpcUrl, market: place.market, seed: 3 },
      { clock: systemClock, onTrouble: (failure) => troubles.push(failure) },
    )
    for (let block = 0; block < 10; block++) await trader.tradeBlock()
    epoch = { epochId: 1, begin, end: begin + 9 }
  })

  test('one block each, every one with events, every pair touched each round, nothing failed', async () => {
    expect(troubles).toEqual([])
    expect(await height(place)).toBe(epoch.end)
    const logs = await logsOf(place, epoch.begin, epoch.end)
    expect(new Set(logs.map(({ blockNumber }) => Number(blockNumber))).size).toBe(10)
    for (let start = epoch.begin; start + BLOCKS_PER_ROUND <= epoch.end + 1; start += BLOCKS_PER_ROUND) {
      const round = logs.filter(({ blockNumber }) => Number(blockNumber) >= start && Number(blockNumber) < start + BLOCKS_PER_ROUND)
      expect(new Set(round.map(({ address }) => address)).size).toBe(place.market.pairs.length)
    }
  })

  test('the same seed makes the same events on another chain', async () => {
    const other = await startMarket()
    try {
      expect(other.market).toEqual(place.market)
      const trader = await createTrader(
        { rpcUrl: other.anvil.rpcUrl, market: other.market, seed: 3 },
        { clock: systemClock, onTrouble: (failure) => troubles.push(failure) },
      )
      for (let block = 0; block < 10; block++) await trader.tradeBlock()
      const told = (logs: RawLog[]) => logs.map(({ address, blockNumber, topics, data }) => [address, blockNumber, topics[0], data])
      expect(told(await logsOf(other, epoch.begin, epoch.end))).toEqual(told(await logsOf(place, epoch.begin, epoch.end)))
    } finally {
      await other.anvil.stop()
    }
  })

  test('computed twice, the snapshots are the same bytes, with prices as deployed', async () => {
    const [first, second] = [await snapshotsOf(place, epoch), await snapshotsOf(place, epoch)]
    for (const [type, byPair] of first) {
      for (const [pair, snapshot] of byPair)
        expect(canonicalJson(snapshot)).toEqual(canonicalJson(second.get(type)?.get(pair) as JsonValue))
    }
    const reserves = first.get('pairContract_pair_total_reserves') as unknown as Map<string, PriceMaps>
    const dearest = [...reserves.values()].map(({ token0Prices, token1Prices }) =>
      Math.max(...Object.values(token0Prices), ...Object.values(token1Prices)),
    )
    const deployed = [3_000, 3_000, 3_000, 60_000, 8, 15]
    for (const [index, price] of dearest.entries()) expect(Math.abs(price / (deployed[index] as number) - 1)).toBeLessThan(0.05)
  })

  test('volumes and fees agree with the raw logs', async () => {
    const snapshots = await snapshotsOf(place, epoch)
    const logs = await logsOf(place, epoch.begin, epoch.end)
    for (const [pair, snapshot] of snapshots.get('pairContract_trade_volume') as Map<string, Volumes>) {
      const prices = snapshots.get('pairContract_pair_total_reserves')?.get(pair) as unknown as PriceMaps
      const scale = await decimalsOf(place, pair)
      const expected = { amount0: 0, amount1: 0, usd: 0, fee: 0, Swap: 0, Mint: 0, Burn: 0 }
      for (const log of logs.filter(({ address }) => address === pair)) {
        const { eventName, args } = decodeEventLog({ abi: EVENTS, ...log })
        expected[eventName]++
        if (eventName !== 'Swap' || args === undefined) continue
        const block = `block${Number(log.blockNumber)}`
        const amount0 = Number(args.amount0In + args.amount0Out) / 10 ** scale[0]
        const amount1 = Number(args.amount1In + args.amount1Out) / 10 ** scale[1]
        const usd = Math.max(amount0 * (prices.token0Prices[block] as number), amount1 * (prices.token1Prices[block] as number))
        expected.amount0 += amount0
        expected.amount1 += amount1
        expected.usd += usd
        expected.fee += usd * 0.003
      }
      expect(snapshot.token0TradeVolume).toBeCloseTo(expected.amount0, 5)
      expect(snapshot.token1TradeVolume).toBeCloseTo(expected.amount1, 5)
      expect(snapshot.totalTrade).toBeCloseTo(expected.usd, 4)
      expect(snapshot.totalFee).toBeCloseTo(expected.fee, 5)
      const counts = [snapshot.events.Swap, snapshot.events.Mint, snapshot.events.Burn].map((event) => event.logs.length)
      expect(counts).toEqual([expected.Swap, expected.Mint, expected.Burn])
    }
  })
})

interface PriceMaps {
  readonly token0Prices: Readonly<Record<string, number>>
  readonly token1Prices: Readonly<Record<string, number>>
}
interface Volumes {
  readonly [field: string]: JsonValue
  readonly totalTrade: number
  readonly totalFee: number
  readonly token0TradeVolume: number
  readonly token1TradeVolume: number
  readonly events: Readonly<Record<'Swap' | 'Mint' | 'Burn', { readonly logs: readonly JsonValue[] }>>
}

async function decimalsOf({ anvil }: Place, pair: string): Promise<[number, number]> {
  const chain = await connectSourceChain({ rpcUrl: anvil.rpcUrl, chainId: CHAIN_ID, clock: systemClock })
  const { number: blockNumber } = await chain.head()
  const read = async (address: string, signature: string) =>
    (await chain.read({ address: parseAddress(address), function: signature, args: [], blockNumber }))[0]
  const tokens = [
    await read(pair, 'function token0() view returns (address)'),
    await read(pair, 'function token1() view returns (address)'),
  ]
  const [decimals0, decimals1] = await Promise.all(tokens.map((token) => read(String(token), 'function decimals() view returns (uint8)')))
  return [Number(decimals0), Number(decimals1)]
}

test.each<[string, string, string | undefined]>([
  ['answers 32 bytes', `0x7f${'4d4b52'.padEnd(64, '0')}5f5260205ff3`, 'MKR'],
  ['answers a text that is no UTF-8', '0x60205f52600160205260ff60405360605ff3', '\ufffd'],
  ['answers nothing', '0x00', undefined],
  ['reverts', '0x5f5ffd', undefined],
  ['has no function of that name, as before Solidity 0.4.10', '0xfe', undefined],
  ['jumps nowhere, as before that', '0x5f56', undefined],
  ['has no code', '0x', undefined],
])('a real token that %s has a name all the same', async (_title, code, name) => {
  const token = `0x${'0d'.repeat(20)}`
  await place.rpc.call('anvil_setCode', [token, code])
  const source = readerOf(await connectSourceChain({ rpcUrl: place.anvil.rpcUrl, chainId: CHAIN_ID, clock: systemClock }))
  expect(await symbolOf(token, { source, blockNumber: await height(place) })).toBe(name ?? token)
})

describe('a trader in trouble', () => {
  test('tells of trades that revert and mines all the same', async () => {
    const troubles: WeftError[] = []
    const market = { ...place.market, router: place.market.factory }
    const trader = await createTrader(
      { rpcUrl: place.anvil.rpcUrl, market, seed: 1 },
      { clock: systemClock, onTrouble: (failure) => troubles.push(failure) },
    )
    const before = await height(place)
    await trader.tradeBlock()
    expect(await height(place)).toBe(before + 1)
    expect(troubles.length).toBeGreaterThan(0)
    expect(troubles.every(({ code, facts }) => code === 'CALL_REVERTED' && (facts as { reason?: string }).reason === 'reverted')).toBe(true)
  })

  test('tells of trades that are refused, and trades on once they are not', async () => {
    const troubles: WeftError[] = []
    const deps = { clock: systemClock, onTrouble: (failure: WeftError) => troubles.push(failure) }
    const trader = await createTrader({ rpcUrl: place.anvil.rpcUrl, market: place.market, seed: 1 }, deps)
    const everyTrader = (method: string) => place.rpc.all(TRADERS.map((account) => ({ method, params: [account] })))
    await everyTrader('anvil_stopImpersonatingAccount')
    for (let block = 0; block < BLOCKS_PER_ROUND; block++) await trader.tradeBlock()
    expect(troubles.length).toBeGreaterThan(0)
    await everyTrader('anvil_impersonateAccount')
    troubles.length = 0
    const before = await height(place)
    for (let block = 0; block < BLOCKS_PER_ROUND; block++) await trader.tradeBlock()
    expect(troubles).toEqual([])
    expect(new Set((await logsOf(place, before + 1, before + BLOCKS_PER_ROUND)).map(({ address }) => address)).size).toBe(
      place.market.pairs.length,
    )
  })

  test('keeps its pace, outlives the chain, and stops when asked', async () => {
    const other = await startMarket()
    const troubles: WeftError[] = []
    const deps = { clock: systemClock, onTrouble: (failure: WeftError) => troubles.push(failure) }
    const running = await startTrader({ rpcUrl: other.anvil.rpcUrl, market: other.market, seed: 1, blockTimeMs: 20 }, deps)
    const before = await height(other)
    await expect.poll(() => height(other), { timeout: 20_000 }).toBeGreaterThan(before + 5)
    expect(troubles).toEqual([])
    await other.anvil.stop()
    await expect.poll(() => troubles.map(({ code }) => code), { timeout: 20_000 }).toContain('CHAIN_UNREACHABLE')
    await running.stop()
  })
})
