import { setTimeout as pause } from 'node:timers/promises'
import { detailOf, WeftError } from '#domain/errors.ts'

const PAUSE_MS = 250
/** A cluster that has not got a leader again by then will not have one soon. */
const PATIENCE_MS = 30_000

/** Tries again while servers elect, restart or are out of reach; throws `LOG_UNREACHABLE` after half a minute. */
export async function patiently<Result>(
  work: () => Promise<Result>,
  { places, signal }: { readonly places: string; readonly signal: AbortSignal },
  patienceMs = PATIENCE_MS,
): Promise<Result> {
  const beganMs = performance.now()
  for (;;) {
    try {
      return await work()
    } catch (failure) {
      signal.throwIfAborted()
      if (failure instanceof WeftError) throw failure
      if (performance.now() - beganMs > patienceMs)
        throw new WeftError('LOG_UNREACHABLE', { servers: places, detail: detailOf(failure) }, failure)
      await pause(PAUSE_MS, undefined, { signal }).catch(() => undefined)
    }
  }
}
