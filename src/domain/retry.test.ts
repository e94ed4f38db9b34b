import { expect, test } from 'vitest'
import { WeftError } from './errors.ts'
import { untilDone } from './retry.ts'

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
