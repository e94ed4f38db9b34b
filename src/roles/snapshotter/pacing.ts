import { isWeftError } from '#domain/errors.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Random } from '#io/keys/port.ts'

/** Waiting and its limits, on the clock port. */

export interface Pacing {
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
}

export interface Backoff {
  readonly attemptsMax: number
  /** The pause doubles from the first to the last value; each is scattered by half so that nodes do not knock together. */
  readonly firstMs: number
  readonly lastMs: number
}

/** Does `work` again after transient failures, until it succeeds, the attempts are used up, or the signal aborts. Throws the last failure. */
export async function retrying<Value>(
  work: () => Promise<Value>,
  backoff: Backoff,
  { clock, random, signal }: Pacing & { readonly signal: AbortSignal },
): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    // What waited for its turn meanwhile must not begin any more.
    signal.throwIfAborted()
    try {
      return await work()
    } catch (failure) {
      signal.throwIfAborted()
      if (attempt >= backoff.attemptsMax || !isWeftError(failure) || failure.kind !== 'transient') throw failure
    }
    await clock.sleep(Math.min(backoff.firstMs * 2 ** (attempt - 1), backoff.lastMs) * (0.5 + random.fraction()), signal)
  }
}

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
    over.abort()
  }
}
