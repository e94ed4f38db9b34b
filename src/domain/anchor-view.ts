import type { ChainStep, ProtocolEvent } from './chain-step.ts'
import type { Address, BlockNumber, Cid, ContractNumber, EpochId, Hash, SlotId } from './ids.ts'
import { type BatchStep, type Rounds, roundsOf } from './rounds.ts'
import { createSigners, type SlotSigner } from './signers.ts'
import type { BlockTime } from './window.ts'

/**
 * Blocks for which signers are remembered beyond those that epochs still need: a reorganisation may go back further than these, but never
 * as far as that.
 */
const UNDONE_BLOCKS_MAX = 1_000

/** A block of the anchor chain, as far as checking submissions needs it. */
export interface Header extends BlockTime {
  readonly hash: Hash
}

/** An epoch that the followed part of the chain released. */
export interface ReleasedEpoch {
  readonly epochId: EpochId
  readonly release: Header
}

/** A batch that a sequencer put on chain. */
export interface AnnouncedBatch {
  readonly epochId: EpochId
  readonly batchCid: Cid
  /** `undefined` when the release lies before everything that was followed. */
  readonly epoch: ReleasedEpoch | undefined
  readonly blockNumber: BlockNumber
  readonly contractNumber: ContractNumber
}

/** What a step has changed in the view: whoever follows the chain reacts to this, each in its own way. */
export interface Applied {
  readonly released: readonly ReleasedEpoch[]
  /** Releases that a rollback has taken away, newest last. */
  readonly undone: readonly ReleasedEpoch[]
  readonly announced: readonly AnnouncedBatch[]
  /**
   * The slots must be read again. An event that changes a signer does not say whether the slot is active now; the contract does. And
   * what was read from a head that a rollback took away is no longer so.
   */
  readonly areSlotsStale: boolean
  /** Changes of signer that are the first to be seen of their slot: who signed before them, only the chain knows for sure. */
  readonly firstChanges: readonly SignerChange[]
}

/** The signer of a slot changed in the block, or the slot ended. */
export interface SignerChange {
  readonly slotId: SlotId
  readonly blockNumber: BlockNumber
}

const BATCH_STEPS: Partial<Record<ProtocolEvent['kind'], BatchStep['what']>> = {
  SnapshotBatchSubmitted: 'submitted',
  TriggerBatchResubmission: 'refuted',
  SnapshotBatchFinalized: 'final',
}

type Takes = (epochId: EpochId, release: Header) => boolean

/**
 * What a role knows of the canonical anchor chain, built from the steps that it follows and undone by rollbacks. In memory: a restarted
 * role builds it again by following from the oldest epoch that it still needs.
 */
export interface AnchorView {
  /** The newest block; `undefined` before the first. */
  readonly head: Header | undefined
  /**
   * Takes one step along the chain. Who signs for a slot changes with its block: for earlier headers the signer before keeps counting, and a
   * slot that is burned has none. A rollback voids everything above its block. Releases that `takes` refuses are left out: they are no
   * business of the role.
   */
  apply(step: ChainStep, takes?: Takes): Applied
  /** Drops headers and epochs below: nothing that they could decide is open any more. */
  forgetBelow(number: BlockNumber): void
  /** The same of all in which contracts see a lower number. */
  forgetBefore(number: ContractNumber): void
  /** The canonical block with this hash, among those followed. */
  header(hash: string): Header | undefined
  epoch(epochId: EpochId): ReleasedEpoch | undefined
  /** Released epochs, in order of release. */
  epochs(): Iterable<ReleasedEpoch>
  /** What became of the epoch's batches, and of its windows with them; `undefined` of an epoch whose release was not followed. */
  rounds(epochId: EpochId): Rounds | undefined
  /** Replaces all slots by what the chain says now. */
  setSlots(slots: readonly SlotSigner[]): void
  /** Who signed before a change that was the first to be seen of its slot. */
  setSignerBefore(change: SignerChange, signer: Address | undefined): void
  /** Who signs for the slot in `block`; `undefined` when the slot does not exist or is not active. */
  signerAt(slotId: SlotId, block: BlockNumber): Address | undefined
}

