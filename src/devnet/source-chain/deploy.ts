import { decodeFunctionResult, encodeFunctionData, parseAbi } from 'viem/utils'
import type { UniswapV2Config } from 'weft/computes/uniswap-v2'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import { type Creations, createCreations, readArtifact } from './artifact.ts'
import { call, equip, execute, GAS_CREATE, type Hex, NO_DEADLINE, PROVIDER, ROUTER_ABI, TRADERS, type Transaction } from './transactions.ts'

/** The published artifacts of Uniswap V2, installed from npm and never copied. */
const UNISWAP = {
  factory: '@uniswap/v2-core/build/UniswapV2Factory.json',
  router: '@uniswap/v2-periphery/build/UniswapV2Router02.json',
  weth: '@uniswap/v2-periphery/build/WETH9.json',
} as const
export const DEVNET_TOKEN = new URL('../../../contracts/artifacts/DevnetToken.json', import.meta.url)

/** WETH is the chain's own; the others are `DevnetToken`s that anyone may mint. */
export const TOKENS = { DAI: 18, USDC: 6, USDT: 6, WBTC: 8, UNI: 18, LINK: 18 } as const
export type TokenName = keyof typeof TOKENS | 'WETH'

/**
 * The first liquidity of each pair in whole tokens, at about 3,000 USD for ETH, 60,000 for WBTC, 8 for UNI and 15 for LINK.
 * The three stable pairs are equally deep and dear, as the ETH price expects. UNI and LINK have no ETH pair: they are priced through the
 * router by way of DAI and USDC.
 */
const POOLS: readonly (readonly [TokenName, number, TokenName, number])[] = [
  ['DAI', 3_000_000, 'WETH', 1_000],
  ['USDC', 3_000_000, 'WETH', 1_000],
  ['WETH', 1_000, 'USDT', 3_000_000],
  ['WBTC', 50, 'WETH', 1_000],
  ['UNI', 250_000, 'DAI', 2_000_000],
  ['LINK', 100_000, 'USDC', 1_500_000],
]
/** Whole tokens given to each account: never used up by trades of thousandths of a pool. */
const PURSE = 1_000_000_000n
const PURSE_WETH = 1_000_000n

const FACTORY_ABI = parseAbi(['function getPair(address, address) view returns (address)'])
export const TOKEN_ABI = parseAbi(['function mint(address, uint256)', 'function approve(address, uint256)', 'function deposit()'])

export type Addresses = Readonly<Record<TokenName, Hex>>

/**
 * Puts Uniswap V2 with six traded pairs on a development chain that mines on request, and returns what the computes need to know of it, and the tokens.
 * Throws `CALL_REVERTED`, `CALL_NOT_SETTLED`, `CHAIN_UNREACHABLE`.
 */
export async function deployUniswap(options: { readonly rpcUrl: string }): Promise<{ market: UniswapV2Config; tokens: Addresses }> {
  const rpc = createRpc({ rpcUrl: options.rpcUrl, pause: systemClock })
  const accounts = [PROVIDER, ...TRADERS]
  await equip(rpc, accounts)
  const { transactions, factory, router, tokens } = await creationsOf(
    Number(await rpc.call('eth_getTransactionCount', [PROVIDER, 'latest'])),
  )
  await execute(rpc, [
    ...transactions,
    ...accounts.flatMap((account) => purse(account, { tokens, router })),
    ...POOLS.map((pool) => poolCreation(pool, { tokens, router })),
  ])
  const pairs = await Promise.all(POOLS.map(([left, , right]) => pairOf(rpc, factory, [tokens[left], tokens[right]])))
  // The provider burns its shares through the router.
  await execute(
    rpc,
    pairs.map((pair) => approval(PROVIDER, { token: pair, router })),
  )
  const market: UniswapV2Config = {
    factory,
    router,
    weth: tokens.WETH,
    dai: tokens.DAI,
    usdc: tokens.USDC,
    usdt: tokens.USDT,
    daiWethPair: pairs[0] as Hex,
    usdcWethPair: pairs[1] as Hex,
    wethUsdtPair: pairs[2] as Hex,
    whitelist: [tokens.WETH, tokens.DAI, tokens.USDC, tokens.USDT],
    pairs,
    feeOn: 'trade',
  }
  return { market, tokens }
}

/** The transactions that create every contract, and where each will be. */
async function creationsOf(
  firstNonce: number,
): Promise<Pick<Creations, 'transactions'> & { factory: Hex; router: Hex; tokens: Addresses }> {
  const { transactions, create } = createCreations(PROVIDER, firstNonce)
  const token = await readArtifact(DEVNET_TOKEN)
  const factory = create(await readArtifact(UNISWAP.factory), [PROVIDER])
  const weth = create(await readArtifact(UNISWAP.weth))
  const router = create(await readArtifact(UNISWAP.router), [factory, weth])
  const named = Object.entries(TOKENS).map(([name, decimals]) => [name, create(token, [`Devnet ${name}`, name, decimals])])
  return { transactions, factory, router, tokens: { ...Object.fromEntries(named), WETH: weth } }
}

interface Exchange {
  readonly tokens: Addresses
  readonly router: Hex
}

/** An account's tokens, and leave for the router to take them. */
function purse(account: Hex, { tokens, router }: Exchange): Transaction[] {
  const deposit = { ...call(account, tokens.WETH, { abi: TOKEN_ABI, functionName: 'deposit', args: [] }), value: PURSE_WETH * 10n ** 18n }
  const mints = Object.entries(TOKENS).map(([name, decimals]) =>
    call(account, tokens[name as TokenName], { abi: TOKEN_ABI, functionName: 'mint', args: [account, PURSE * 10n ** BigInt(decimals)] }),
  )
  return [deposit, ...mints, ...Object.values(tokens).map((token) => approval(account, { token, router }))]
}

function approval(account: Hex, { token, router }: { token: Hex; router: Hex }): Transaction {
  return call(account, token, { abi: TOKEN_ABI, functionName: 'approve', args: [router, 2n ** 256n - 1n] })
}

function poolCreation([left, leftAmount, right, rightAmount]: (typeof POOLS)[number], { tokens, router }: Exchange): Transaction {
  const raw = (name: TokenName, amount: number): bigint => BigInt(amount) * 10n ** BigInt(name === 'WETH' ? 18 : TOKENS[name])
  const args = [tokens[left], tokens[right], raw(left, leftAmount), raw(right, rightAmount), 0n, 0n, PROVIDER, NO_DEADLINE]
  return { ...call(PROVIDER, router, { abi: ROUTER_ABI, functionName: 'addLiquidity', args }), gas: GAS_CREATE }
}

async function pairOf(rpc: Rpc, factory: Hex, tokens: readonly [Hex, Hex]): Promise<Hex> {
  const data = encodeFunctionData({ abi: FACTORY_ABI, functionName: 'getPair', args: tokens })
  const answer = (await rpc.call('eth_call', [{ to: factory, data }, 'latest'])) as Hex
  return decodeFunctionResult({ abi: FACTORY_ABI, functionName: 'getPair', data: answer }).toLowerCase() as Hex
}
