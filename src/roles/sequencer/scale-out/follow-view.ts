import { type AnchorView, createAnchorView, type ReleasedEpoch } from '#domain/anchor-view.ts'
import type { ContractNumber, EpochId } from '#domain/ids.ts'
import { isBatchWindowOver, isPastWindow, oldestReleaseBatchedIn } from '#domain/window.ts'
import type { AnchorChain, MarketState } from '#io/chain/port.ts'
import type { Life } from '#life/live.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import type { RuleBook } from '#life/rules.ts'
import { readSigners, readSlots } from '#life/signers.ts'
import { createEpochRules, type EpochRules } from '#roles/sequencer/epoch-rules.ts'

/** What listeners and boxes know of the chain, from the oldest epoch on of which a batch may still come. In memory: each start reads it again. */
export interface Following {
  readonly view: AnchorView
  readonly contract: MarketState
  rulesOf(epoch: ReleasedEpoch): EpochRules | undefined
  /** Whether the epoch or a later one was seen released. */
  isReleased(epochId: EpochId): boolean
  isReady(): boolean
  run(reacting: Reacting): Promise<void>
}

interface Reacting {
  /** Once, when the chain was followed up to the head that it had at the start. */
  onReady(): void
  onReleased?(epoch: ReleasedEpoch): void
  /** The window of an epoch is over. May be called again. */
  onClosed?(epochId: EpochId): void
  /** No batch of an epoch released before this block, as contracts number it, is taken any more. */
  onPast?(block: ContractNumber): Promise<void>
  /** After each step, once ready. The next one waits for it. */
  onHead(): Promise<void>
}

interface FollowDeps extends PersistDeps {
  readonly chain: AnchorChain
  readonly rules: RuleBook
}

export async function createFollowing(deps: FollowDeps, life: Life): Promise<Following> {
  const { chain } = deps
  const { signal } = life
  const contract = await persist({ doing: 'read_market', attempt: () => chain.market(), signal }, deps)
  const view = createAnchorView()
  const rules = createEpochRules({ ...deps, contract }, life)
  let newest = 0
  let isReady = false

  const isTooLate = ({ release }: ReleasedEpoch): boolean => isBatchWindowOver(release.contractNumber, view.head?.contractNumber, contract)
  const isNeeded = (epoch: ReleasedEpoch): boolean => view.epoch(epoch.epochId) === epoch && !isTooLate(epoch)

  function isOver(epoch: ReleasedEpoch): boolean {
    const window = rules.of(epoch)?.window
    return window === undefined || view.head === undefined ? isTooLate(epoch) : isPastWindow(window, view.head)
  }

  return {
    view,
    contract,
    rulesOf: rules.of,
    isReleased: (epochId) => epochId <= newest,
    isReady: () => isReady,
    async run({ onReady, onReleased, onClosed, onPast, onHead }) {
      const head = await persist({ doing: 'read_head', attempt: () => chain.head(), signal }, deps)
      const oldest = oldestReleaseBatchedIn(head.contractNumber, contract)
      const from = await persist({ doing: 'read_release', attempt: () => chain.firstSeeing(oldest), signal }, deps)
      await readSlots({ ...deps, view }, signal)
      for await (const step of chain.follow({ from, known: [], signal })) {
        const applied = view.apply(step)
        for (const epoch of applied.released) {
          newest = Math.max(newest, epoch.epochId)
          onReleased?.(epoch)
        }
        await Promise.all(applied.released.map((epoch) => rules.learn(epoch, () => isNeeded(epoch))))
        await readSigners(applied, { ...deps, view }, signal)
        if (view.head === undefined) continue
        if (!isReady && view.head.number >= head.number) {
          isReady = true
          onReady()
        }
        for (const epoch of view.epochs()) if (isOver(epoch)) onClosed?.(epoch.epochId)
        const past = oldestReleaseBatchedIn(view.head.contractNumber, contract)
        view.forgetBefore(past)
        if (isReady) {
          await onPast?.(past)
          await onHead()
        }
      }
    },
  }
}
