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

    test('a signal that is aborted already refuses at once', async () => {
      const { clock } = open()
      const reason = new Error('enough')
      await expect(clock.sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason)
    })
  })
}
