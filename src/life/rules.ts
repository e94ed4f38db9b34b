import { isWeftError, toldOf, type WeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { EpochId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { type Backoff, pauseMs } from './backoff.ts'
import type { PersistDeps } from './persist.ts'

/** What a market asks for, as a role is told; who fetches and checks manifests is another. */
export interface RuleBook {
  /** Those of the next epoch, as far as it was known at start: for what belongs to no epoch. */
  readonly present: MarketRules
  /** What applies to an epoch that was released. Rejects while that is not known; never answers with the rules of another epoch instead. */
  rulesAt(epochId: EpochId): Promise<MarketRules>
}

/** Of a market that never changes its rules. */
export const sameRules = (rules: MarketRules): RuleBook => ({ present: rules, rulesAt: async () => rules })

/** A window is tens of seconds: whoever brings the manifest within one is in time. */
const ASK: Backoff = { firstMs: 250, lastMs: 2_000 }

/** Why the rules of an epoch are not known yet. That the chain does not answer happens every day; that nobody has the rules must be heard. */
export function tellHeld(failure: WeftError, about: { readonly epochId: EpochId; readonly pauseMs?: number }, report: Report): void {
  const isOfTheDay = failure.kind === 'transient' && failure.code !== 'MANIFEST_UNAVAILABLE'
  report(isOfTheDay ? 'will_try_again' : 'epoch_held', { ...toldOf(failure), doing: 'read_rules', ...about })
}

export interface LearnOptions {
  readonly epochId: EpochId
  /** `false` when there is nothing left to judge in the epoch. */
  readonly isNeeded: () => boolean
  readonly signal: AbortSignal
  /** Called after each attempt that failed. */
  readonly onHeld?: () => void
}

/**
 * The rules of a released epoch, asked for until they are known, whatever is wrong with them; the log says so aloud. `undefined` when they
 * are not needed any more: then the epoch was not judged, by these rules or by others. Throws the signal's reason, and bugs.
 */
export async function learnRules(
  { epochId, isNeeded, signal, onHeld }: LearnOptions,
  { rules, clock, random, report }: PersistDeps & { readonly rules: RuleBook },
): Promise<MarketRules | undefined> {
  for (let attempts = 1; attempts === 1 || isNeeded(); attempts += 1) {
    signal.throwIfAborted()
    try {
      return await rules.rulesAt(epochId)
    } catch (failure) {
      signal.throwIfAborted()
      if (!isWeftError(failure) || failure.kind === 'bug') throw failure
      const waitMs = pauseMs(ASK, attempts, random)
      tellHeld(failure, { epochId, pauseMs: waitMs }, report)
      onHeld?.()
      await clock.sleep(waitMs, signal)
    }
  }
  return undefined
}
