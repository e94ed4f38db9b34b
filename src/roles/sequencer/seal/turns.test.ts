import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

test('S20: gives way when a thousand votes have come together, and not before', async () => {
  let turns = 0
  const breathe = createTurns(
    async () => {
      turns += 1
    },
    { nowMs: () => 0 },
  )
  const after: number[] = []
  for (const votes of [999, 1, 500, 499, 1, 5_000, 999]) {
    await breathe(votes)
    after.push(turns)
  }
  expect(after).toEqual([0, 1, 1, 1, 2, 3, 3])
})

test('S20: gives way when ten milliseconds have passed since others had their turn, however few the votes', async () => {
  let nowMs = 0
  let turns = 0
  const giveWay = async () => {
    turns += 1
    nowMs += 5
  }
  const breathe = createTurns(giveWay, { nowMs: () => nowMs })
  const after: number[] = []
  for (const tookMs of [9, 1, 9, 1]) {
    nowMs += tookMs
    await breathe(1)
    after.push(turns)
  }
  expect(after).toEqual([0, 1, 1, 2])
})
