import { describe, expect, test } from 'vitest'
import { advanceEpoch, type EpochState, isEpochOver } from './epoch.ts'
import { WeftError } from './errors.ts'
import { advanceProject, endProject, isProjectOver, PROJECT_REASONS, type ProjectState } from './project.ts'

/** Of every state, the states that may follow: all others are refused. */
function stepsOf<State extends string>(states: readonly State[], advance: (from: State, to: State) => State) {
  const mayFollow = (from: State) => (to: State) => {
    try {
      return advance(from, to) === to
    } catch (failure) {
      expect(failure).toMatchObject({ code: 'STATE_TRANSITION', facts: { from, to } })
      return false
    }
  }
  return Object.fromEntries(states.map((from) => [from, states.filter(mayFollow(from))]))
}

describe('an epoch', () => {
  const STATES: readonly EpochState[] = ['released', 'closed', 'planned', 'anchored', 'ended', 'missed', 'void']
  test('has these steps and no other', () => {
    expect(stepsOf(STATES, advanceEpoch)).toEqual({
      released: ['closed', 'void'],
      closed: ['released', 'planned', 'ended', 'missed', 'void'],
      planned: ['anchored', 'missed', 'void'],
      anchored: ['ended', 'missed', 'void'],
      ended: ['void'],
      missed: ['void'],
      void: ['released'],
    })
  })
  test('is over where only the chain can bring it back', () => {
    expect(STATES.filter(isEpochOver)).toEqual(['ended', 'missed', 'void'])
  })
  test('has no step from a state that another version wrote', () => {
    expect(() => advanceEpoch('sealed' as EpochState, 'ended')).toThrow(
      expect.objectContaining({ code: 'STATE_TRANSITION', facts: { machine: 'epoch', from: 'sealed', to: 'ended' } }),
    )
  })
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
    ['planned', 'ended'],
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
  const LIVE: readonly ProjectState[] = ['released', 'computed', 'submitted', 'batched', 'pending', 'disputed']
  const STATES: readonly ProjectState[] = [...LIVE, 'finalized', 'omitted', 'missed']
  test('has these steps and no other', () => {
    expect(stepsOf(STATES, advanceProject)).toEqual({
      released: ['computed', 'submitted', 'missed'],
      computed: ['submitted', 'missed'],
      submitted: ['batched', 'omitted', 'missed'],
      batched: ['pending', 'missed'],
      pending: ['disputed', 'finalized', 'missed'],
      disputed: ['batched', 'finalized', 'omitted', 'missed'],
      finalized: [],
      omitted: [],
      missed: [],
    })
    expect(STATES.filter(isProjectOver)).toEqual(['finalized', 'omitted', 'missed'])
  })
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
    expect(() => endProject('released', 'majority_attested')).toThrow(
      expect.objectContaining({ code: 'STATE_TRANSITION', facts: { machine: 'project', from: 'released', to: 'finalized' } }),
    )
    expect(() => endProject('finalized', 'not_submitted')).toThrow(WeftError)
  })
})
