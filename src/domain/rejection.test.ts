import { expect, test } from 'vitest'
import { isFinal, isTaken, type ReceiptCode, REJECTIONS, type Rejection } from './rejection.ts'

const codes = Object.keys(REJECTIONS) as Rejection[]
const COUNTED: readonly ReceiptCode[] = ['accepted', 'duplicate', 'simulated']

test('a submission is safe with its receiver when it was counted, now or before, or only seen', () => {
  expect([...COUNTED, ...codes].filter(isTaken)).toEqual(COUNTED)
})

test('a delivery goes on only after what may pass within the window', () => {
  expect([...COUNTED, ...codes].filter((code) => !isFinal(code))).toEqual([
    'epoch_unknown',
    'header_unknown',
    'rate_limited',
    'inbox_full',
    'disk_full',
    'not_ready',
  ])
})
