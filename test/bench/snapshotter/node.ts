import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { encodeAbiParameters, encodeEventTopics, parseAbi, toFunctionSelector } from 'viem'
import type { UniswapV2Config } from 'weft/computes/uniswap-v2'
import { runMulticall } from '#io/chain/source/multicall.test-node.ts'
import { hashOf, hex, headerOf } from '#io/chain/rpc/scripted.test-node.ts'

/**
 * An endpoint in a process of its own, so many milliseconds away, with all answers ready: a Uniswap V2 of so many pairs. Of ten pairs nine are
 * of a token with WETH, one with DAI, through which its token is priced.
 */

export const CHAIN_ID = 31_338
export const EPOCH = { epochId: 1, begin: 101, end: 110 }
const HEAD = 200

const address = (number: number) => `0x${number.toString(16).padStart(40, '0')}`
const [FACTORY, ROUTER, DAI, USDC, WETH, USDT] = [0xf1, 0xf2, 0xa1, 0xa2, 0xa3, 0xa4].map(address) as [
  string,
  string,
  string,
  string,
  string,
  string,
]
const E18 = 10n ** 18n

interface Pair {
  readonly address: string
  readonly tokens: readonly [string, string]
}
function pairsOf(count: number): Pair[] {
  const stable = [DAI, USDC, USDT].map((token, index) => ({
    address: address(0xb0 + index),
    tokens: [token, WETH].sort() as [string, string],
  }))
  const others = Array.from({ length: Math.max(0, count - stable.length) }, (_, index) => ({
    address: address(0x20000 + index),
    tokens: [index % 10 === 9 ? DAI : WETH, address(0x10000 + index)] as const,
  }))
  return [...stable, ...others]
}

export function configOf(count: number): UniswapV2Config {
  const pairs = pairsOf(count).map((pair) => pair.address)
  const [daiWethPair, usdcWethPair, wethUsdtPair] = pairs as [string, string, string]
  const whitelist = [WETH, DAI, USDC, USDT]
  return {
    factory: FACTORY,
    router: ROUTER,
    weth: WETH,
    dai: DAI,
    usdc: USDC,
    usdt: USDT,
    daiWethPair,
    usdcWethPair,
    wethUsdtPair,
    whitelist,
    pairs,
    feeOn: 'trade',
  }
}

interface Call {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
}

const selector = (signature: string) => toFunctionSelector(`function ${signature}`)
const SELECTORS = new Map(
  ['token0()', 'token1()', 'decimals()', 'getReserves()', 'getPair(address,address)', 'getAmountsOut(uint256,address[])'].map(
    (signature) => [selector(signature), signature],
  ),
)
const word = (value: bigint | number | string) => (typeof value === 'string' ? value.slice(2) : value.toString(16)).padStart(64, '0')
const SWAP = parseAbi([
  'event Swap(address indexed sender, uint256 amount0In, uint256 amount1In, uint256 amount0Out, uint256 amount1Out, address indexed to)',
])
const TOPICS = encodeEventTopics({
  abi: SWAP,
  eventName: 'Swap',
  args: { sender: address(7) as `0x${string}`, to: address(8) as `0x${string}` },
})

