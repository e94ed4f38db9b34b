import { isWeftError, toldOf } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Random } from '#io/keys/port.ts'
import { type Backoff, pauseMs } from './backoff.ts'

/** Long enough not to burden what is down, short enough to notice when it is back: chain windows are tens of seconds. */
const PATIENT: Backoff = { firstMs: 250, lastMs: 10_000 }

export interface PersistOptions<Result> {
  readonly attempt: () => Promise<Result>
  readonly signal: AbortSignal
  /** What the log calls it. Without a name it says nothing: for what is not there yet, which is no failure. */
  readonly doing?: string
  readonly backoff?: Backoff
  /** Without it only the signal ends the attempts. */
  readonly attemptsMax?: number
  /** Bounds how many are at it at once. Who fails pauses in its place and then goes to the end of the line: what never comes right keeps nobody from a turn. */
  readonly inTurn?: <Value>(work: () => Promise<Value>) => Promise<Value>
}

export interface PersistDeps {
  readonly clock: { sleep(durationMs: number, signal: AbortSignal): Promise<void> }
  readonly random: Pick<Random, 'fraction'>
  readonly report: Report
}

/**
 * Does again what fails in a way that may pass (`transient`), with growing pauses: no role ends because one call failed at a bad moment
 * (G12). Without `attemptsMax` only for work that has an end of its own elsewhere: the chain's windows decide when it is too late.
 * Throws a failure that will not pass, the last one when the attempts are used up, or the signal's reason.
 */
export async function persist<Result>(options: PersistOptions<Result>, deps: PersistDeps): Promise<Result> {
  const { inTurn = (work) => work() } = options
  for (let attempts = 1; ; attempts += 1) {
    const done = await inTurn(() => attemptOrPause(attempts, options, deps))
    if (done !== undefined) return done.result
  }
}

/** `undefined` after the pause of an attempt that failed, where there is to be another. */
async function attemptOrPause<Result>(
  attempts: number,
  { attempt, signal, doing, backoff = PATIENT, attemptsMax = Number.POSITIVE_INFINITY }: PersistOptions<Result>,
  { clock, random, report }: PersistDeps,
): Promise<{ readonly result: Result } | undefined> {
  // What waited for its turn meanwhile must not begin any more.
  signal.throwIfAborted()
  try {
    return { result: await attempt() }
  } catch (failure) {
    signal.throwIfAborted()
    if (attempts >= attemptsMax || !isWeftError(failure) || failure.kind !== 'transient') throw failure
    const waitMs = pauseMs(backoff, attempts, random)
    if (doing !== undefined) report('will_try_again', { ...toldOf(failure), doing, pauseMs: waitMs })
    await clock.sleep(waitMs, signal)
    return undefined
  }
}
