import type { Clock } from '#io/clock/port.ts'

/** Wakes whoever waits for news, in this process. Who comes too late looks by itself after a while. */
export interface Bell {
  ring(): void
  /** Resolves at the next ring, or after `durationMs`. Rejects with the signal's reason. */
  wait(durationMs: number, signal: AbortSignal): Promise<void>
  /** Called at every ring until the answer is called. It must not throw, and does no work. */
  onRing(listener: () => void): () => void
}

export function createBell({ clock }: { readonly clock: Pick<Clock, 'sleep'> }): Bell {
  const listeners = new Set<() => void>()
  return {
    ring() {
      for (const listener of [...listeners]) listener()
    },
    async wait(durationMs, signal) {
      const woken = new AbortController()
      const stop = this.onRing(() => woken.abort())
      try {
        await clock.sleep(durationMs, AbortSignal.any([signal, woken.signal]))
      } catch (reason) {
        if (!woken.signal.aborted || signal.aborted) throw reason
      } finally {
        stop()
      }
    },
    onRing(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
