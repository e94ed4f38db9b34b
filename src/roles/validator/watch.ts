import type { AnchorView, AnnouncedBatch, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { BlockNumber } from '#domain/ids.ts'
import { isAttestationWindowOver, oldestReleaseAttestedIn, REPLAY_MARGIN_BLOCKS } from '#domain/window.ts'
import type { AnchorChain, BlockRef, MarketState } from '#io/chain/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { readSigners, readSlots } from '#life/signers.ts'
import type { Journal } from './journal.ts'
import type { Lanes } from './lanes.ts'

/** The cursor is written this often, not with every block: a restart reads a few blocks twice, which harms nothing. */
const CURSOR_STRIDE_BLOCKS = 16

export interface WatchDeps extends PersistDeps {
  readonly chain: AnchorChain
  readonly contract: MarketState
  readonly view: AnchorView
  readonly journal: Journal
  readonly lanes: Lanes
  /** Called after each block: what is to be done by time is looked at. */
  onBlock(): void
}

/**
 * Follows the anchor chain with a cursor of its own, never the sequencer's word (V5). It starts at the oldest release whose batches may
 * still be attested, so that windows, headers and the epoch's earlier batches are all seen again.
 */
export async function watch(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  const { chain, view, contract, journal, lanes } = deps
  const head = await persist({ doing: 'read_head', attempt: () => chain.head(), signal }, deps)
  const oldest = oldestReleaseAttestedIn(head.contractNumber, contract)
  const cursor = journal.cursor() ?? (await persist({ doing: 'read_release', attempt: () => chain.firstSeeing(oldest), signal }, deps))
  // A release that was at the cursor may have moved down while nobody looked.
  const from = (journal.cursor() === undefined ? cursor : Math.max(0, cursor - REPLAY_MARGIN_BLOCKS)) as BlockNumber
  const isOfBefore = ({ blockNumber, epoch }: AnnouncedBatch): boolean =>
    blockNumber < cursor && (epoch === undefined || isAttestationWindowOver(epoch.release.contractNumber, head.contractNumber, contract))
  await readSlots(deps, signal)
  let saved = journal.cursor() ?? 0
  for await (const step of chain.follow({ from, known: [], signal })) {
    const applied = view.apply(step)
    if (step.kind === 'rollback') {
      // Until the slots of the new chain are read, no batch has its turn (V2).
      const slotsRead = readSlots(deps, signal)
      lanes.rollback(step.to.number, slotsRead)
      // A restart must not step over the blocks that take the place of the void ones.
      const cursorSaved = step.to.number < saved ? journal.saveCursor(step.to.number) : undefined
      saved = Math.min(saved, step.to.number)
      await Promise.all([slotsRead, cursorSaved])
      continue
    }
    for (const batch of applied.announced) if (!isOfBefore(batch)) lanes.announce(batch)
    await readSigners(applied, deps, signal)
    deps.onBlock()
    const needed = forget(step.block, deps)
    if (needed >= saved + CURSOR_STRIDE_BLOCKS) {
      saved = needed
      await journal.saveCursor(needed)
    }
  }
}

/** Lets go of epochs that are over, and returns the oldest block that is still needed. */
function forget(head: BlockRef, { view, contract, lanes }: WatchDeps): BlockNumber {
  const epochs = [...view.epochs()]
  const isOver = ({ epochId, release }: ReleasedEpoch): boolean =>
    isAttestationWindowOver(view.rounds(epochId)?.start ?? release.contractNumber, head.contractNumber, contract) && !lanes.isBusy(epochId)
  const needed = epochs.find((epoch) => !isOver(epoch))
  const from = Math.min(needed?.release.number ?? head.number, head.number) as BlockNumber
  view.forgetBelow(from)
  for (const { epochId } of epochs) if (view.epoch(epochId) === undefined) lanes.forget(epochId)
  return from
}
