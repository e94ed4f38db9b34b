import type { ChainValue, ComputeEpoch, SourceReader } from 'weft/compute'
import { describe, expect, test } from 'vitest'
import { WeftError } from '../../src/domain/errors.ts'
import type { UniswapV2Config } from './config.ts'
import { ethPrice } from './eth-price.ts'
import { tokenPrices } from './token-price.ts'

const address = (digit: string) => `0x${digit.repeat(40)}`
const [TOKEN, DAI, WETH, USDC, USDT] = [address('1'), address('2'), address('5'), address('7'), address('8')] as const
const [DAI_WETH, USDC_WETH, WETH_USDT, WETH_TOKEN, DAI_TOKEN] = ['a', 'b', 'c', 'd', 'e'].map(address) as [
  string,
  string,
  string,
  string,
  string,
]
const config: UniswapV2Config = {
  factory: address('f'),
  router: address('9'),
  weth: WETH,
  dai: DAI,
  usdc: USDC,
  usdt: USDT,
  daiWethPair: DAI_WETH,
  usdcWethPair: USDC_WETH,
  wethUsdtPair: WETH_USDT,
  whitelist: [WETH, DAI],
  pairs: [],
  feeOn: 'trade',
}
const epoch: ComputeEpoch = { epochId: 1, begin: 100, end: 101 }
const E18 = 10n ** 18n

interface Scene {
  /** Reserves of a pair, at every block or by block. */
  readonly reserves: Readonly<Record<string, readonly [bigint, bigint] | ((block: number) => readonly [bigint, bigint])>>
  readonly pairs?: Readonly<Record<string, string>>
  readonly decimals?: Readonly<Record<string, bigint>>
  /** Without decimals. */
  readonly odd?: string
  readonly amountOut?: (amountIn: bigint, block: number) => bigint
}

function createSource(scene: Scene) {
  const asked: string[] = []
  const source = {
    async read({
      address: to,
      function: signature,
      args,
      blockNumber,
    }: Parameters<SourceReader['read']>[0]): Promise<readonly ChainValue[]> {
      const name = /^function (\w+)/.exec(signature)?.[1] as string
      asked.push(`${name} ${blockNumber}`)
      if (name === 'decimals' && to === scene.odd) throw new WeftError('CALL_REVERTED', { call: signature, reason: 'reverted' })
      if (name === 'decimals') return [scene.decimals?.[to] ?? 18n]
      if (name === 'getPair') return [scene.pairs?.[args[0] as string] ?? address('0')]
      if (name === 'getAmountsOut') return [[args[0] as bigint, scene.amountOut?.(args[0] as bigint, blockNumber) ?? 0n]]
      const reserves = scene.reserves[to]
      return [...(typeof reserves === 'function' ? reserves(blockNumber) : (reserves ?? [0n, 0n])), 0n]
    },
  } as unknown as SourceReader
  return { source, asked }
}

describe('the price of ETH', () => {
  const price = (scene: Scene) => ethPrice(config).preload({ epoch, source: createSource(scene).source }) as Promise<Map<number, number>>
  /** Stables at 2,000, 3,000 and 4,000 USD, in pools of 1, 2 and 5 ETH. */
  const reserves = {
    [DAI_WETH]: [2_000n * E18, E18],
    [USDC_WETH]: [2n * E18, 6_000n * 10n ** 6n],
    [WETH_USDT]: [5n * E18, 20_000n * 10n ** 6n],
  } as const
  const decimals = { [USDC]: 6n, [USDT]: 6n }

  test('weighs the pools by their ETH, whichever token of a pair comes first', async () => {
    expect(await price({ reserves, decimals })).toEqual(
      new Map([
        [100, 3_500],
        [101, 3_500],
      ]),
    )
  })

  test('adds DAI, then USDC, then USDT: doubles know the difference', async () => {
    const shown = { [DAI_WETH]: [E18 / 10n, E18], [USDC_WETH]: [E18, 2n * 10n ** 5n], [WETH_USDT]: [E18, 3n * 10n ** 5n] } as const
    const share = (amount: number) => (1 / 3) * amount
    expect((await price({ reserves: shown, decimals })).get(100)).toBe(share(0.1) + share(0.2) + share(0.3))
    expect(share(0.1) + share(0.2) + share(0.3)).not.toBe(share(0.3) + share(0.2) + share(0.1))
  })

  test.each([
    ['stable', [0n, E18]],
    ['ETH', [E18, 0n]],
  ] as const)('fails for a pool without %s, and names pair and block', async (_title, empty) => {
    const emptied = { ...reserves, [DAI_WETH]: (block: number) => (block === 101 ? empty : ([2_000n * E18, E18] as const)) }
    await expect(price({ reserves: emptied, decimals })).rejects.toThrow(`${DAI_WETH} is empty at block 101`)
  })

  test('asks decimals at the first block, reserves at each', async () => {
    const { source, asked } = createSource({ reserves, decimals })
    await ethPrice(config).preload({ epoch, source })
    expect(asked.sort()).toEqual([
      ...Array(3).fill('decimals 100'),
      ...Array(3).fill('getReserves 100'),
      ...Array(3).fill('getReserves 101'),
    ])
  })
})

