import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { retrying, within } from './pacing.ts'

const down = () => Promise.reject(new WeftError('CHAIN_UNREACHABLE', { endpoint: 'test', method: 'x' }))
const stopped = new WeftError('STOPPED', { what: 'test' })

describe('trying again', () => {
  /** The times of the attempts, in milliseconds from the first. */
  async function attemptsAt(options: { readonly fraction: number; readonly stopAtMs?: number; readonly attemptsMax?: number }) {
    const clock = createVirtualClock()
    const startMs = clock.nowMs()
    const stop = new AbortController()
    const times: number[] = []
    const work = retrying(
      () => {
        times.push(clock.nowMs() - startMs)
        return down()
      },
      { attemptsMax: options.attemptsMax ?? 6, firstMs: 100, lastMs: 500 },
      { clock, random: { fraction: () => options.fraction }, signal: stop.signal },
    )
    const failure = work.catch((each: unknown) => each)
    if (options.stopAtMs !== undefined) {
      await clock.advance(options.stopAtMs)
      stop.abort(stopped)
    }
    await clock.advance(60_000)
    return { times, failure: await failure }
  }

  test('waits twice as long each time, up to the longest pause', async () => {
    expect((await attemptsAt({ fraction: 0.5 })).times).toEqual([0, 100, 300, 700, 1_200, 1_700])
  })

  test('scatters each pause from half to one and a half of it', async () => {
    expect((await attemptsAt({ fraction: 0 })).times).toEqual([0, 50, 150, 350, 600, 850])
    expect((await attemptsAt({ fraction: 1, attemptsMax: 3 })).times).toEqual([0, 150, 450])
  })

  test('stops in the middle of a pause, with the reason of the signal', async () => {
    expect(await attemptsAt({ fraction: 0.5, stopAtMs: 200 })).toEqual({ times: [0, 100], failure: stopped })
  })

  test('does not begin after the signal, and says the reason also where the work failed of it', async () => {
    const clock = createVirtualClock()
    const stop = new AbortController()
    const context = { clock, random: { fraction: () => 0.5 }, signal: stop.signal }
    const failing = retrying(
      async () => {
        stop.abort(stopped)
        throw new Error('because of the signal')
      },
      { attemptsMax: 3, firstMs: 1, lastMs: 1 },
      context,
    )
    await expect(failing).rejects.toBe(stopped)
    let isAsked = false
    const late = retrying(
      async () => {
        isAsked = true
      },
      { attemptsMax: 3, firstMs: 1, lastMs: 1 },
      context,
    )
    await expect(late).rejects.toBe(stopped)
    expect(isAsked).toBe(false)
  })
})

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
