import { afterEach, describe, expect, test, vi } from 'vitest'
import { clockSuite } from './suite.ts'
import { systemClock } from './system.ts'

clockSuite('system', () => ({ clock: systemClock, pass: () => Promise.resolve() }))

describe('system clock', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  test('goes on as it was when the machine’s clock is set back by an hour, and with it when that is set forward', async () => {
    vi.useFakeTimers()
    const startMs = systemClock.nowMs() + 1_000_000
    vi.setSystemTime(startMs)
    expect(systemClock.nowMs()).toBe(startMs)
    vi.setSystemTime(startMs - 3_600_000)
    expect(systemClock.nowMs()).toBe(startMs)
    await vi.advanceTimersByTimeAsync(1_500)
    expect(systemClock.nowMs()).toBe(startMs + 1_500)
    vi.setSystemTime(startMs + 5_000)
    expect(systemClock.nowMs()).toBe(startMs + 5_000)
  })

  test('an aborted sleep leaves no timer behind, one aborted beforehand sets none', async () => {
    vi.useFakeTimers()
    const stop = new AbortController()
    const slept = systemClock.sleep(60_000, stop.signal).catch(() => 'aborted')
    expect(vi.getTimerCount()).toBe(1)
    stop.abort()
    expect([await slept, vi.getTimerCount()]).toEqual(['aborted', 0])
    await systemClock.sleep(60_000, AbortSignal.abort()).catch(() => undefined)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('longer than a timer of the platform can hold is slept in full', async () => {
    vi.useFakeTimers()
    const durationMs = 3 * 2_147_483_647
    let isAwake = false
    const slept = systemClock.sleep(durationMs).then(() => {
      isAwake = true
    })
    await vi.advanceTimersByTimeAsync(durationMs - 1)
    expect(isAwake).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await slept
    const stop = new AbortController()
    const stopped = systemClock.sleep(durationMs, stop.signal).catch((cause: unknown) => cause)
    await vi.advanceTimersByTimeAsync(2_147_483_647 + 5)
    stop.abort('over')
    expect([await stopped, vi.getTimerCount()]).toEqual(['over', 0])
  })
})
