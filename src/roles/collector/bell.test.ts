import { describe, expect, test } from 'vitest'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createBell, pause } from './bell.ts'

const never = new AbortController().signal

describe('the bell', () => {
  test('wakes who waits, before the time is over', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const bell = createBell(clock)
    const waiting = bell.wait(1_000, never)
    bell.ring()
    await clock.runUntil(waiting, { limitMs: 0 })
    expect(clock.nowMs()).toBe(0)
  })

  test('rung while nobody waits it ends the next wait, and only that', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const bell = createBell(clock)
    bell.ring()
    bell.ring()
    await clock.runUntil(bell.wait(1_000, never), { limitMs: 0 })
    await clock.runUntil(bell.wait(1_000, never), { limitMs: 1_000 })
    expect(clock.nowMs()).toBe(1_000)
  })

  test('a ring that woke somebody does not end the wait after it', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const bell = createBell(clock)
    const first = bell.wait(1_000, never)
    bell.ring()
    bell.ring()
    await clock.runUntil(first, { limitMs: 0 })
    await clock.runUntil(bell.wait(1_000, never), { limitMs: 1_000 })
    expect(clock.nowMs()).toBe(1_000)
    // After a wait that ran out nobody waits.
    bell.ring()
    await clock.runUntil(bell.wait(1_000, never), { limitMs: 0 })
  })

  test('an abort ends the wait, before it and during it', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const bell = createBell(clock)
    const leaving = new AbortController()
    const waiting = bell.wait(1_000, leaving.signal)
    leaving.abort()
    await clock.runUntil(waiting, { limitMs: 0 })
    await clock.runUntil(bell.wait(1_000, leaving.signal), { limitMs: 0 })
    expect(clock.nowMs()).toBe(0)
  })
})

test('a pause that is aborted is no failure; a clock that fails is one', async () => {
  const leaving = new AbortController()
  const clock = createVirtualClock({ startMs: 0 })
  const pausing = pause(clock, 1_000, leaving.signal)
  leaving.abort()
  await clock.runUntil(pausing, { limitMs: 0 })
  const broken = { nowMs: () => 0, sleep: () => Promise.reject(new Error('the clock stands still')) }
  await expect(pause(broken, 1, never)).rejects.toThrow('the clock stands still')
})
