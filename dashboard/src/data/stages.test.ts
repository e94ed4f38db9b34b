import { expect, test } from 'vitest'
import type { EpochDetail } from './stages.ts'
import { stepsOf } from './stages.ts'

const batch = { submittedAt: 148, finalizedAt: 155, attestations: [{ at: 152 }, { at: 155 }, { at: 163 }] }
const epochOf = (rest: object): EpochDetail =>
  ({ releasedAt: 100, status: 'finalized', batchList: [batch], ...rest }) as unknown as EpochDetail

test('each step begins where the one before ended', () => {
  expect(stepsOf(epochOf({ finalizedAt: 155 }))).toEqual([
    { stage: 'submitted', from: 0, to: 48 },
    { stage: 'finalized', from: 48, to: 55 },
    { stage: 'attested', from: 55, to: 63 },
  ])
})

test('the step under way has no end, and those after it are not told', () => {
  expect(stepsOf(epochOf({ status: 'open', batchList: [] }))).toEqual([{ stage: 'submitted', from: 0 }])
  const waiting = { ...batch, finalizedAt: undefined, attestations: [] }
  expect(stepsOf(epochOf({ status: 'pending', batchList: [waiting] })).at(-1)).toEqual({ stage: 'finalized', from: 48 })
})

test('an epoch without batches has no steps when it is over', () => {
  expect(stepsOf(epochOf({ status: 'empty', batchList: [] }))).toEqual([])
})
