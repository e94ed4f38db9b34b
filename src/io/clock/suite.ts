import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { Clock } from './port.ts'

/** What every clock keeps. `pass` lets the given time go by, or makes it go by. */
export function clockSuite(
  name: string,
  open: () => { readonly clock: Clock; readonly pass: (durationMs: number) => Promise<void> },
): void {
  describe(`clock: ${name}`, () => {
    test('a sleep ends no earlier than asked', async () => {
      const { clock, pass } = open()
      const startMs = clock.nowMs()
      const slept = clock.sleep(5)
      await pass(20)
      await slept
      expect(clock.nowMs()).toBeGreaterThanOrEqual(startMs + 4) // The platform's timers round down by up to one millisecond.
    })

    test('shorter sleeps end first, equal ones in the order they began', async () => {
      const { clock, pass } = open()
      const ended: string[] = []
      const sleeps = [
        clock.sleep(30).then(() => ended.push('long')),
        clock.sleep(2).then(() => ended.push('a')),
        clock.sleep(2).then(() => ended.push('b')),
      ]
      await pass(50)
      await Promise.all(sleeps)
      expect(ended).toEqual(['a', 'b', 'long'])
    })

    test('an abort ends the sleep with the reason given', async () => {
      const { clock } = open()
      const stop = new AbortController()
      const slept = clock.sleep(60_000, stop.signal)
      const reason = new Error('enough')
      stop.abort(reason)
      await expect(slept).rejects.toBe(reason)
    })

    test('an abort ends its own sleep only', async () => {
      const { clock, pass } = open()
      const stop = new AbortController()
      const ended: string[] = []
      const sleeps = [clock.sleep(5, stop.signal), clock.sleep(5), clock.sleep(5, new AbortController().signal)].map((slept, index) =>
        slept.then(
          () => ended.push(`${index} slept`),
          () => ended.push(`${index} aborted`),
        ),
      )
      stop.abort()
      await pass(20)
      await Promise.all(sleeps)
      expect(ended).toEqual(['0 aborted', '1 slept', '2 slept'])
    })

    test('an abort after its end changes nothing, and nothing is left on the signal', async () => {
      const { clock, pass } = open()
      const stop = new AbortController()
      const slept = clock.sleep(5, stop.signal)
      expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1)
      await pass(20)
      await slept
      expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0)
      stop.abort(new Error('enough'))
      await expect(slept).resolves.toBeUndefined()
    })

    test('no time, or less than none, is slept through in the same order as any', async () => {
      const { clock, pass } = open()
      const ended: string[] = []
      const sleeps = [clock.sleep(-1_000).then(() => ended.push('less')), clock.sleep(30).then(() => ended.push('some'))]
      await pass(50)
      await Promise.all(sleeps)
      expect(ended).toEqual(['less', 'some'])
    })

    test('time never goes back', async () => {
      const { clock, pass } = open()
      const seen = [clock.nowMs()]
      const slept = clock.sleep(3)
      await pass(5)
      await slept
      seen.push(clock.nowMs(), clock.nowMs())
      expect(seen).toEqual(seen.toSorted((left, right) => left - right))
    })

    test('a signal that is aborted already refuses at once', async () => {
      const { clock } = open()
      const reason = new Error('enough')
      await expect(clock.sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason)
    })
  })
}
