import type { AnnouncedBatch } from '#domain/anchor-view.ts'
import type { BlockNumber, EpochId } from '#domain/ids.ts'
import { createPredecessors, type Predecessors } from './predecessors.ts'

/** A batch whose turn has come, and its place in the epoch. */
export interface Candidate extends AnnouncedBatch {
  readonly index: number
  readonly predecessors: Predecessors
}

/** One lane per epoch: its batches are worked through in the order of the chain, because each is checked against those before it. */
export interface Lanes {
  announce(batch: AnnouncedBatch): void
  /**
   * The blocks above `to` are void. A batch announced in one of them loses its place in the epoch, and its turn if that has not come. Every
   * other batch is taken once more: its attestation may be gone with a block (V2). No turn comes before `ready` resolves; if it rejects,
   * the turns fail with its reason.
   */
  rollback(to: BlockNumber, ready: Promise<void>): void
  /** Whether a batch of the epoch still waits for its end. */
  isBusy(epochId: EpochId): boolean
  forget(epochId: EpochId): void
  /** Resolves when nothing is under way. */
  idle(): Promise<unknown>
}

interface Lane {
  readonly predecessors: Predecessors
  announced: AnnouncedBatch[]
  work: Promise<void>
  pending: number
}

export function createLanes(take: (batch: Candidate) => Promise<void>, fail: (failure: unknown) => void): Lanes {
  const lanes = new Map<EpochId, Lane>()
  let isReady: Promise<void> = Promise.resolve()

  function laneOf(epochId: EpochId): Lane {
    const known = lanes.get(epochId)
    if (known !== undefined) return known
    const lane: Lane = { predecessors: createPredecessors(), announced: [], work: Promise.resolve(), pending: 0 }
    lanes.set(epochId, lane)
    return lane
  }

  function forgetIdle(epochId: EpochId, lane: Lane): void {
    if (lane.pending === 0 && lanes.get(epochId) === lane) lanes.delete(epochId)
  }

  async function takeInTurn(batch: AnnouncedBatch, lane: Lane): Promise<void> {
    await isReady
    const index = lane.announced.indexOf(batch)
    if (index >= 0) await take({ ...batch, index, predecessors: lane.predecessors })
  }

  function queue(batch: AnnouncedBatch, lane: Lane): void {
    lane.pending += 1
    lane.work = lane.work
      .then(() => takeInTurn(batch, lane))
      .catch(fail)
      .finally(() => {
        lane.pending -= 1
        // The release was never seen, so nobody will say that the epoch is over.
        if (batch.epoch === undefined || lane.announced.length === 0) forgetIdle(batch.epochId, lane)
      })
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
        for (const batch of lane.announced) queue(batch, lane)
        // Its release may be gone with its batches, and then nobody will say that the epoch is over either.
        if (lane.announced.length === 0) forgetIdle(epochId, lane)
      }
    },
    isBusy: (epochId) => (lanes.get(epochId)?.pending ?? 0) > 0,
    forget: (epochId) => void lanes.delete(epochId),
    idle: () => Promise.all([...lanes.values()].map((lane) => lane.work)),
  }
}
