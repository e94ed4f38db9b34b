import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { untilAborted } from './until-aborted.ts'

const hangs = new Promise<never>(() => undefined)

test('work is waited for until the signal aborts, and ends with its reason', async () => {
  const stop = new AbortController()
  const waiting = untilAborted(hangs, stop.signal)
  stop.abort(new Error('stopping'))
  await expect(waiting).rejects.toThrow('stopping')
  const late = untilAborted(hangs, AbortSignal.abort(new Error('stopped')))
  const nextTurn = new Promise((resolve) => setImmediate(resolve, 'still waiting'))
  await expect(Promise.race([late, nextTurn])).rejects.toThrow('stopped')
})

test('its value and its failure come through, and nothing is left on the signal', async () => {
  const { signal } = new AbortController()
  expect(await untilAborted(Promise.resolve(7), signal)).toBe(7)
  await expect(untilAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})
