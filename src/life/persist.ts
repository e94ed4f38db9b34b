import { isWeftError, toldOf, type WeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'

const PAUSE_MIN_MS = 250
/** Long enough not to burden what is down, short enough to notice when it is back: chain windows are tens of seconds. */
const PAUSE_MAX_MS = 10_000

export interface RetryOptions {
  readonly sleep: (durationMs: number, signal: AbortSignal) => Promise<void>
  readonly onTrouble: (failure: WeftError, pauseMs: number) => void
  readonly signal: AbortSignal
}

/**
 * Tries again what fails in a way that may pass (`transient`), with growing pauses, until it is done or the signal aborts.
 * Only for work that has an end of its own elsewhere: the chain's windows decide when it is too late.
 */
export async function untilDone<Result>(attempt: () => Promise<Result>, { sleep, onTrouble, signal }: RetryOptions): Promise<Result> {
  for (let pauseMs = PAUSE_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
    try {
      return await attempt()
    } catch (failure) {
      if (signal.aborted || !isWeftError(failure) || failure.kind !== 'transient') throw failure
      onTrouble(failure, pauseMs)
    }
    await sleep(pauseMs, signal)
  }
}

export interface PersistDeps {
  readonly clock: { sleep(durationMs: number, signal: AbortSignal): Promise<void> }
  readonly report: Report
}

/** `untilDone` for a role: on its clock, and its log tells what is tried again. No role ends because one call failed at a bad moment (G12). */
export function persist<Result>(
  { doing, attempt, signal }: { readonly doing: string; readonly attempt: () => Promise<Result>; readonly signal: AbortSignal },
  { clock, report }: PersistDeps,
): Promise<Result> {
  const onTrouble = (failure: WeftError, pauseMs: number) => report('will_try_again', { ...toldOf(failure), doing, pauseMs })
  return untilDone(attempt, { sleep: (durationMs) => clock.sleep(durationMs, signal), onTrouble, signal })
}
