import { expect, test } from 'vitest'
import { lastOf, numberOf, parseExact, rowsOf, seriesPath } from './exact.ts'

test('integers keep all their digits', () => {
  expect(parseExact('{"a":340282366920938463463374607431768211456,"b":1.5,"c":7}')).toEqual({ a: 2n ** 128n, b: 1.5, c: 7 })
})

test('maps by block are read at their last one', () => {
  expect(seriesPath(['token0Prices', 'block17'])).toBe('token0Prices.*')
  expect(seriesPath(['pairs', '0', 'liquidity'])).toBe('pairs.0.liquidity')
  expect(lastOf(parseExact('{"block1":1.5,"block2":2.5}'))).toBe(2.5)
})

test('what others wrote otherwise is left out', () => {
  expect(rowsOf(parseExact('{"pairs":[{"a":1},3,null]}'), 'pairs')).toEqual([{ a: 1 }])
  expect(rowsOf(parseExact('[]'), 'pairs')).toEqual([])
  expect(numberOf(parseExact('{"a":"1"}'), 'a')).toBeUndefined()
})
