import { type ChainValue, isContractRefusal, type SourceReader } from 'weft/compute'

/**
 * The views of Uniswap V2 and ERC-20 that the computes read, each with its result checked: a wrong shape fails, it is never guessed. What a
 * token may leave out, and what stands for it then, is in the README.
 */

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

const NOBODY = '0x0000000000000000000000000000000000000000'
/** `uint8`; a double has lost all its digits long before. */
const DECIMALS_MAX = 77
/** More is no name: without an end one token could make a ranking of all pairs larger than snapshots may be. */
const WORD_LENGTH_MAX = 256

/** Both tokens of a pair, in the pair's order. */
export async function tokensOf(pair: string, at: At): Promise<readonly [Token, Token]> {
  const [token0, token1] = await tokenAddressesOf(pair, at)
  return Promise.all([tokenAt(token0, at), tokenAt(token1, at)])
}

export async function tokenAddressesOf(pair: string, at: At): Promise<readonly [string, string]> {
  return Promise.all([
    addressOf(at, pair, 'function token0() view returns (address)'),
    addressOf(at, pair, 'function token1() view returns (address)'),
  ])
}

/** Throws when its amounts cannot be scaled. */
export async function tokenAt(address: string, at: At): Promise<Token> {
  const decimals = await decimalsOf(address, at)
  if (decimals === undefined) throw new Error(`token ${address} does not tell its decimals, or more than ${DECIMALS_MAX}`)
  return { address, decimals }
}

/** `undefined` when the token does not tell them, or more than a double could hold. */
export async function decimalsOf(address: string, at: At): Promise<number | undefined> {
  const signature = 'function decimals() view returns (uint8)'
  const decimals = await unlessRefused(() => bigintOf(at, address, signature))
  return decimals === undefined || decimals > DECIMALS_MAX ? undefined : Number(decimals)
}

/** The symbol of a token, whatever it answers: its text, else its `bytes32` as text, else its address. */
export const symbolOf = (token: string, at: At): Promise<string> => wordOf('symbol', token, at)

/** The same for what a token is called at length. */
export const nameOf = (token: string, at: At): Promise<string> => wordOf('name', token, at)

async function wordOf(what: 'symbol' | 'name', token: string, at: At): Promise<string> {
  const word =
    (await unlessRefused(() => textOf(at, token, `function ${what}() view returns (string)`))) ??
    (await unlessRefused(async () => textIn(await textOf(at, token, `function ${what}() view returns (bytes32)`))))
  return word === undefined || word.length > WORD_LENGTH_MAX ? token : word
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

/** How many pairs the factory has made. */
export async function pairCountOf(factory: string, at: At): Promise<number> {
  return Number(await bigintOf(at, factory, 'function allPairsLength() view returns (uint256)'))
}

/** The pair at a place in the factory's list, the oldest at 0. */
export async function pairAt(factory: string, place: number, at: At): Promise<string> {
  return addressOf(at, factory, 'function allPairs(uint256) view returns (address)', [BigInt(place)])
}

/** What `amountIn` of the first token of the path brings of the last. Fails where the router reverts: no pair, or an empty one. */
export async function amountOut(router: string, amountIn: bigint, path: readonly string[], at: At): Promise<bigint> {
  const [amounts] = await view(at, router, 'function getAmountsOut(uint256, address[]) view returns (uint256[])', [amountIn, path])
  const last = Array.isArray(amounts) ? amounts.at(-1) : undefined
  if (typeof last !== 'bigint') throw new Error(`getAmountsOut of ${router} returned no amounts`)
  return last
}

/** Text of 32 bytes, its zeros at the end cut off and what is no UTF-8 replaced; `undefined` when it begins with a zero, as numbers do. */
function textIn(bytes32: string): string | undefined {
  const digits = bytes32.slice(2).replace(/(00)+$/, '')
  const bytes = Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  return bytes[0] === 0 ? undefined : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}

async function unlessRefused<Value>(read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read()
  } catch (failure) {
    if (isContractRefusal(failure)) return undefined
    throw failure
  }
}

async function view(at: At, address: string, signature: string, args: readonly ChainValue[] = []): Promise<readonly ChainValue[]> {
  return at.source.read({ address, function: signature, args, blockNumber: at.blockNumber })
}

async function bigintOf(at: At, address: string, signature: string): Promise<bigint> {
  const [value] = await view(at, address, signature)
  if (typeof value !== 'bigint') throw new Error(`${signature} of ${address} returned no integer`)
  return value
}

async function textOf(at: At, address: string, signature: string): Promise<string> {
  const [value] = await view(at, address, signature)
  if (typeof value !== 'string') throw new Error(`${signature} of ${address} is not a string`)
  return value
}

async function addressOf(at: At, address: string, signature: string, args: readonly ChainValue[] = []): Promise<string> {
  const [value] = await view(at, address, signature, args)
  if (typeof value !== 'string') throw new Error(`${signature} of ${address} returned no address`)
  return value.toLowerCase()
}
