import { type BaseSnapshot, type JsonValue, type SourceReader, withSeries } from 'weft/compute'
import { describe, expect, test } from 'vitest'
import { ALL_PAIRS } from './over.ts'
import { topPairs24h } from './top-pairs.ts'
import { dayVolume, volume24h } from './volume-24h.ts'

/** Aggregates over a day, from snapshots that hold a number and nothing else. */

const volumeOf = (amount: number): JsonValue =>
  Object.fromEntries(
    ['totalTrade', 'totalFee', 'token0TradeVolume', 'token1TradeVolume', 'token0TradeVolumeUSD', 'token1TradeVolumeUSD'].map((field) => [
      field,
      amount,
    ]),
  )
const present = (amount: number, epochId = 100): BaseSnapshot => ({
  projectId: 'pairContract_trade_volume:0xaa:NS',
  epochId,
  snapshot: volumeOf(amount),
})

/** A history whose every answer is `amounts(epochId)`, and how it was read. */
function createHistory(amounts: (epochId: number) => number | undefined, first: number | undefined) {
  const read: number[] = []
  let atOnce = 0
  let most = 0
  const history = withSeries({
    firstEpochId: async () => first,
    async snapshot(_projectId, epochId) {
      read.push(epochId)
      atOnce += 1
      most = Math.max(most, atOnce)
      await Promise.resolve()
      atOnce -= 1
      const amount = amounts(epochId)
      return amount === undefined ? undefined : volumeOf(amount)
    },
  })
  return { history, read, most: () => most }
}

describe('the volume of a day', () => {
  test('reads each epoch of the window once, ascending, and at most 32 at a time', async () => {
    const { history, read, most } = createHistory(() => 1, 1)
    const volume = await dayVolume({ present: present(1), history, windowEpochs: 70 })
    expect(read).toEqual(Array.from({ length: 70 }, (_, index) => index + 30))
    expect(most()).toBe(32)
    expect(volume).toMatchObject({ totalTrade: 71, complete: true })
  })

  test('G2: adds the present epoch first, then the earlier ones ascending', async () => {
    // Only in this order does nothing get lost beside the large ones.
    const inOrder = 2 ** 60
    const large = createHistory((epochId) => (epochId === 98 ? -inOrder : 0.75), 1)
    expect(await dayVolume({ present: present(inOrder), history: large.history, windowEpochs: 2 })).toMatchObject({ totalTrade: 0.75 })
  })

  test('is cut to five digits, towards zero', async () => {
    const { history } = createHistory(() => 0.000009, 1)
    expect(await dayVolume({ present: present(0.00001), history, windowEpochs: 1 })).toMatchObject({ totalTrade: 0.00001 })
    const below = createHistory(() => -0.000009, 1)
    expect(await dayVolume({ present: present(-0.00001), history: below.history, windowEpochs: 1 })).toMatchObject({ totalFee: -0.00001 })
  })

  test.each([
    ['that begins with the first snapshot is complete', 98, true],
    ['that begins before it is not', 99, false],
    ['before which there is nothing at all is not', undefined, false],
  ])('a window %s', async (_title, first, complete) => {
    const { history, read } = createHistory(() => 1, first)
    expect(await dayVolume({ present: present(1), history, windowEpochs: 2 })).toMatchObject({ complete })
    expect(read).toEqual([98, 99].filter((epochId) => epochId >= (first ?? 100)))
  })

  test('an epoch without data is left out, and the day is not complete', async () => {
    const { history } = createHistory((epochId) => (epochId === 98 ? undefined : 2), 1)
    expect(await dayVolume({ present: present(1), history, windowEpochs: 3 })).toMatchObject({ totalTrade: 5, complete: false })
  })

  test('fails without the present one, or with an integer where a float belongs', async () => {
    const { history } = createHistory(() => 1, 1)
    const input = {
      epoch: { epochId: 100, begin: 1, end: 2 },
      projectId: 'day:0xaa:NS',
      history,
      source: {} as SourceReader,
      epochsIn: () => 1,
    }
    await expect(volume24h.aggregate({ ...input, base: [] })).rejects.toThrow('no trade volume')
    const integer = { ...present(1), snapshot: { ...(volumeOf(1) as object), totalFee: 1n } }
    await expect(volume24h.aggregate({ ...input, base: [integer] })).rejects.toThrow('totalFee is not a float')
  })
})

describe('top pairs', () => {
  const pairs = ['0xa1', '0xa2', '0xa3', '0xa4']
  /** Liquidity at the first block is the other way round. */
  const reservesOf = (pair: string, [token0, token1]: readonly [number, number]): BaseSnapshot => ({
    projectId: `pairContract_pair_total_reserves:${pair}:NS`,
    epochId: 100,
    snapshot: {
      token0ReservesUSD: { block7: -token0, block9: token0 },
      token1ReservesUSD: { block7: -token1, block9: token1 },
      token0Prices: { block9: 1 },
      token1Prices: { block9: 1 },
    },
  })
  async function ranked(liquidity: readonly (readonly [number, number])[]) {
    const asked: number[] = []
    const source = {
      async read({ address, function: signature, blockNumber }: Parameters<SourceReader['read']>[0]) {
        asked.push(blockNumber)
        if (signature.includes('token0')) return [`${address}-left`]
        if (signature.includes('token1')) return [`${address}-right`]
        return [signature.includes('decimals') ? 18n : address.slice(2)]
      },
    } as unknown as SourceReader
    const { history } = createHistory(() => 1, 1)
    const base = [
      ...pairs.map((pair, index) => reservesOf(pair, liquidity[index] as readonly [number, number])),
      ...pairs.map((pair, index) => ({
        projectId: `aggregate_pairContract_24h_trade_volume:${pair}:NS`,
        epochId: 100,
        snapshot: { ...(volumeOf(index + 2) as object), complete: true },
      })),
    ]
    const epoch = { epochId: 100, begin: 7, end: 9 }
    const result = await topPairs24h(ALL_PAIRS).aggregate({
      epoch,
      projectId: 'top:NS',
      base,
      history,
      source,
      epochsIn: (seconds) => seconds / 43_200,
    })
    return { result: result as { pairs: { address: string; name: string; volume24h: number; fee24h: number; liquidity: number }[] }, asked }
  }

  test('the one with most in both tokens at the last block comes first; equal ones keep the order of their ids', async () => {
    const { result } = await ranked([
      [1, 4],
      [9, 0],
      [2, 3],
      [0, 9],
    ])
    expect(result).toMatchObject({ epochId: 100n, complete: true })
    expect(result.pairs.map(({ address, liquidity }) => [address, liquidity])).toEqual([
      ['0xa2', 9],
      ['0xa4', 9],
      ['0xa1', 5],
      ['0xa3', 5],
    ])
  })

  test('each has its own volume of a day, and the symbols of its tokens in their order, asked at the first block', async () => {
    const { result, asked } = await ranked([
      [4, 0],
      [3, 0],
      [2, 0],
      [1, 0],
    ])
    expect(result.pairs.map(({ name, volume24h }) => [name, volume24h])).toEqual(
      pairs.map((pair, index) => [`${pair.slice(2)}-left-${pair.slice(2)}-right`, index + 2]),
    )
    expect(new Set(asked)).toEqual(new Set([7]))
  })
})