export function createAnchorView(): AnchorView {
  /** Ascending and without holes. */
  let chain: Header[] = []
  const byHash = new Map<string, Header>()
  const epochs = new Map<EpochId, ReleasedEpoch>()
  const batchSteps = new Map<EpochId, BatchStep[]>()
  const signers = createSigners()

  /** What it keeps goes on to one end of the chain. */
  function keep(keeps: (number: BlockNumber) => boolean): ReleasedEpoch[] {
    // Asked with each block, of which there are thousands: as a rule few go, and often none.
    if (![chain[0], chain.at(-1)].every((block) => block === undefined || keeps(block.number))) {
      for (const block of chain) if (!keeps(block.number)) byHash.delete(block.hash)
      chain = chain.filter((block) => keeps(block.number))
    }
    const gone = [...epochs.values()].filter((epoch) => !keeps(epoch.release.number))
    for (const { epochId } of gone) {
      epochs.delete(epochId)
      batchSteps.delete(epochId)
    }
    return gone
  }

  function addBlock({ number, contractNumber, hash, timestamp }: Header): void {
    const header = { number, contractNumber, hash, timestamp }
    chain.push(header)
    byHash.set(hash, header)
  }

  function addRelease(epochId: EpochId, release: Header): ReleasedEpoch {
    const epoch = { epochId, release }
    epochs.set(epochId, epoch)
    batchSteps.set(epochId, [])
    return epoch
  }

  function rollback(to: Header): ReleasedEpoch[] {
    signers.undoAbove(to.number)
    for (const [epochId, steps] of batchSteps)
      batchSteps.set(
        epochId,
        steps.filter(({ blockNumber }) => blockNumber <= to.number),
      )
    return keep((number) => number <= to.number)
  }

  function applyBlock({ block, events }: ChainStep & { readonly kind: 'block' }, takes: Takes): Applied {
    const released: ReleasedEpoch[] = []
    const announced: AnnouncedBatch[] = []
    const firstChanges: SignerChange[] = []
    addBlock(block)
    for (const event of events) {
      if (event.kind === 'EpochReleased' && takes(event.epochId, block)) released.push(addRelease(event.epochId, block))
      if (event.kind === 'SnapshotterAddressChanged' || event.kind === 'NodeBurned') {
        const signer = event.kind === 'NodeBurned' ? undefined : event.signer
        const isFirst = signers.change(event.slotId, signer, block.number)
        if (isFirst) firstChanges.push({ slotId: event.slotId, blockNumber: block.number })
      }
      if (event.kind === 'SnapshotBatchSubmitted') {
        const { epochId, batchCid } = event
        announced.push({ epochId, batchCid, epoch: epochs.get(epochId), blockNumber: block.number, contractNumber: block.contractNumber })
      }
      const what = BATCH_STEPS[event.kind]
      if (what !== undefined && 'batchCid' in event)
        batchSteps
          .get(event.epochId)
          ?.push({ what, batchCid: event.batchCid, blockNumber: block.number, contractNumber: block.contractNumber })
    }
    const areSlotsStale = events.some(({ kind }) => kind === 'SnapshotterAddressChanged')
    return { released, undone: [], announced, areSlotsStale, firstChanges }
  }

  function forgetBelow(number: BlockNumber): void {
    // The head stays whatever is asked: a role without a head is not ready.
    const from = Math.min(number, chain.at(-1)?.number ?? 0)
    keep((candidate) => candidate >= from)
    signers.forgetBelow(Math.max(0, from - UNDONE_BLOCKS_MAX) as BlockNumber)
  }

  return {
    get head() {
      return chain.at(-1)
    },
    apply(step, takes = () => true) {
      if (step.kind === 'block') return applyBlock(step, takes)
      return { released: [], undone: rollback(step.to), announced: [], areSlotsStale: true, firstChanges: [] }
    },
    forgetBelow,
    forgetBefore(number) {
      const first = chain.find(({ contractNumber }) => contractNumber >= number) ?? chain.at(-1)
      if (first !== undefined) forgetBelow(first.number)
    },
    header: (hash) => byHash.get(hash),
    epoch: (epochId) => epochs.get(epochId),
    epochs: () => epochs.values(),
    rounds(epochId) {
      const epoch = epochs.get(epochId)
      return epoch && roundsOf(batchSteps.get(epochId) ?? [], epoch.release.contractNumber)
    },
    setSlots: signers.set,
    setSignerBefore: ({ slotId, blockNumber }, signer) => signers.learnBefore(slotId, blockNumber, signer),
    signerAt: signers.at,
  }
}
