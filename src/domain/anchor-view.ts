import type { Address, BlockNumber, EpochId, Hash, SlotId } from './ids.ts'
import { createSigners, type SlotSigner } from './signers.ts'
import { type BlockTime, type SubmissionWindow, type WindowRule, windowOf } from './window.ts'

/** Signers are remembered so far below what else is: a reorganisation goes back past blocks that no epoch needs, but never this far. */
const UNDONE_BLOCKS_MAX = 1_000

/** A block of the anchor chain, as far as checking submissions needs it. */
export interface Header extends BlockTime {
  readonly hash: Hash
}

/** An epoch that the followed part of the chain released. */
export interface ReleasedEpoch {
  readonly epochId: EpochId
  readonly release: Header
  readonly window: SubmissionWindow
}

/**
 * What a role knows of the canonical anchor chain, built from the steps that it follows and undone by rollbacks. In memory: a restarted
 * role builds it again by following from the oldest epoch that it still needs.
 */
export interface AnchorView {
  /** The newest block; `undefined` before the first. */
  readonly head: Header | undefined
  addBlock(block: Header): void
  addRelease(epochId: EpochId, release: Header): ReleasedEpoch
  /** Voids everything above `to`. Returns the releases that are gone, newest last. */
  rollback(to: Header): readonly ReleasedEpoch[]
  /** Drops headers and epochs below: nothing that they could decide is open any more. */
  forgetBelow(number: BlockNumber): void
  /** The canonical block with this hash, among those followed. */
  header(hash: string): Header | undefined
  epoch(epochId: EpochId): ReleasedEpoch | undefined
  /** Released epochs, in order of release. */
  epochs(): Iterable<ReleasedEpoch>
  /** Replaces all slots by what the chain says now. */
  setSlots(slots: readonly SlotSigner[]): void
  /** The slot's signer from `block` on, `undefined` for one that was burned; the one before keeps counting for earlier headers. */
  changeSigner(slotId: SlotId, signer: Address | undefined, block: BlockNumber): void
  /** Who signs for the slot in `block`; `undefined` when the slot does not exist or is not active. */
  signerAt(slotId: SlotId, block: BlockNumber): Address | undefined
}

export function createAnchorView(rule: WindowRule): AnchorView {
  /** Ascending and without holes. */
  let chain: Header[] = []
  const byHash = new Map<string, Header>()
  const released = new Map<EpochId, ReleasedEpoch>()
  const signers = createSigners()

  function keep(keeps: (number: BlockNumber) => boolean): ReleasedEpoch[] {
    for (const block of chain) if (!keeps(block.number)) byHash.delete(block.hash)
    chain = chain.filter((block) => keeps(block.number))
    const gone = [...released.values()].filter((epoch) => !keeps(epoch.release.number))
    for (const { epochId } of gone) released.delete(epochId)
    return gone
  }

  return {
    get head() {
      return chain.at(-1)
    },
    addBlock({ number, hash, timestamp }) {
      const header = { number, hash, timestamp }
      chain.push(header)
      byHash.set(hash, header)
    },
    addRelease(epochId, release) {
      const epoch = { epochId, release, window: windowOf({ release, ...rule }) }
      released.set(epochId, epoch)
      return epoch
    },
    rollback(to) {
      signers.undoAbove(to.number)
      return keep((number) => number <= to.number)
    },
    forgetBelow(number) {
      // The head stays whatever is asked: a role without a head is not ready.
      const from = Math.min(number, chain.at(-1)?.number ?? 0)
      keep((candidate) => candidate >= from)
      signers.forgetBelow(Math.max(0, from - UNDONE_BLOCKS_MAX) as BlockNumber)
    },
    header: (hash) => byHash.get(hash),
    epoch: (epochId) => released.get(epochId),
    epochs: () => released.values(),
    setSlots: signers.set,
    changeSigner: signers.change,
    signerAt: signers.at,
  }
}
