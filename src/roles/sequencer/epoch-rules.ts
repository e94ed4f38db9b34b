import type { ReleasedEpoch } from '#domain/anchor-view.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { type SubmissionWindow, windowOf } from '#domain/window.ts'
import type { Life } from '#life/live.ts'
import type { PersistDeps } from '#life/persist.ts'
import { learnRules, type RuleBook } from '#life/rules.ts'

/** What a submission of one epoch is judged by. */
export interface EpochRules extends MarketRules {
  readonly window: SubmissionWindow
}

/**
 * The rules of each epoch, from its release on: another release of the same epoch, after a reorganisation, may have others. While they are
 * not known nothing of the epoch is judged (S12).
 */
export interface RulesOfEpochs {
  of(epoch: ReleasedEpoch): EpochRules | undefined
  /** Asks for them. Resolves when they are known, or as soon as that takes longer: then they come by themselves. */
  learn(epoch: ReleasedEpoch, isNeeded: () => boolean): Promise<void>
}

export function createEpochRules(
  deps: PersistDeps & { readonly rules: RuleBook; readonly contract: { readonly snapshotWindowBlocks: number } },
  life: Life,
): RulesOfEpochs {
  const known = new WeakMap<ReleasedEpoch, EpochRules>()
  return {
    of: (epoch) => known.get(epoch),
    async learn(epoch, isNeeded) {
      const { epochId, release } = epoch
      const asked = Promise.withResolvers<void>()
      const learning = learnRules({ epochId, isNeeded, signal: life.signal, onHeld: asked.resolve }, deps).then((rules) => {
        const length = deps.contract.snapshotWindowBlocks
        if (rules !== undefined) known.set(epoch, { ...rules, window: windowOf({ release, unit: rules.windowUnit, length }) })
      })
      void life.spawn(learning.finally(asked.resolve))
      await asked.promise
    },
  }
}