function createChain(count: number) {
  const pairs = pairsOf(count)
  const byAddress = new Map(pairs.map((pair) => [pair.address, pair]))
  const byTokens = new Map(
    pairs.flatMap(({ address, tokens: [left, right] }) => [
      [`${left}${right}`, address],
      [`${right}${left}`, address],
    ]),
  )
  const view = (block: number, { to, data }: { readonly to: string; readonly data: string }): string | undefined => {
    const pair = byAddress.get(to)
    switch (SELECTORS.get(data.slice(0, 10) as `0x${string}`)) {
      case 'token0()':
        return pair && `0x${word(pair.tokens[0])}`
      case 'token1()':
        return pair && `0x${word(pair.tokens[1])}`
      case 'decimals()':
        return `0x${word(18)}`
      case 'getReserves()':
        return `0x${word(3_000_000n * E18 + BigInt(block))}${word(1_000n * E18 + BigInt(block))}${word(0)}`
      case 'getPair(address,address)':
        return `0x${word(byTokens.get(`0x${data.slice(34, 74)}0x${data.slice(98, 138)}`) ?? '0x0')}`
      case 'getAmountsOut(uint256,address[])':
        return encodeAbiParameters([{ type: 'uint256[]' }], [[E18, E18 / 3_000n]])
      default:
        return undefined
    }
  }
  const numbers = new Map(Array.from({ length: HEAD + 1 }, (_, number) => [headerOf(number).hash as string, number]))
  const blockOf = (place: unknown): number =>
    typeof place === 'string' ? Number(place) : (numbers.get((place as { readonly blockHash: string }).blockHash) as number)
  const data = encodeAbiParameters(Array(4).fill({ type: 'uint256' }), [E18, 0n, 0n, 2_900n * E18])
  const logsIn = ({
    address: wanted,
    fromBlock,
    toBlock,
  }: {
    readonly address: string | readonly string[]
    readonly fromBlock: string
    readonly toBlock: string
  }) =>
    [wanted].flat().flatMap((address) => {
      const block = EPOCH.begin + (Number(address) % 10)
      if (block < Number(fromBlock) || block > Number(toBlock)) return []
      const place = {
        blockNumber: hex(block),
        blockHash: headerOf(block).hash,
        logIndex: hex(Number(address) % 1_000),
        transactionIndex: '0x0',
        removed: false,
      }
      return [{ address, data, topics: TOPICS, transactionHash: hashOf(`swap ${address}`), ...place }]
    })
  return ({ method, params }: Call): unknown => {
    if (method === 'eth_chainId') return hex(CHAIN_ID)
    if (method === 'eth_getLogs') return logsIn(params[0] as Parameters<typeof logsIn>[0])
    if (method === 'eth_getBlockByNumber') return headerOf(params[0] === 'latest' ? HEAD : Number(params[0]))
    const [call, place, overrides] = params as [{ readonly to: string; readonly data: string }, unknown, unknown]
    const answer = (each: { readonly to: string; readonly data: string }) => view(blockOf(place), each)
    return overrides === undefined ? answer(call) : runMulticall(call.data, answer)
  }
}

async function serve(count: number, awayMs: number): Promise<void> {
  const resultOf = createChain(count)
  let [posts, calls] = [0, 0]
  const server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString()) as Call | Call[]
    posts += 1
    calls += [body].flat().length
    const answers = [body].flat().map((call) => ({ jsonrpc: '2.0', id: call.id, result: resultOf(call) }))
    await pause(awayMs)
    response.setHeader('content-type', 'application/json').end(JSON.stringify(Array.isArray(body) ? answers : answers[0]))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send?.({ port: (server.address() as AddressInfo).port })
  process.on('message', () => {
    process.send?.({ posts, calls })
    posts = 0
    calls = 0
  })
  process.on('disconnect', () => process.exit())
}

export interface Node {
  readonly url: string
  /** What came since the last time. */
  asked(): Promise<{ readonly posts: number; readonly calls: number }>
  stop(): void
}

export async function startNode(pairs: number, awayMs: number): Promise<Node> {
  const child = fork(import.meta.filename, ['serve', String(pairs), String(awayMs)])
  const [{ port }] = (await once(child, 'message')) as [{ readonly port: number }]
  return {
    url: `http://127.0.0.1:${port}`,
    async asked() {
      child.send({})
      return ((await once(child, 'message')) as [{ posts: number; calls: number }])[0]
    },
    stop: () => void child.kill(),
  }
}

if (process.argv[2] === 'serve' && process.argv[1] === import.meta.filename) await serve(Number(process.argv[3]), Number(process.argv[4]))
