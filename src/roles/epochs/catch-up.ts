import { SKIP_FROM } from '#domain/epoch.ts'
import type { Report } from '#domain/events.ts'
import type { BlockNumber, EpochId } from '#domain/ids.ts'
import { isAttestationWindowOver, isBatchWindowOver } from '#domain/window.ts'
import type { AnchorChain, MarketState, SourceChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import { ripeUpTo, type WatchOptions } from './watch.ts'

/** What a role that was away does with the epochs that it has not released: all of them, one after the other, or only the newest. */
export type CatchUp = 'release' | 'skip'

/**
 * The longest wait for an epoch to be decided, in shares of the time in which the source chain makes one: a market whose epochs take longer
 * than that is used to several at once, and the role catches up all the same.
 */
const WAIT_SHARE = 0.9

export interface CatchUpOptions extends Omit<WatchOptions, 'epochSize'> {
  readonly catchUp: CatchUp
}
export interface CatchUpDeps {
  readonly chain: AnchorChain
  readonly source: SourceChain
  readonly clock: Clock
  readonly report: Report
}

/** The release after which the next is due. */
export interface Last {
  readonly epochId: EpochId
  readonly end: BlockNumber
}

/** Whether the market is done with the epoch: all its batches are final, or their time is over. */
async function isDecided(epochId: EpochId, market: MarketState, { chain }: CatchUpDeps): Promise<boolean> {
  const [{ contractNumber: released }, head, isEnded] = await Promise.all([
    chain.epochInfo(epochId),
    chain.head(),
    chain.isEpochEnded(epochId),
  ])
  // Whoever answers has not seen the release.
  if (released === 0) return false
  if (isBatchWindowOver(released, head.contractNumber, market) && isAttestationWindowOver(released, head.contractNumber, market))
    return true
  if (!isEnded) return false
  const batches = await Promise.all((await chain.batchCids(epochId)).map((batchCid) => chain.batch(epochId, batchCid)))
  return batches.every((batch) => batch?.isFinalized === true)
}

/** Decides when a role that is behind goes on, and how many epochs it leaves out (E6). */
export function createCatchUp(options: CatchUpOptions, deps: CatchUpDeps) {
  const { source, clock, report } = deps
  let policy = options.catchUp
  /** The last release, when it was first seen: by our own clock, for an anchor chain may make blocks only when it has to. */
  let seen: { readonly epochId: EpochId; readonly atMs: number; readonly isInStep: boolean } | undefined

  /** Epochs behind the last that could be released by now. */
  const ripe = async ({ end }: Last, { epochSize }: MarketState): Promise<number> =>
    Math.floor(((await ripeUpTo(options, source)) - end) / epochSize)

  return {
    /** For the rest of this process: only the market's owner may leave epochs out. */
    skipNoMore(): void {
      policy = 'release'
    },

    /**
     * Resolves when the epoch after `last` is due: at once if it was not ripe yet when `last` was released. How many are to be left out;
     * `undefined` when `last` is the last no more, as `stillLast` says.
     */
    async turn(last: Last, market: MarketState, stillLast: () => Promise<boolean>, signal: AbortSignal): Promise<number | undefined> {
      if (last.epochId === 0) return 0
      if (seen?.epochId !== last.epochId) seen = { epochId: last.epochId, atMs: clock.nowMs(), isInStep: (await ripe(last, market)) < 1 }
      const waitMs = WAIT_SHARE * market.epochSize * market.sourceBlockTimeSeconds * 1_000
      for (;;) {
        const epochs = await ripe(last, market)
        if (policy === 'skip' && epochs >= SKIP_FROM) return epochs - 1
        if (seen.isInStep || clock.nowMs() - seen.atMs >= waitMs || (await isDecided(last.epochId, market, deps))) return 0
        report('catching_up', { epochId: last.epochId + 1, epochs })
        await clock.sleep(options.pollMs, signal)
        if (!(await stillLast())) return undefined
      }
    },
  }
}
