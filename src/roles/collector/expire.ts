import type { DeliveryReason } from '#domain/reasons.ts'
import type { Clock } from '#io/clock/port.ts'
import { pause } from './bell.ts'
import type { Counters } from './counters.ts'
import type { Entry, Outbox } from './outbox.ts'
import type { Spans } from './spans.ts'
import type { Telling } from './tell.ts'
import type { Windows } from './windows.ts'

/** Windows and ages are seconds to minutes, so looking once a second is exact enough. */
const SWEEP_INTERVAL_MS = 1_000

/** Which entries nobody will take any more, and why. */
export interface Patience {
  readonly reason: DeliveryReason
  isSpent(entry: Pick<Entry, 'epochId' | 'heardAt' | 'firstSeenMs'>): boolean
}

/** Chain time decides, whatever clocks say (C13). */
export const untilWindowEnds = (windows: Windows): Patience => ({
  reason: 'window_over',
  isSpent: ({ epochId, heardAt }) => windows.isOver(epochId, heardAt),
})

/** Where no chain is asked: longer than any window. */
export const untilTooOld = ({ ageMaxMs }: { readonly ageMaxMs: number }, clock: Clock): Patience => ({
  reason: 'too_old',
  isSpent: ({ firstSeenMs }) => firstSeenMs <= clock.nowMs() - ageMaxMs,
})

/** Gives up what nobody will take any more, with the reason on record (C6). Works until the signal aborts; rejects when the store fails. */
export async function expire(
  deps: {
    readonly outbox: Outbox
    readonly counters: Counters
    readonly telling: Telling
    readonly spans?: Spans | undefined
    readonly clock: Clock
  },
  { reason, isSpent }: Patience,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const spent = deps.outbox.waiting().filter(isSpent)
    const endings = await Promise.all(spent.map((entry) => deps.outbox.finish(entry, reason)))
    for (const [index, ending] of endings.entries()) {
      const entry = spent[index] as Entry
      deps.counters.countEnding(ending, reason)
      deps.telling.note(entry.epochId, ending, reason)
      deps.spans?.expired(entry, reason)
    }
    await pause(deps.clock, SWEEP_INTERVAL_MS, signal)
  }
}
