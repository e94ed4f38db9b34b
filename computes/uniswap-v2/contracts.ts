import type { ChainValue, SourceReader } from 'weft/compute'

/** The views of Uniswap V2 and ERC-20 that the computes read, each with its result checked: a wrong shape fails, it is never guessed. */

export interface Token {
  readonly address: string
  readonly decimals: number
}

export interface Reserves {
  readonly reserve0: bigint
  readonly reserve1: bigint
}

interface At {
  readonly source: SourceReader
  readonly blockNumber: number
}

/** Maker's `symbol` is a bytes32, which the string view cannot read; deployed peers name it themselves (spec/08 §4). */
const MAKER = '0x9f8f72aa9304c8b593d555f12ef6589cc3a579a2'
const NOBODY = '0x0000000000000000000000000000000000000000'
/** `uint8`; a double has lost all its digits long before. */
const DECIMALS_MAX = 77

/** Both tokens of a pair, in the pair's order. */
export async function tokensOf(pair: string, at: At): Promise<readonly [Token, Token]> {
  const addresses = await Promise.all([
    addressOf(at, pair, 'function token0() view returns (address)'),
    addressOf(at, pair, 'function token1() view returns (address)'),
  ])
  return Promise.all([tokenAt(addresses[0], at), tokenAt(addresses[1], at)])
}

export async function tokenAt(address: string, at: At): Promise<Token> {
  const decimals = await bigintOf(at, address, 'function decimals() view returns (uint8)')
  if (decimals > DECIMALS_MAX) throw new Error(`token ${address} has ${decimals} decimals, more than ${DECIMALS_MAX} are not supported`)
  return { address, decimals: Number(decimals) }
}

export async function symbolOf(token: string, at: At): Promise<string> {
  if (token === MAKER) return 'MKR'
  const [symbol] = await view(at, token, 'function symbol() view returns (string)')
  if (typeof symbol !== 'string') throw new Error(`symbol of ${token} is not a string`)
  return symbol
}

export async function reservesOf(pair: string, at: At): Promise<Reserves> {
  const [reserve0, reserve1] = await view(at, pair, 'function getReserves() view returns (uint112, uint112, uint32)')
  if (typeof reserve0 !== 'bigint' || typeof reserve1 !== 'bigint') throw new Error(`reserves of ${pair} are not integers`)
  return { reserve0, reserve1 }
}

/** `undefined` when the factory has no such pair. */
export async function pairOf(factory: string, tokens: readonly [string, string], at: At): Promise<string | undefined> {
  const pair = await addressOf(at, factory, 'function getPair(address, address) view returns (address)', tokens)
  return pair === NOBODY ? undefined : pair
}

/** What `amountIn` of the first token of the path brings of the last. Fails where the router reverts: no pair, or an empty one. */
export async function amountOut(router: string, amountIn: bigint, path: readonly string[], at: At): Promise<bigint> {
  const [amounts] = await view(at, router, 'function getAmountsOut(uint256, address[]) view returns (uint256[])', [amountIn, path])
  const last = Array.isArray(amounts) ? amounts.at(-1) : undefined
  if (typeof last !== 'bigint') throw new Error(`getAmountsOut of ${router} returned no amounts`)
  return last
}

async function view(at: At, address: string, signature: string, args: readonly ChainValue[] = []): Promise<readonly ChainValue[]> {
  return at.source.read({ address, function: signature, args, blockNumber: at.blockNumber })
}

async function bigintOf(at: At, address: string, signature: string): Promise<bigint> {
  const [value] = await view(at, address, signature)
  if (typeof value !== 'bigint') throw new Error(`${signature} of ${address} returned no integer`)
  return value
}

async function addressOf(at: At, address: string, signature: string, args: readonly ChainValue[] = []): Promise<string> {
  const [value] = await view(at, address, signature, args)
  if (typeof value !== 'string') throw new Error(`${signature} of ${address} returned no address`)
  return value.toLowerCase()
}
