import type { Clock } from '#io/clock/port.ts'
import { pause } from './bell.ts'
import type { Counters } from './counters.ts'
import type { Entry, Outbox } from './outbox.ts'
import type { Telling } from './tell.ts'

/** Ages are minutes, so looking once a second is exact enough. */
const SWEEP_INTERVAL_MS = 1_000

/** Gives up what is too old, with the reason on record (C6). Works until the signal aborts; rejects when the store fails. */
export async function expire(
  deps: { readonly outbox: Outbox; readonly counters: Counters; readonly telling: Telling; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const old = deps.outbox.overdue()
    const endings = await Promise.all(old.map((entry) => deps.outbox.finish(entry, 'too_old')))
    for (const [index, ending] of endings.entries()) {
      deps.counters.countEnding(ending, 'too_old')
      deps.telling.note((old[index] as Entry).epochId, ending, 'too_old')
    }
    await pause(deps.clock, SWEEP_INTERVAL_MS, signal)
  }
}
