import { describe, expect, test } from 'vitest'
import type { BlockNumber, Cid, ContractNumber } from './ids.ts'
import { type BatchStep, roundsOf } from './rounds.ts'

const RELEASE = 100 as ContractNumber
const step = (what: BatchStep['what'], batchCid: string, blockNumber: number): BatchStep => ({
  what,
  batchCid: batchCid as Cid,
  blockNumber: blockNumber as BlockNumber,
  contractNumber: blockNumber as ContractNumber,
})
const starts = (steps: readonly BatchStep[], count: number): readonly number[] => {
  const rounds = roundsOf(steps, RELEASE)
  return Array.from({ length: count }, (_, index) => rounds.startOf(index))
}

describe('the rounds of an epoch', () => {
  test('count from the release while nobody disagrees', () => {
    const rounds = roundsOf([step('submitted', 'a', 105), step('final', 'a', 106)], RELEASE)
    expect([rounds.count, rounds.start, rounds.startOf(0), rounds.startOf(7), rounds.isRefuted(0)]).toEqual([0, 100, 100, 100, false])
  })

  test('begin where a batch was refuted, for the batches that come after it', () => {
    const steps = [step('submitted', 'a', 105), step('submitted', 'b', 105), step('refuted', 'a', 110), step('submitted', 'c', 112)]
    expect(starts(steps, 4)).toEqual([100, 100, 110, 110])
    const rounds = roundsOf(steps, RELEASE)
    expect([rounds.count, rounds.start, [0, 1, 2].map(rounds.isRefuted)]).toEqual([1, 110, [true, false, false]])
  })

  test('S34: begin at the number that contracts saw, not at that of the block', () => {
    const refuted = { ...step('refuted', 'a', 9_110), contractNumber: 110 as ContractNumber }
    expect(roundsOf([step('submitted', 'a', 9_105), refuted], RELEASE).start).toBe(110)
  })

  test('are shared by what is refuted beside it, which begins the last one anew and leaves its batches in it', () => {
    const steps = [
      ...[step('submitted', 'a', 105), step('submitted', 'b', 105), step('refuted', 'a', 110), step('submitted', 'c', 112)],
      step('refuted', 'b', 115),
    ]
    expect([roundsOf(steps, RELEASE).count, starts(steps, 4)]).toEqual([1, [100, 100, 115, 115]])
  })

  test('are three and no more: what is refuted in the last opens none', () => {
    const steps = ['a', 'b', 'c', 'd'].flatMap((batchCid, index) => [
      step('submitted', batchCid, 110 + 10 * index),
      step('refuted', batchCid, 115 + 10 * index),
    ])
    const rounds = roundsOf(steps, RELEASE)
    expect([rounds.count, rounds.start, rounds.refutedAt, starts(steps, 4)]).toEqual([3, 135, 145, [100, 115, 125, 135]])
    expect([0, 1, 2, 3].map(rounds.isRefuted)).toEqual([true, true, true, true])
  })

  test('know a batch that became final after all, and one that is sent again under its own name', () => {
    const sent = [step('submitted', 'a', 105), step('refuted', 'a', 110)]
    expect(roundsOf([...sent, step('final', 'a', 111)], RELEASE).isRefuted(0)).toBe(false)
    const rounds = roundsOf([...sent, step('submitted', 'a', 112)], RELEASE)
    expect([rounds.isRefuted(0), rounds.isRefuted(1), rounds.startOf(1)]).toEqual([true, false, 110])
  })

  test('do not hear of a batch that was never submitted', () => {
    const sent = [step('submitted', 'a', 105)]
    const rounds = roundsOf([...sent, step('refuted', 'x', 110)], RELEASE)
    expect([rounds.count, rounds.start, rounds.hasRefuted, rounds.refutedAt]).toEqual([0, 100, false, undefined])
    expect(roundsOf([...sent, step('refuted', 'a', 110), step('final', 'x', 111)], RELEASE).isRefuted(0)).toBe(true)
  })
})
