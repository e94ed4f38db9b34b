import { expect, test } from 'vitest'
import type { EpochId, SlotId } from '#domain/ids.ts'
import { createSlotRates } from './slot-rates.ts'

const request = (slotId: number, epochId: number) => ({ slotId: slotId as SlotId, epochId: epochId as EpochId })

test('S26, G11: a slot has a rate of its own, in all and for each epoch, whatever others and other epochs have used', () => {
  let nowMs = 0
  const limits = { perSlot: { tokensPerSecond: 1, tokensMax: 3 }, perSlotAndEpoch: { tokensPerSecond: 1, tokensMax: 2 } }
  const rates = createSlotRates(limits, () => nowMs)
  rates.count(request(1, 7))
  expect(rates.isOver(request(1, 7))).toBe(false)
  rates.count(request(1, 7))
  expect([request(1, 7), request(1, 8), request(2, 7)].map(rates.isOver)).toEqual([true, false, false])
  rates.count(request(1, 8))
  expect([request(1, 8), request(2, 8)].map(rates.isOver)).toEqual([true, false])
  nowMs += 1_000
  expect([request(1, 7), request(1, 8)].map(rates.isOver)).toEqual([false, false])
})

test('of more epochs than are remembered the one seen first is forgotten, and no other', () => {
  const rates = createSlotRates(
    { perSlot: { tokensPerSecond: 1, tokensMax: 1_000 }, perSlotAndEpoch: { tokensPerSecond: 0.001, tokensMax: 1 } },
    () => 0,
  )
  for (let epoch = 1; epoch <= 64; epoch += 1) rates.count(request(1, epoch))
  expect([1, 2].map((epoch) => rates.isOver(request(1, epoch)))).toEqual([true, true])
  rates.count(request(1, 65))
  expect([2, 65, 1].map((epoch) => rates.isOver(request(1, epoch)))).toEqual([true, true, false])
})
