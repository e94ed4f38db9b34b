import { atBlock, type ChainValue, dataSourceOf, floatOf, memberOf, preloadedBy, type SourceReader } from 'weft/compute'
import { describe, expect, test } from 'vitest'
import { amountOut, pairOf, reservesOf, symbolOf, tokenAt, tokensOf } from './contracts.ts'

const PAIR = `0x${'ab'.repeat(20)}`
const LEFT = `0x${'Cd'.repeat(20)}`
const RIGHT = `0x${'Ef'.repeat(20)}`

/** A chain that answers by the name of the function; `asked` is what it was asked. */
function createChain(answers: Readonly<Record<string, readonly ChainValue[]>>) {
  const asked: Parameters<SourceReader['read']>[0][] = []
  const source = {
    async read(call: Parameters<SourceReader['read']>[0]) {
      asked.push(call)
      return answers[/^function (\w+)/.exec(call.function)?.[1] ?? ''] ?? []
    },
  } as unknown as SourceReader
  return { at: { source, blockNumber: 42 }, asked }
}

test('the tokens of a pair come in its order, in lower case, all asked at the block', async () => {
  const { at, asked } = createChain({ token0: [LEFT], token1: [RIGHT], decimals: [6n] })
  expect(await tokensOf(PAIR, at)).toEqual([
    { address: LEFT.toLowerCase(), decimals: 6 },
    { address: RIGHT.toLowerCase(), decimals: 6 },
  ])
  expect(asked.map(({ blockNumber }) => blockNumber)).toEqual([42, 42, 42, 42])
  expect(asked.slice(2).map(({ address }) => address)).toEqual([LEFT.toLowerCase(), RIGHT.toLowerCase()])
})

test('a token may have 77 decimals', async () => {
  const { at } = createChain({ decimals: [77n] })
  expect(await tokenAt(LEFT, at)).toEqual({ address: LEFT, decimals: 77 })
})

test('a symbol is what its token says at the block, an empty one included', async () => {
  const { at, asked } = createChain({ symbol: [''] })
  expect(await symbolOf(LEFT, at)).toBe('')
  expect(asked).toMatchObject([{ address: LEFT, blockNumber: 42 }])
})

test.each([
  ['missing', []],
  ['a number', [7n]],
])('a symbol that is %s fails', async (_title, answer) => {
  await expect(symbolOf(LEFT, createChain({ symbol: answer }).at)).rejects.toThrow('is not a string')
})

test.each([
  ['the first', ['1', 2n, 0n]],
  ['the second', [1n, '2', 0n]],
])('reserves of which %s is no integer fail', async (_title, answer) => {
  await expect(reservesOf(PAIR, createChain({ getReserves: answer }).at)).rejects.toThrow('are not integers')
})

test('a pair that the factory does not have is none; one that it has comes in lower case', async () => {
  expect(await pairOf(PAIR, [LEFT, RIGHT], createChain({ getPair: [`0x${'0'.repeat(40)}`] }).at)).toBeUndefined()
  const { at, asked } = createChain({ getPair: [LEFT] })
  expect(await pairOf(PAIR, [LEFT, RIGHT], at)).toBe(LEFT.toLowerCase())
  expect(asked).toMatchObject([{ address: PAIR, args: [LEFT, RIGHT] }])
})

test('what a path brings is its last amount', async () => {
  const { at, asked } = createChain({ getAmountsOut: [[1n, 2n, 3n]] })
  expect(await amountOut(PAIR, 1n, [LEFT, RIGHT], at)).toBe(3n)
  expect(asked).toMatchObject([{ args: [1n, [LEFT, RIGHT]], blockNumber: 42 }])
})

describe('what was not computed', () => {
  test('is no zero', () => {
    expect(atBlock(new Map([[1, 0]]), 1)).toBe(0)
    expect(() => atBlock(new Map([[1, 5]]), 2)).toThrow('block 2')
  })
  test('is no preload', () => {
    expect(() => preloadedBy(new Map(), 'eth_price')).toThrow('eth_price did not run')
    expect(() => preloadedBy(new Map([['eth_price', {}]]), 'eth_price')).toThrow('eth_price did not run')
  })
})

describe("members of other people's snapshots", () => {
  test.each([[null], ['text'], [7], [[1, 2]], [{}], [{ other: 1 }]])('%j has none', (snapshot) => {
    expect(() => memberOf(snapshot, 'length')).toThrow('has no length')
  })
  test('what an object inherits is no member', () => {
    expect(() => memberOf({}, 'toString')).toThrow('has no toString')
  })
  test('an integer, a text and null are no floats; zero is one', () => {
    for (const value of [5n, '5', null, true]) expect(() => floatOf({ value }, 'value')).toThrow('is not a float')
    expect(floatOf({ value: 0 }, 'value')).toBe(0)
  })
  test('the data source stands before the namespace, whatever the type holds', () => {
    expect(dataSourceOf('type:0xaa:NS')).toBe('0xaa')
    expect(dataSourceOf('type:of:it:0xaa:NS')).toBe('0xaa')
    expect(() => dataSourceOf('NS')).toThrow('has no data source')
  })
})
