import type { AnnouncedBatch } from '#domain/anchor-view.ts'
import type { BlockNumber, EpochId } from '#domain/ids.ts'
import { createPredecessors, type Predecessors } from './predecessors.ts'

/** An announced batch whose turn has come. */
export interface Candidate extends AnnouncedBatch {
  /** Its place among the batches of its epoch, in the order of the chain, from 0. */
  readonly index: number
  readonly predecessors: Predecessors
  /** Whether another batch of the epoch waits for this one's turn to end. */
  isWaitedFor(): boolean
}

/** A batch that had its turn, and what is still to come of it. */
export interface UnderWay {
  readonly end: Promise<unknown>
}

/** A batch that gave its turn to those behind it: it has another after theirs. */
export type GaveWay = 'gave way'

/**
 * One lane per epoch. Within a lane one batch is judged at a time, in the order of the chain, because each is checked against those before
 * it (V1). What follows, up to the block with its vote, goes on beside the turns of the next ones. Lanes do not wait for each other.
 */
export interface Lanes {
  /** Queues the batch at the end of its epoch's lane. */
  announce(batch: AnnouncedBatch): void
  /**
   * The chain was rolled back to block `to`. Batches announced in later blocks are forgotten, and not taken if they still wait. The others
   * are taken once more when all before that have come to their ends, also those that ended: their attestation may have been in a block
   * that is gone (V3). No batch is taken before `ready` resolves; if it rejects, `fail` gets its reason.
   */
  rollback(to: BlockNumber, ready: Promise<void>): void
  /** Whether a batch of the epoch waits for its turn or is being worked on. */
  isBusy(epochId: EpochId): boolean
  /** Lets go of an epoch whose batches are all done with. */
  forget(epochId: EpochId): void
  /** Resolves when no batch waits or is being worked on. */
  idle(): Promise<unknown>
}

interface Lane {
  readonly predecessors: Predecessors
  announced: AnnouncedBatch[]
  /** Settles with the turn of the last batch queued so far. */
  work: Promise<unknown>
  /** Of the batches that had their turn. */
  readonly ends: Set<Promise<unknown>>
  /** Batches queued and not done with. */
  pending: number
  /** Of these, those whose turn has not come. */
  waiting: number
}

/** `take` is the turn of one batch. `fail` is told what it or the end throws, and the lane goes on. */
export function createLanes(take: (batch: Candidate) => Promise<UnderWay | GaveWay | undefined>, fail: (failure: unknown) => void): Lanes {
  const lanes = new Map<EpochId, Lane>()
  let isReady: Promise<void> = Promise.resolve()

  function laneOf(epochId: EpochId): Lane {
    const known = lanes.get(epochId)
    if (known !== undefined) return known
    const lane: Lane = {
      predecessors: createPredecessors(),
      announced: [],
      work: Promise.resolve(),
      ends: new Set(),
      pending: 0,
      waiting: 0,
    }
    lanes.set(epochId, lane)
    return lane
  }

  function forgetIdle(epochId: EpochId, lane: Lane): void {
    if (lane.pending === 0 && lanes.get(epochId) === lane) lanes.delete(epochId)
  }

  async function takeInTurn(batch: AnnouncedBatch, lane: Lane): Promise<UnderWay | undefined> {
    lane.waiting -= 1
    await isReady
    const { announced, predecessors } = lane
    const index = announced.indexOf(batch)
    if (index < 0) return undefined
    const taken = await take({ ...batch, index, predecessors, isWaitedFor: () => lane.waiting > 0 })
    if (taken !== 'gave way') return taken
    // After a rollback all are queued again already.
    if (lane.announced === announced) queue(batch, lane)
    return undefined
  }

  function queue(batch: AnnouncedBatch, lane: Lane): void {
    lane.pending += 1
    lane.waiting += 1
    const turn = lane.work.then(() => takeInTurn(batch, lane))
    lane.work = turn.catch(() => undefined)
    const end = turn
      .then((underWay) => underWay?.end)
      .catch(fail)
      .finally(() => {
        lane.pending -= 1
        lane.ends.delete(end)
        // `forget` comes when an epoch's window is over. Of an epoch whose release was not seen, or whose batches a rollback took, it never comes.
        if (batch.epoch === undefined || lane.announced.length === 0) forgetIdle(batch.epochId, lane)
      })
    lane.ends.add(end)
  }

  return {
    announce(batch) {
      const lane = laneOf(batch.epochId)
      lane.announced.push(batch)
      queue(batch, lane)
    },
    rollback(to, ready) {
      isReady = ready
      for (const [epochId, lane] of lanes) {
        lane.announced = lane.announced.filter(({ blockNumber }) => blockNumber <= to)
        lane.predecessors.cut(lane.announced.length)
        lane.work = Promise.all(lane.ends)
        for (const batch of lane.announced) queue(batch, lane)
        // Its release may be gone with its batches: then `forget` never comes.
        if (lane.announced.length === 0) forgetIdle(epochId, lane)
      }
    },
    isBusy: (epochId) => (lanes.get(epochId)?.pending ?? 0) > 0,
    forget: (epochId) => void lanes.delete(epochId),
    idle: () => Promise.all([...lanes.values()].flatMap((lane) => [...lane.ends])),
  }
}
