import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { persist, untilDone } from './persist.ts'

const transient = () => new WeftError('CHAIN_UNREACHABLE', { endpoint: 'e', method: 'm' })

function run(failures: readonly unknown[], signal = new AbortController().signal) {
  const left = [...failures]
  const pauses: number[] = []
  const attempt = async () => {
    if (left.length > 0) throw left.shift()
    return 'done'
  }
  const result = untilDone(attempt, {
    sleep: async (pauseMs) => void pauses.push(pauseMs),
    onTrouble: (failure) => expect(failure.kind).toBe('transient'),
    signal,
  })
  return { result, pauses }
}

test('what passes is tried again, with pauses that grow to a limit', async () => {
  const { result, pauses } = run(Array.from({ length: 8 }, transient))
  expect(await result).toBe('done')
  expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
})

test.each([[new WeftError('STORE_FAILED', { path: 'p', doing: 'd' })], [new Error('foreign')]])(
  '%s is not tried again',
  async (failure) => {
    await expect(run([failure]).result).rejects.toBe(failure)
  },
)

test('nothing is tried again once the signal has aborted', async () => {
  const failure = transient()
  await expect(run([failure], AbortSignal.abort()).result).rejects.toBe(failure)
})

test('G12: a role persists on its clock, and its log tells what is tried again, why, and after which pause', async () => {
  const left = [transient(), transient()]
  const seen: unknown[] = []
  const deps = {
    clock: { sleep: async (pauseMs: number) => void seen.push(pauseMs) },
    report: (event: string, facts: object) => void seen.push(event, facts),
  }
  const attempt = async () => {
    const failure = left.shift()
    if (failure !== undefined) throw failure
    return 'done'
  }
  expect(await persist({ doing: 'read_slots', attempt, signal: new AbortController().signal }, deps)).toBe('done')
  const told = (pauseMs: number) => [
    'will_try_again',
    { doing: 'read_slots', code: 'CHAIN_UNREACHABLE', endpoint: 'e', method: 'm', pauseMs },
    pauseMs,
  ]
  expect(seen).toEqual([...told(250), ...told(500)])
})

test('G12: who persists ends with the signal, in the middle of a pause', async () => {
  const stop = new AbortController()
  const sleep = (_pauseMs: number, signal: AbortSignal) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const result = persist(
    { doing: 'x', attempt: () => Promise.reject(transient()), signal: stop.signal },
    { clock: { sleep }, report: () => undefined },
  )
  await Promise.resolve()
  stop.abort(new Error('stopped'))
  await expect(result).rejects.toThrow('stopped')
})
