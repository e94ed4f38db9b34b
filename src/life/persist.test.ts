import pLimit from 'p-limit'
import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { persist } from './persist.ts'

const transient = () => new WeftError('CHAIN_UNREACHABLE', { endpoint: 'e', method: 'm' })
const stopped = new WeftError('STOPPED', { what: 'test' })
/** The longest pauses that chance gives. */
const random = { fraction: () => 1 }
const forever = new AbortController().signal

/** Fails so often, then is done; what it says and how long it waits is noted. */
function run(failures: readonly unknown[], options: Partial<Parameters<typeof persist>[0]> = {}) {
  const left = [...failures]
  const seen: unknown[] = []
  const attempt = async () => {
    if (left.length > 0) throw left.shift()
    return 'done'
  }
  const clock = { sleep: async (pauseMs: number) => void seen.push(pauseMs) }
  const report = (event: string, facts: object) => void seen.push(event, facts)
  return { result: persist({ attempt, signal: forever, ...options }, { clock, random, report }), seen, left }
}

test('what passes is tried again, with pauses that grow to a limit', async () => {
  const { result, seen } = run(Array.from({ length: 8 }, transient))
  expect(await result).toBe('done')
  expect(seen).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
})

test('the pauses may be others, and the attempts counted: then the last failure is thrown', async () => {
  const failures = Array.from({ length: 5 }, transient)
  const { result, seen, left } = run(failures, { attemptsMax: 4, backoff: { firstMs: 100, lastMs: 200 } })
  await expect(result).rejects.toBe(failures[3])
  expect([seen, left]).toEqual([[100, 200, 200], [failures[4]]])
})

test.each([[new WeftError('STORE_FAILED', { path: 'p', doing: 'd' })], [new Error('foreign')]])(
  '%s is not tried again',
  async (failure) => {
    await expect(run([failure]).result).rejects.toBe(failure)
  },
)

test('G12: the log tells what is tried again, why, and after which pause; what has no name is not told', async () => {
  const told = (pauseMs: number) => [
    'will_try_again',
    { doing: 'read_slots', code: 'CHAIN_UNREACHABLE', endpoint: 'e', method: 'm', pauseMs },
    pauseMs,
  ]
  const named = run([transient(), transient()], { doing: 'read_slots' })
  await named.result
  expect(named.seen).toEqual([...told(250), ...told(500)])
  const nameless = run([transient(), transient()])
  await nameless.result
  expect(nameless.seen).toEqual([250, 500])
})

test('G12: where places are few, what never comes right goes to the end of the line after each pause, and all others have their turn', async () => {
  const clock = createVirtualClock()
  const inTurn = pLimit(2)
  const deps = { clock, random, report: () => undefined }
  const never = () => Promise.reject(transient())
  const hopeless = Array.from({ length: 4 }, () => persist({ attempt: never, attemptsMax: 9, signal: forever, inTurn }, deps))
  const all = Promise.allSettled(hopeless)
  const good = Promise.all(Array.from({ length: 3 }, () => persist({ attempt: async () => clock.nowMs(), signal: forever, inTurn }, deps)))
  const beganMs = clock.nowMs()
  const doneMs = await clock.runUntil(good, { limitMs: 60_000 })
  expect(doneMs.map((ms) => ms - beganMs)).toEqual([500, 500, 500])
  await clock.runUntil(all, { limitMs: 600_000 })
})

describe('the signal', () => {
  const deps = { random, report: () => undefined }

  test('once it has aborted, nothing begins', async () => {
    let isAsked = false
    const attempt = async () => {
      isAsked = true
    }
    await expect(persist({ attempt, signal: AbortSignal.abort(stopped) }, { ...deps, clock: createVirtualClock() })).rejects.toBe(stopped)
    expect(isAsked).toBe(false)
  })

  test('gives its reason also where the work failed of it', async () => {
    const stop = new AbortController()
    const attempt = async () => {
      stop.abort(stopped)
      throw new Error('because of the signal')
    }
    await expect(persist({ attempt, signal: stop.signal }, { ...deps, clock: createVirtualClock() })).rejects.toBe(stopped)
  })

  test('G12: ends a pause in its middle', async () => {
    const clock = createVirtualClock()
    const startMs = clock.nowMs()
    const stop = new AbortController()
    const times: number[] = []
    const attempt = () => {
      times.push(clock.nowMs() - startMs)
      return Promise.reject(transient())
    }
    const failure = persist({ attempt, signal: stop.signal }, { ...deps, clock }).catch((each: unknown) => each)
    await clock.advance(300)
    stop.abort(stopped)
    expect(await failure).toBe(stopped)
    await clock.advance(60_000)
    expect(times).toEqual([0, 250])
  })
})
