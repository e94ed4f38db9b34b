import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { BlockNumber, Cid, EpochId } from '#domain/ids.ts'
import type { AnchorChain, BlockRef, MarketState } from '#io/chain/port.ts'
import type { Journal } from './journal.ts'

/** The cursor is written this often, not with every block: a restart reads a few blocks twice, which harms nothing. */
const CURSOR_STRIDE_BLOCKS = 16

/** A batch that a sequencer put on chain. */
export interface AnnouncedBatch {
  readonly epochId: EpochId
  readonly batchCid: Cid
  /** `undefined` when the release lies before everything this validator has read. */
  readonly epoch: ReleasedEpoch | undefined
  readonly block: BlockRef
}

export interface WatchDeps {
  readonly chain: AnchorChain
  readonly market: MarketState
  readonly view: AnchorView
  readonly journal: Journal
  onBatch(batch: AnnouncedBatch): void
  /** Everything announced above the block is void. */
  onRollback(to: BlockRef): void
  /** No batch of the epoch can be attested in time any more. */
  onForgotten(epochId: EpochId): void
  /** Whether a batch of the epoch still waits for its end. */
  isBusy(epochId: EpochId): boolean
}

/**
 * Follows the anchor chain with a cursor of its own, never the sequencer's word (V5). It starts at the oldest release whose batches may
 * still be attested, so that windows, headers and the epoch's earlier batches are all seen again.
 */
export async function watch(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  const { chain, view, market, journal } = deps
  const head = await chain.head()
  const from = journal.cursor() ?? (Math.max(0, head.number - market.attestationWindowBlocks) as BlockNumber)
  view.setSlots(await chain.slots())
  let saved = journal.cursor() ?? 0
  for await (const step of chain.follow({ from, known: [], signal })) {
    if (step.kind === 'rollback') {
      view.rollback(step.to)
      deps.onRollback(step.to)
      continue
    }
    const { block, events } = step
    view.addBlock(block)
    for (const event of events) {
      if (event.kind === 'EpochReleased') view.addRelease(event.epochId, block)
      if (event.kind === 'SnapshotterAddressChanged') view.changeSigner(event.slotId, event.signer, block.number)
      if (event.kind === 'SnapshotBatchSubmitted')
        deps.onBatch({ epochId: event.epochId, batchCid: event.batchCid, epoch: view.epoch(event.epochId), block })
    }
    if (events.some((event) => event.kind === 'SnapshotterAddressChanged')) view.setSlots(await chain.slots())
    const needed = forget(block.number, deps)
    if (needed >= saved + CURSOR_STRIDE_BLOCKS) {
      saved = needed
      await journal.saveCursor(needed)
    }
  }
}

/** Lets go of epochs that are over, and returns the oldest block that is still needed. */
function forget(head: BlockNumber, { view, market, isBusy, onForgotten }: WatchDeps): BlockNumber {
  const epochs = [...view.epochs()]
  const needed = epochs.find(({ epochId, release }) => head <= release.number + market.attestationWindowBlocks || isBusy(epochId))
  const from = Math.min(needed?.release.number ?? head, head) as BlockNumber
  view.forgetBelow(from)
  for (const { epochId } of epochs) if (view.epoch(epochId) === undefined) onForgotten(epochId)
  return from
}
