import { describe, expect, test } from 'vitest'
import { advanceEpoch, isEpochOver } from './epoch.ts'
import { WeftError } from './errors.ts'
import { advanceProject, endProject, isProjectOver, PROJECT_REASONS } from './project.ts'

describe('an epoch', () => {
  test('goes from release to end', () => {
    let state = advanceEpoch('released', 'closed')
    state = advanceEpoch(state, 'planned')
    state = advanceEpoch(state, 'anchored')
    expect(isEpochOver(state)).toBe(false)
    expect(isEpochOver(advanceEpoch(state, 'ended'))).toBe(true)
  })
  test.each([
    ['released', 'planned'],
    ['ended', 'released'],
    ['planned', 'void'],
    ['closed', 'anchored'],
  ] as const)('has no step from %s to %s', (from, to) => {
    expect(() => advanceEpoch(from, to)).toThrow(
      expect.objectContaining({ code: 'STATE_TRANSITION', facts: { machine: 'epoch', from, to } }),
    )
  })
  test('may be released again after a reorganisation took the release away', () => {
    expect(advanceEpoch(advanceEpoch('released', 'void'), 'released')).toBe('released')
    expect(isEpochOver('void')).toBe(true)
  })
})

describe('a project of an epoch', () => {
  test('goes from computed to finalized', () => {
    const path = ['computed', 'submitted', 'batched', 'pending', 'disputed', 'finalized'] as const
    expect(path.reduce((from, to) => advanceProject(from, to) as (typeof path)[number], 'released' as never)).toBe('finalized')
  })
  test('every reason names a terminal state', () => {
    for (const row of Object.values(PROJECT_REASONS)) expect(isProjectOver(row.state)).toBe(true)
  })
  test('ends with a reason that fits the state it is in', () => {
    expect(endProject('submitted', 'below_min_votes')).toEqual({ state: 'omitted', reason: 'below_min_votes' })
    expect(endProject('computed', 'hand_over_failed')).toEqual({ state: 'missed', reason: 'hand_over_failed' })
    expect(() => endProject('released', 'majority_attested')).toThrow(WeftError)
    expect(() => endProject('finalized', 'not_submitted')).toThrow(WeftError)
  })
})
