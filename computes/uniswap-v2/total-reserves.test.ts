import type { SourceReader } from 'weft/compute'
import { expect, test } from 'vitest'
import { BLOCK_DETAILS } from './block-details.ts'
import type { UniswapV2Config } from './config.ts'
import { ETH_PRICE } from './eth-price.ts'
import { totalReserves } from './total-reserves.ts'

const address = (digit: string) => `0x${digit.repeat(40)}`
const [WETH, UNPRICED, PAIR] = [address('5'), address('8'), address('d')] as const
const E18 = 10n ** 18n

test('tokens are asked at the first block of the epoch, reserves at each', async () => {
  const asked: string[] = []
  const source = {
    async read({ address: to, function: signature, blockNumber }: Parameters<SourceReader['read']>[0]) {
      const name = /^function (\w+)/.exec(signature)?.[1] as string
      asked.push(`${name} ${blockNumber}`)
      if (name === 'token0') return [WETH]
      if (name === 'token1') return [UNPRICED]
      if (name === 'getPair') return [address('0')]
      // Whose decimals would change within the epoch.
      if (name === 'decimals') return [to === WETH || blockNumber === 100 ? 18n : 6n]
      return [BigInt(blockNumber) * E18, 3n * E18, 0n]
    },
  } as unknown as SourceReader
  const config = { weth: WETH, whitelist: [WETH], pairs: [PAIR] } as unknown as UniswapV2Config
  const byBlock = (value: number) => new Map([100, 101, 102].map((block) => [block, value + block]))
  const preloaded = new Map<string, unknown>([
    [BLOCK_DETAILS, byBlock(1_700_000_000)],
    [ETH_PRICE, byBlock(2_000)],
  ])
  const epoch = { epochId: 1, begin: 100, end: 102 }
  const reserves = await totalReserves(config).compute({ epoch, dataSource: PAIR, source, preloaded })
  const blocks = (values: readonly number[]) => ({ block100: values[0], block101: values[1], block102: values[2] })
  expect(reserves).toMatchObject({
    timestamp: 1_700_000_102n,
    token0Reserves: blocks([100, 101, 102]),
    token1Reserves: blocks([3, 3, 3]),
    token0ReservesUSD: blocks([100 * 2_100, 101 * 2_101, 102 * 2_102]),
    token1Prices: blocks([0, 0, 0]),
  })
  expect(asked.filter((question) => !question.startsWith('getReserves')).every((question) => question.endsWith(' 100'))).toBe(true)
  expect(asked.filter((question) => question.startsWith('getReserves')).sort()).toEqual(
    [100, 101, 102].map((block) => `getReserves ${block}`),
  )
})
