import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { within } from './within.ts'

const stopped = new WeftError('STOPPED', { what: 'test' })

describe('a time limit', () => {
  const late = () => new Error('late')
  const setUp = () => ({ clock: createVirtualClock(), stop: new AbortController() })
  /** Nothing is left that could happen. */
  const idle = (clock: ReturnType<typeof createVirtualClock>) =>
    expect(clock.runUntil(new Promise(() => undefined), { limitMs: 0 })).rejects.toThrow('no timer is left')

  test('gives what came in time, and leaves no timer', async () => {
    const { clock, stop } = setUp()
    const work = clock.sleep(99).then(() => 7)
    const result = within(work, { timeoutMs: 100, clock, signal: stop.signal, late })
    expect(await clock.runUntil(result, { limitMs: 1_000 })).toBe(7)
    await idle(clock)
  })

  test('rejects when it is over', async () => {
    const { clock, stop } = setUp()
    const startMs = clock.nowMs()
    const result = within(new Promise(() => undefined), { timeoutMs: 100, clock, signal: stop.signal, late })
    await expect(clock.runUntil(result, { limitMs: 1_000 })).rejects.toThrow('late')
    expect(clock.nowMs() - startMs).toBe(100)
  })

  test.each([100, undefined])('ends with the signal at once (limit %s)', async (timeoutMs) => {
    const { clock, stop } = setUp()
    const result = within(new Promise(() => undefined), { timeoutMs, clock, signal: stop.signal, late })
    const failure = result.catch((each: unknown) => each)
    await clock.advance(10)
    stop.abort(stopped)
    expect(await failure).toBe(stopped)
    await idle(clock)
  })

  test('does not even look at the work after the signal', async () => {
    const { clock, stop } = setUp()
    stop.abort(stopped)
    await expect(within(Promise.resolve(7), { timeoutMs: 100, clock, signal: stop.signal, late })).rejects.toBe(stopped)
  })

  test('a work that fails after its limit is nobody’s accident', async () => {
    const { clock, stop } = setUp()
    const work = clock.sleep(200).then(() => {
      throw new Error('too late to matter')
    })
    const result = within(work, { timeoutMs: 100, clock, signal: stop.signal, late })
    await expect(clock.runUntil(result, { limitMs: 1_000 })).rejects.toThrow('late')
    await clock.advance(1_000)
  })
})
