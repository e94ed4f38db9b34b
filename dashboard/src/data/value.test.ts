import { expect, test } from 'vitest'
import { firstNumber, lastOf, numberOf, rowsOf, seriesPath } from './value.ts'

test('maps by block are read at their last one', () => {
  expect(seriesPath(['token0Prices', 'block17'])).toBe('token0Prices.*')
  expect(seriesPath(['pairs', '0', 'liquidity'])).toBe('pairs.0.liquidity')
  expect(lastOf({ block10: 2.5, block9: 1.5 })).toBe(2.5)
  expect(lastOf({})).toBeUndefined()
})

test('what others wrote otherwise is left out', () => {
  expect(rowsOf({ pairs: [{ a: 1n }, 3n, null] }, 'pairs')).toEqual([{ a: 1n }])
  expect(rowsOf([], 'pairs')).toEqual([])
  expect(numberOf({ a: '1' }, 'a')).toBeUndefined()
  expect(numberOf({ a: 7n }, 'a')).toBe(7)
})

test('what is drawn first is the outermost number that tells something', () => {
  const range = { begin: 1n, end: 6n }
  expect(firstNumber({ range, events: { burn: { amount: 1 } }, timestamp: 7n, totalTrade: 2.5 })).toBe('totalTrade')
  expect(firstNumber({ range, prices: { block5: 1, block6: 2 } })).toBe('prices.*')
  expect(firstNumber({ pairs: [{ name: 'A-B', liquidity: 1 }] })).toBe('pairs.0.liquidity')
  expect(firstNumber(5n)).toBe('')
  for (const none of ['text', null, {}, [], { range }]) expect(firstNumber(none)).toBeUndefined()
})
