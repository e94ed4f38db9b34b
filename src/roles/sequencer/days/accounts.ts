import type { BlockNumber } from '#domain/ids.ts'
import type { ChainStep } from '#io/chain/port.ts'
import type { Life } from '#life/live.ts'
import { persist } from '#life/persist.ts'
import { breathing } from '#roles/sequencer/seal/seal.ts'
import type { Sequencing } from '#roles/sequencer/sequencer.ts'
import { createCounting } from './count.ts'
import { readOthers } from './others.ts'
import { createRewarding } from './reward.ts'
import { createTallies } from './tallies.ts'

/** Counts what slots earned with each step of the chain (S17), and does beside that what takes longer, each one at a time. */
export function createAccounts(deps: Sequencing, { signal, spawn }: Life) {
  const { options, chain, store } = deps
  const counting = createCounting({ ...deps, keep: (writes) => void spawn(store.commit(writes)), daysKept: options.daysKept })
  const rewarding = createRewarding(options, { ...deps, counting })
  const now = async () => ({ rules: await chain.rewardRules(), ...(await chain.currentEpoch()) })
  const works = [() => readOthers({ ...deps, counting, breathe: breathing(deps) }, signal), () => rewarding.work(signal)]
  const busy = new Set<unknown>()
  return {
    tallies: createTallies({ counting, chain, quotaOf: rewarding.quotaOf }),
    async onBegin(from: BlockNumber): Promise<void> {
      await counting.begin(from, () => persist({ doing: 'read_reward_rules', attempt: now, signal }, deps))
      await rewarding.begin(from)
    },
    async onStep(step: ChainStep): Promise<void> {
      counting.apply(step)
      if (step.kind === 'rollback') await rewarding.undoAbove(step.to.number)
    },
    wake(): void {
      for (const work of works) {
        if (busy.has(work)) continue
        busy.add(work)
        void spawn(work().finally(() => busy.delete(work)))
      }
    },
  }
}
