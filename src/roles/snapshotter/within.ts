import type { Clock } from '#io/clock/port.ts'

export interface Limits {
  /** Without it only the signal ends the wait. */
  readonly timeoutMs: number | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly late: () => Error
}

/** Rejects with what `late` makes when `work` takes too long, or with the signal's reason. `work` itself cannot be stopped: nobody looks at it any more. */
export async function within<Value>(work: Promise<Value>, { timeoutMs, clock, signal, late }: Limits): Promise<Value> {
  const over = new AbortController()
  const ended = AbortSignal.any([over.signal, signal])
  const aborted = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over.signal }),
  )
  const timer =
    timeoutMs === undefined
      ? aborted
      : clock.sleep(timeoutMs, ended).then(() => {
          throw late()
        })
  // Whichever loses the race has nobody left to tell.
  for (const loser of [work, aborted, timer]) loser.catch(() => undefined)
  signal.throwIfAborted()
  try {
    return await Promise.race([work, aborted, timer])
  } finally {
    over.abort('over')
  }
}
