import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { learnRules } from './rules.ts'
import { rulesWith } from './rules.test-world.ts'

const epochId = 4 as EpochId
const unavailable = new WeftError('MANIFEST_UNAVAILABLE', { cid: 'c', lookedIn: 'l' })

/** Asks of a book that answers so, one after the other. */
function asking(answers: readonly (Error | 'known')[], isNeeded: () => boolean = () => true) {
  const clock = createVirtualClock()
  const left = [...answers]
  const told: unknown[] = []
  const rulesAt = async (asked: EpochId) => {
    expect(asked).toBe(epochId)
    const answer = left.shift()
    if (answer instanceof Error) throw answer
    return rulesWith()
  }
  const deps = {
    rules: { present: rulesWith({ namespace: 'OLD' }), rulesAt },
    clock,
    random: { fraction: () => 1 },
    report: (event: string, facts: object) => void told.push([event, facts]),
  }
  let held = 0
  const learned = learnRules({ epochId, isNeeded, signal: new AbortController().signal, onHeld: () => (held += 1) }, deps)
  learned.catch(() => undefined)
  return { learned: clock.runUntil(learned, { limitMs: 60_000 }), told, held: () => held, left }
}

test('rules are asked for until they are known, whatever is wrong with them, and each time that is said', async () => {
  const invalid = new WeftError('MANIFEST_INVALID', { manifest: 'c', problems: ['p'] })
  const { learned, told, held } = asking([unavailable, invalid, 'known'])
  expect(await learned).toEqual(rulesWith())
  expect(told).toMatchObject([
    ['epoch_held', { code: 'MANIFEST_UNAVAILABLE', cid: 'c', epochId, pauseMs: 250 }],
    ['epoch_held', { code: 'MANIFEST_INVALID', epochId, pauseMs: 500 }],
  ])
  expect(held()).toBe(2)
})

test('that the chain does not answer is no news of the market', async () => {
  const { learned, told } = asking([new WeftError('CHAIN_UNREACHABLE', { endpoint: 'e', method: 'm' }), 'known'])
  expect(await learned).toEqual(rulesWith())
  expect(told).toMatchObject([['will_try_again', { code: 'CHAIN_UNREACHABLE', doing: 'read_rules', epochId }]])
})

test('they are not asked for when nothing is left to judge, and others are no answer', async () => {
  let asked = 0
  const { learned, left } = asking([unavailable, unavailable, 'known'], () => ++asked < 2)
  expect(await learned).toBeUndefined()
  expect(left).toEqual(['known'])
})

test('a bug is none of that', async () => {
  await expect(asking([new TypeError('bug')]).learned).rejects.toThrow('bug')
})
