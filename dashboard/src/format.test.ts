import { expect, test } from 'vitest'
import { ago, axisLabels, compactUsd, duration, ends, number, rate, share, usd } from './format.ts'

test.each([
  [0, '$0.00'],
  [0.000123456, '$0.0001235'],
  [0.5, '$0.500'],
  [1_234.5, '$1,234.50'],
  [-12_345.6, '-$12,346'],
])('%d dollars are written %s', (value, text) => expect(usd(value)).toBe(text))

test.each([
  [99_999, '$99,999'],
  [12_345_678, '$12.35M'],
  [18_000_000, '$18.00M'],
  [1_234_567_890, '$1.23B'],
])('%d dollars in short are %s', (value, text) => expect(compactUsd(value)).toBe(text))

test.each([
  [12, '12'],
  [0.00001234, '1.234E-5'],
  [1_234.56789, '1,234.57'],
  [123_456_789.5, '123,456,790'],
])('%d is written %s', (value, text) => expect(number(value)).toBe(text))

test.each([
  [0.42, '0.4 s'],
  [12, '12 s'],
  [60, '1 min'],
  [200, '3 min 20 s'],
  [3_900, '1 h 5 min'],
  [90_000, '1 d 1 h'],
])('%d seconds last %s', (seconds, text) => expect(duration(seconds)).toBe(text))

test.each([
  [100, 'now'],
  [88, '12 s ago'],
  [40, '1 min ago'],
  [130, 'in 30 s'],
])('at 100, what was at %d was %s', (seconds, text) => expect(ago(seconds, 100)).toBe(text))

test('a part of nothing is no number', () => expect(share(0, 0)).toBe('–'))
test.each([
  [0.03456, '3.46%'],
  [0, '0.00%'],
  [0.0000278, '0.0028%'],
])('a rate of %d is written %s', (fraction, text) => expect(rate(fraction)).toBe(text))
test('long names keep their ends', () => expect(ends('0x3f5c0000000000000000000000000000000091ab')).toBe('0x3f5c…91ab'))

test.each([
  [[0.9995, 1, 1.0005], 0.0005, usd, ['$0.9995', '$1.0000', '$1.0005']],
  [[2_800, 2_900], 100, usd, ['$2,800', '$2,900']],
  [[48e6, 50e6], 2e6, number, ['48M', '50M']],
  [[0, 0.02, 0.04], 0.02, rate, ['0%', '2%', '4%']],
  [[0, 2, 4], 2, (value: number) => `${number(value)} %`, ['0%', '2%', '4%']],
  [[-15_000, 2_500], 2_500, usd, ['-$15.0K', '$2.5K']],
  [[0, 50_000], 50_000, usd, ['$0', '$50K']],
])('labels of %j tell its steps apart', (values, step, write, labels) => expect(axisLabels(values, step, write)).toEqual(labels))
