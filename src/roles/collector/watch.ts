import { type AnchorView, createAnchorView, type ReleasedEpoch } from '#domain/anchor-view.ts'
import type { ChainStep } from '#domain/chain-step.ts'
import type { BlockNumber, EpochId } from '#domain/ids.ts'
import type { AnchorChain, BlockRef, MarketState } from '#io/chain/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { readSigners, readSlots } from '#life/signers.ts'
import { createWindows, isOverInBoth, type Windows } from './windows.ts'

/** Epochs looked back for at the start; windows that hold more of them at once do not exist. */
const LOOK_BACK_EPOCHS = 64
/** On the length of the window, the longest of which counts. */
const WORDS = 3

export interface Watch {
  readonly view: Pick<AnchorView, 'header' | 'signerAt'>
  readonly windows: Windows
  /** What the chain says of the market, again. */
  noteMarket(market: Pick<MarketState, 'snapshotWindowBlocks'>): void
  /** Follows until the signal aborts (then it resolves) or the chain cannot be followed (then it rejects). */
  run(signal: AbortSignal): Promise<void>
}

/**
 * Follows the anchor chain from the oldest release whose window may be open: who signs for a slot, which epochs there are, and how late it is
 * (C13). What the chain does not answer is asked again. Until it was followed up to its head nothing can be checked, and nothing expires.
 */
export function createWatch(
  deps: PersistDeps & {
    readonly chain: AnchorChain
    readonly onReady?: () => void
    /** When `windows` have it. */
    readonly onStep?: ((step: ChainStep) => void) | undefined
  },
): Watch {
  const { chain } = deps
  const view = createAnchorView()
  let lengths: readonly number[] = []
  // Nobody proves what a view says, and no event tells that it has changed: nothing is over that was not by the word before, too.
  const windows = createWindows(view, () => Math.max(0, ...lengths))
  const noteMarket: Watch['noteMarket'] = ({ snapshotWindowBlocks }) => {
    lengths = [...lengths.slice(1 - WORDS), snapshotWindowBlocks]
  }

  return {
    view,
    windows,
    noteMarket,
    async run(signal) {
      const patiently = <Result>(doing: string, attempt: () => Promise<Result>): Promise<Result> =>
        persist({ doing, attempt, signal }, deps)
      const headAtStart = await patiently('read_head', () => chain.head())
      const market = await patiently('read_market', () => chain.market())
      noteMarket(market)
      const length = market.snapshotWindowBlocks
      const start = await patiently('read_current_epoch', () => startOf(chain, { head: headAtStart, length }))
      await readSlots({ ...deps, view }, signal)
      for await (const step of chain.follow({ from: start.block, known: [], signal })) {
        const applied = view.apply(step)
        await readSigners(applied, { ...deps, view }, signal)
        for (const { epochId } of applied.undone) windows.noteUndone(epochId)
        for (const { epochId } of applied.released) windows.noteReleased(epochId)
        const { head } = view
        if (head !== undefined && windows.now() === undefined && head.number >= headAtStart.number) {
          windows.begin(newestOf(view.epochs(), start.newest))
          deps.onReady?.()
        }
        deps.onStep?.(step)
        if (head !== undefined) view.forgetBelow(oldestNeeded(view.epochs(), windows) ?? head.number)
      }
    },
  }
}

const newestOf = (epochs: Iterable<ReleasedEpoch>, least: EpochId): EpochId =>
  Math.max(least, ...[...epochs].map(({ epochId }) => epochId)) as EpochId

function oldestNeeded(epochs: Iterable<ReleasedEpoch>, windows: Windows): BlockNumber | undefined {
  for (const { epochId, release } of epochs) if (!windows.isOver(epochId, undefined)) return release.number
  return undefined
}

/**
 * The release of the oldest epoch whose window may be open, or the head; and the newest epoch that has a release, 0 where none is found. What was taken for
 * an epoch before that is over, so the view that names the newest does not decide it: whoever makes one up has no release to show for it.
 */
async function startOf(
  chain: AnchorChain,
  { head, length }: { readonly head: BlockRef; readonly length: number },
): Promise<{ readonly block: BlockNumber; readonly newest: EpochId }> {
  const { epochId: last } = await chain.currentEpoch()
  let block = head.number
  let newest = 0 as EpochId
  for (let epochId = last; epochId > Math.max(0, last - LOOK_BACK_EPOCHS); epochId = (epochId - 1) as EpochId) {
    const release = await chain.release(epochId)
    // Left out by the market's owner.
    if (release === undefined) continue
    newest = Math.max(newest, epochId) as EpochId
    block = Math.min(block, release.number) as BlockNumber
    if (isOverInBoth(release, length, head)) break
  }
  return { block, newest }
}