describe('the price of a token', () => {
  const ethPrices = new Map([
    [100, 1_000],
    [101, 2_000],
  ])
  const priced = async (scene: Scene, token = { address: TOKEN, decimals: 18 }) => {
    const { source, asked } = createSource(scene)
    return { prices: [...(await tokenPrices({ token, epoch, source, config, ethPrices })).values()], asked }
  }

  test('is that of ETH for WETH, without a question', async () => {
    expect(await priced({ reserves: {} }, { address: WETH, decimals: 18 })).toEqual({ prices: [1_000, 2_000], asked: [] })
  })

  test('goes through the first token of the list that has enough of itself in the pair, at the price of ETH at each block', async () => {
    const pairs = { [WETH]: WETH_TOKEN, [DAI]: DAI_TOKEN }
    const { prices } = await priced({ reserves: { [WETH_TOKEN]: [4n * E18, 2n * E18] }, pairs })
    expect(prices).toEqual([500, 1_000])
  })

  test.each([
    ['one ETH is enough', E18, [250, 500]],
    ['less is not, at any block', (999n * E18) / 1_000n, [0, 0]],
  ])('%s', async (_title, whiteReserve, expected) => {
    const reserves = { [WETH_TOKEN]: (block: number) => [4n * E18, block === 101 ? whiteReserve : E18] as const }
    expect((await priced({ reserves, pairs: { [WETH]: WETH_TOKEN } })).prices).toEqual(expected)
  })

  test('what a whole listed token brings of ETH is asked at each block, by its own decimals', async () => {
    const scene: Scene = {
      reserves: { [DAI_TOKEN]: [2n * 10n ** 3n, 10n ** 9n] },
      pairs: { [DAI]: DAI_TOKEN },
      decimals: { [DAI]: 6n },
      amountOut: (amountIn, block) => (amountIn * 10n ** 12n * BigInt(block)) / 1_000n,
    }
    // 1,000 DAI against 2 tokens of 3 decimals: 500 DAI each, at 0.1 and 0.101 ETH.
    const { prices, asked } = await priced(scene, { address: TOKEN, decimals: 3 })
    expect(prices).toEqual([50 * 1_000, 500 * 0.101 * 2_000])
    expect(asked.filter((question) => question.startsWith('getAmountsOut')).sort()).toEqual(['getAmountsOut 100', 'getAmountsOut 101'])
  })

  test('is not looked for in the pair of a listed token without decimals: the next one of the list prices it', async () => {
    const pairs = { [WETH]: WETH_TOKEN, [DAI]: DAI_TOKEN }
    const reserves = { [WETH_TOKEN]: [4n * E18, 2n * E18], [DAI_TOKEN]: [2n * E18, 2n * E18] } as const
    const { prices } = await priced({ reserves, pairs, odd: WETH, amountOut: (amountIn) => amountIn })
    expect(prices).toEqual([1_000, 2_000])
    expect((await priced({ reserves, pairs: { [DAI]: DAI_TOKEN }, odd: DAI })).prices).toEqual([0, 0])
  })

  test('is looked for in pairs that were there at the first block', async () => {
    const { asked } = await priced({ reserves: { [WETH_TOKEN]: [E18, E18] }, pairs: { [WETH]: WETH_TOKEN } })
    expect(asked.filter((question) => !question.startsWith('getReserves')).sort()).toEqual(['decimals 100', 'getPair 100'])
  })

  test('is zero where the pair holds none of the token, and nothing is divided by zero', async () => {
    const reserves = { [WETH_TOKEN]: (block: number) => [block === 101 ? 0n : E18, E18] as const }
    expect((await priced({ reserves, pairs: { [WETH]: WETH_TOKEN } })).prices).toEqual([1_000, 0])
  })

  test('is zero where no pair has enough, and where there is none', async () => {
    expect((await priced({ reserves: {} })).prices).toEqual([0, 0])
    expect((await priced({ reserves: { [WETH_TOKEN]: [E18, 0n] }, pairs: { [WETH]: WETH_TOKEN } })).prices).toEqual([0, 0])
  })
})
