import type { ChainEvent, SourceReader } from 'weft/compute'
import { describe, expect, test } from 'vitest'
import { BLOCK_DETAILS } from './block-details.ts'
import type { UniswapV2Config } from './config.ts'
import { ETH_PRICE } from './eth-price.ts'
import { tradeVolume } from './trade-volume.ts'

const address = (digit: string) => `0x${digit.repeat(40)}`
/** A pair of WETH and a token that nothing prices, in either order. */
const [WETH, UNPRICED, PAIR] = [address('5'), address('8'), address('d')] as const
const epoch = { epochId: 1, begin: 100, end: 101 }
const E18 = 10n ** 18n

function swap(amounts: Readonly<Record<string, bigint>>, place: Partial<ChainEvent> = {}): ChainEvent {
  const args = { sender: PAIR, to: PAIR, amount0In: 0n, amount1In: 0n, amount0Out: 0n, amount1Out: 0n, ...amounts }
  return { name: 'Swap', args, address: PAIR, blockNumber: 100, logIndex: 0, transactionHash: '0x1', ...place }
}
type Volumes = Readonly<Record<string, number>> & {
  readonly events: Readonly<Record<string, { logs: Readonly<Record<string, unknown>>[] }>>
}

/** The volumes of these events, with ETH at 2,048 USD, WETH being token 0 or token 1. */
async function volumesOf(
  events: readonly ChainEvent[],
  options: { readonly weth?: 0 | 1; readonly feeOn?: UniswapV2Config['feeOn'] } = {},
) {
  const { weth = 1, feeOn = 'trade' } = options
  const asked: number[] = []
  const source = {
    async read({ function: signature, blockNumber }: Parameters<SourceReader['read']>[0]) {
      asked.push(blockNumber)
      if (signature.includes('token0')) return [weth === 0 ? WETH : UNPRICED]
      if (signature.includes('token1')) return [weth === 1 ? WETH : UNPRICED]
      return [signature.includes('decimals') ? 18n : address('0')]
    },
    events: async () => events,
  } as unknown as SourceReader
  const config = { weth: WETH, whitelist: [WETH], pairs: [PAIR], feeOn } as unknown as UniswapV2Config
  const byBlock = (value: number) => new Map([100, 101].map((block) => [block, value]))
  const preloaded = new Map<string, unknown>([
    [BLOCK_DETAILS, byBlock(1_700_000_000)],
    [ETH_PRICE, byBlock(2_048)],
  ])
  const volumes = (await tradeVolume(config).compute({ epoch, dataSource: PAIR, source, preloaded })) as unknown as Volumes
  return { volumes, asked }
}

describe('G2: totals are rounded to six digits, halves to the even one', () => {
  // 2 ** -7 lies exactly between 0.007812 and 0.007813; in USD it is 2 ** -18 WETH.
  const [inTokens, inUsd] = [E18 / 2n ** 7n, E18 / 2n ** 18n]
  test.each([
    ['token1TradeVolume', 1, inTokens],
    ['token0TradeVolume', 0, inTokens],
    ['token1TradeVolumeUSD', 1, inUsd],
    ['token0TradeVolumeUSD', 0, inUsd],
    ['totalTrade', 1, inUsd],
  ] as const)('%s', async (field, weth, raw) => {
    const { volumes } = await volumesOf([swap({ [`amount${weth}In`]: raw })], { weth })
    expect(volumes[field]).toBe(0.007812)
  })
})

test('a swap of which only one side has a price, or only one side moved, is worth that side, whichever it is', async () => {
  for (const weth of [0, 1] as const) {
    const { volumes } = await volumesOf([swap({ [`amount${weth}In`]: E18, [`amount${1 - weth}Out`]: 5n * E18 })], { weth })
    expect([volumes['totalTrade'], volumes['totalFee']]).toEqual([2_048, 6.144])
    const alone = await volumesOf([swap({ [`amount${weth}In`]: E18 })], { weth, feeOn: 'token1' })
    expect([alone.volumes['totalTrade'], alone.volumes['totalFee']]).toEqual([2_048, 6.144])
  }
})

test('amounts are the distance of out and in; mints and burns are told and do not count', async () => {
  const place = { transactionHash: '0x2', blockNumber: 101 }
  const { volumes } = await volumesOf([
    { ...swap({}, place), name: 'Burn', args: { sender: PAIR, to: PAIR, amount0: 0n, amount1: 2n * E18 } },
    { ...swap({}, place), name: 'Mint', args: { sender: PAIR, amount0: 0n, amount1: 4n * E18 } },
    swap({ amount1In: E18, amount1Out: 4n * E18 }, place),
  ])
  expect(volumes).toMatchObject({ totalTrade: 3 * 2_048, token1TradeVolume: 3, token0TradeVolume: 0 })
  expect(Object.entries(volumes.events).map(([name, event]) => [name, event.logs?.map((log) => log['token1_amount'])])).toEqual([
    ['Swap', [3]],
    ['Mint', [4]],
    ['Burn', [2]],
    ['Trades', undefined],
  ])
})

test('an event without an amount fails, it is never taken for zero', async () => {
  const { amount1Out: _missing, ...args } = swap({}).args
  await expect(volumesOf([{ ...swap({}), args }])).rejects.toThrow('Swap at block 100 has no amount amount1Out')
})

test('an epoch without events has zeroes that are floats, and tokens are asked at its first block', async () => {
  const { volumes, asked } = await volumesOf([])
  expect([volumes['totalTrade'], volumes['totalFee'], volumes['token1TradeVolumeUSD']]).toEqual([0, 0, 0])
  expect(new Set(asked)).toEqual(new Set([100]))
})
