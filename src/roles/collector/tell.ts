import type { Report } from '#domain/events.ts'
import type { EpochId } from '#domain/ids.ts'
import type { Clock } from '#io/clock/port.ts'
import { pause } from './bell.ts'
import type { EndCode, Ending, Outbox } from './outbox.ts'

/** How often it is looked whether an epoch is over: one that is has been quiet for a minute. */
const LOOK_INTERVAL_MS = 5_000
/**
 * An epoch is over when nothing of it waits and nothing has ended for this long: no window in use is longer, and aggregates come long after
 * the snapshots that they are made of.
 */
const QUIET_MS = 60_000

/** How the submissions of one epoch ended. */
interface Account {
  readonly endings: Record<Ending, number>
  readonly lost: Partial<Record<EndCode, number>>
  lastMs: number
}

export interface Telling {
  note(epochId: EpochId, ending: Ending, code: EndCode): void
  /** Tells of each epoch in one line when it is over, and of the rest at the end. Works until the signal aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** What was given up or refused for good is nobody's secret: one line per epoch says how many, and why (C6). */
export function createTelling(deps: { readonly outbox: Outbox; readonly clock: Clock; readonly report: Report }): Telling {
  const { outbox, clock, report } = deps
  /** Entries that end are bounded, so are their epochs between two looks. */
  const accounts = new Map<EpochId, Account>()

  function tell(epochId: EpochId, { endings, lost }: Account): void {
    accounts.delete(epochId)
    const { acknowledged, sent, rejected, expired } = endings
    // That the sign of life of epoch 0 came through is no news.
    if (rejected + expired === 0 && epochId === 0) return
    if (rejected + expired === 0) report('epoch_delivered', { epochId, acknowledged, sent })
    else report('submissions_lost', { epochId, acknowledged, sent, rejected, expired, ...lost })
  }

  return {
    note(epochId, ending, code) {
      const account = accounts.get(epochId) ?? { endings: { acknowledged: 0, sent: 0, rejected: 0, expired: 0 }, lost: {}, lastMs: 0 }
      accounts.set(epochId, account)
      account.endings[ending] += 1
      account.lastMs = clock.nowMs()
      if (ending === 'rejected' || ending === 'expired') account.lost[code] = (account.lost[code] ?? 0) + 1
    },
    async run(signal) {
      while (!signal.aborted) {
        await pause(clock, LOOK_INTERVAL_MS, signal)
        const quiet = [...accounts].filter(([, { lastMs }]) => clock.nowMs() >= lastMs + QUIET_MS)
        if (quiet.length === 0) continue
        const open = outbox.openEpochs()
        for (const [epochId, account] of quiet) if (!open.has(epochId)) tell(epochId, account)
      }
      for (const [epochId, account] of accounts) tell(epochId, account)
    },
  }
}
