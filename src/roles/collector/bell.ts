import type { Clock } from '#io/clock/port.ts'

/** Wakes one sleeper. */
export interface Bell {
  /** Ends the wait under way, or the next one when nobody waits. */
  ring(): void
  /** Resolves when the bell rings, after `durationMs`, or when the signal aborts. */
  wait(durationMs: number, signal: AbortSignal): Promise<void>
}

export function createBell(clock: Clock): Bell {
  let isRung = false
  let wake: (() => void) | undefined
  return {
    ring() {
      if (wake === undefined) isRung = true
      else wake()
    },
    async wait(durationMs, signal) {
      if (isRung || signal.aborted) {
        isRung = false
        return
      }
      const leaving = new AbortController()
      wake = () => leaving.abort('rung')
      await pause(clock, durationMs, AbortSignal.any([signal, leaving.signal]))
      wake = undefined
    },
  }
}

/** Sleeps; an abort ends the sleep and is no failure. */
export async function pause(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(durationMs, signal)
  } catch (failure) {
    if (!signal.aborted) throw failure
  }
}
