import type { Address, BlockNumber, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { SeenTransaction } from '#io/chain/fake/anchor.ts'
import type { FakeCall } from '#io/chain/fake/contract.ts'
import type { ProtocolEvent } from '#io/chain/port.ts'
import type { BlockWithEvents } from '#io/chain/read/follow.ts'
import type { World } from '../journey/cast.ts'
import type { SimEvent, Trace } from './trace.ts'

/**
 * Somebody who sees the whole anchor chain all the time, asks nobody and believes nobody: what was there, what a reorganisation has taken
 * away, and which transactions were ever made. Checkers excuse nothing that the witness has not seen.
 */
export interface Witness {
  /** Takes in what has happened since the last look. */
  look(): void
  /** Transactions that have come since this was asked last. */
  news(): readonly SeenTransaction[]
  /** Every transaction that was ever broadcast, as it was last seen. */
  readonly broadcast: ReadonlyMap<string, SeenTransaction>
  /** The block of the chain as it is now. */
  block(hash: string): BlockWithEvents['block'] | undefined
  /** Whether a reorganisation has taken the block away. */
  isGone(hash: string): boolean
  /** The highest block that there ever was. */
  highest(): number
  /** Whether such an event was ever in the chain, though it may be gone. */
  hasHappened(event: string): boolean
  /** Whether such an event was in the chain and a reorganisation took it away, though it may have come back. */
  wasUndone(event: string): boolean
  /** Who may sign for the slot in the block, in the chain as it is now; `undefined` for nobody. */
  signerAt(slotId: SlotId, block: BlockNumber): Address | undefined
  /** Of the chain as it is now. */
  releases(): ReadonlyMap<EpochId, BlockWithEvents['block']>
  /** Epochs released by a block that was ever in the chain. */
  releasedIn(hash: string): readonly EpochId[]
}

/** A name for what an event tells, apart from its place. */
export const eventName = (event: Pick<ProtocolEvent, 'kind'> & { epochId?: EpochId; batchCid?: string; projectId?: ProjectId }): string =>
  [event.kind, event.epochId, event.batchCid, event.projectId].filter((part) => part !== undefined).join(' ')

function factsOf({ block, logIndex: _, transactionHash: __, kind: ___, ...facts }: ProtocolEvent): SimEvent['facts'] {
  return { block: block.number, ...facts }
}

/** What a call is about, without what is too long to read. */
function aboutCall(call: FakeCall): SimEvent['facts'] {
  switch (call.kind) {
    case 'releaseEpoch':
      return { begin: call.begin, end: call.end }
    case 'submitSubmissionBatch':
    case 'submitBatchAttestation':
      return { epochId: call.epochId, batchCid: call.batchCid }
    case 'endBatchSubmissions':
      return { epochId: call.epochId }
    case 'updateRewards':
      return { day: call.day, slotIds: call.slotIds.join(' ') }
    default:
      return {}
  }
}

export function createWitness({ chain }: World, signers: readonly Address[], trace: Trace): Witness {
  const seen: BlockWithEvents[] = []
  const canonical = new Map<string, BlockWithEvents['block']>()
  const gone = new Set<string>()
  const happened = new Set<string>()
  const undone = new Set<string>()
  const released = new Map<string, EpochId[]>()
  const broadcast = new Map<string, SeenTransaction>()
  const unasked: SeenTransaction[] = []
  let highest = 0

  function take(block: BlockWithEvents): void {
    seen.push(block)
    canonical.set(block.block.hash, block.block)
    highest = Math.max(highest, block.block.number)
    for (const event of block.events) {
      happened.add(eventName(event))
      if (event.kind === 'EpochReleased') released.set(block.block.hash, [...(released.get(block.block.hash) ?? []), event.epochId])
      trace.note('chain', event.kind, factsOf(event))
    }
  }

  function drop(from: number): void {
    const lost = seen.splice(from)
    // As they were before the blocks went: what waited then may be in a new one already.
    const waiting = [...broadcast.values()].filter(({ receipt }) => receipt === undefined)
    trace.note('chain', 'blocks gone', {
      from,
      hashes: lost.map(({ block }) => block.hash),
      releases: lost.flatMap(({ events }) => events.flatMap((event) => (event.kind === 'EpochReleased' ? [event.epochId] : []))),
      waitingReleases: waiting.flatMap(({ call }) => (call.kind === 'releaseEpoch' ? [call.begin] : [])),
    })
    for (const { block, events } of lost) {
      canonical.delete(block.hash)
      gone.add(block.hash)
      for (const event of events) {
        undone.add(eventName(event))
        trace.note('chain', `undone ${event.kind}`, factsOf(event))
      }
    }
  }

  function lookAtBlocks(): void {
    const blocks = chain.blocks()
    let same = Math.min(seen.length, blocks.length)
    while (same > 0 && (seen[same - 1] as BlockWithEvents).block.hash !== (blocks[same - 1] as BlockWithEvents).block.hash) same -= 1
    if (same < seen.length) drop(same)
    for (const block of blocks.slice(same)) take(block)
  }

  function lookAtTransactions(): void {
    for (const transaction of chain.transactions()) {
      const before = broadcast.get(transaction.hash)
      if (before === undefined) unasked.push(transaction)
      const { receipt, call } = transaction
      if (receipt?.reverted !== undefined && receipt.block.hash !== before?.receipt?.block.hash)
        trace.note('chain', 'call refused', { call: call.kind, code: receipt.reverted, block: receipt.block.number, ...aboutCall(call) })
      broadcast.set(transaction.hash, transaction)
    }
  }

  return {
    broadcast,
    look() {
      lookAtBlocks()
      lookAtTransactions()
    },
    news: () => unasked.splice(0),
    block: (hash) => canonical.get(hash),
    isGone: (hash) => gone.has(hash),
    highest: () => highest,
    hasHappened: (event) => happened.has(event),
    wasUndone: (event) => undone.has(event),
    signerAt(slotId, number) {
      let signer = signers[slotId - 1]
      for (const { block, events } of seen) {
        if (block.number > number) break
        for (const event of events) {
          if (event.kind === 'SnapshotterAddressChanged' && event.slotId === slotId) signer = event.signer
          if (event.kind === 'NodeBurned' && event.slotId === slotId) signer = undefined
        }
      }
      return signer
    },
    releases: () =>
      new Map(
        seen.flatMap(({ block, events }) =>
          events.flatMap((event) => (event.kind === 'EpochReleased' ? [[event.epochId, block] as const] : [])),
        ),
      ),
    releasedIn: (hash) => released.get(hash) ?? [],
  }
}
