/** Ends the sleep of everybody when it rings. */
export interface Alarm {
  ring(): void
  /** Resolves after so long, when it rings, or when the signal has aborted. */
  sleep(durationMs: number): Promise<void>
}

export function createAlarm(signal: AbortSignal): Alarm {
  const sleepers = new Set<() => void>()
  return {
    ring() {
      for (const wake of sleepers) wake()
    },
    sleep(durationMs) {
      if (signal.aborted) return Promise.resolve()
      return new Promise((resolve) => {
        const finish = () => {
          clearTimeout(timer)
          sleepers.delete(finish)
          signal.removeEventListener('abort', finish)
          resolve()
        }
        const timer = setTimeout(finish, durationMs)
        signal.addEventListener('abort', finish, { once: true })
        sleepers.add(finish)
      })
    },
  }
}
