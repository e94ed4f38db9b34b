import pLimit, { type LimitFunction } from 'p-limit'
import type { ReleasedEpoch } from '#domain/anchor-view.ts'
import { isEpochOver } from '#domain/epoch.ts'
import type { BlockNumber, EpochId } from '#domain/ids.ts'
import { isWindowOpen } from '#domain/window.ts'
import type { Life } from '#life/live.ts'
import type { Sequencing } from '#roles/sequencer/sequencer.ts'
import { answer, revise } from './revise.ts'
import { isUndone, seal } from './seal.ts'

/** Epochs sealed at once: while some wait for IPFS or for their blocks the next are counted. Each may hold its batch files in memory. */
export const SEALS_AT_ONCE = 16

/** Epochs at once of which something is said again: as many, and places of their own, for their windows are the older ones. */
const ANSWERS_AT_ONCE = SEALS_AT_ONCE

/** Seals epochs in order of their closing, several at once. None waits for another, unless all places are taken (S21). */
export function createSealing(deps: Sequencing, { signal, fail }: Life) {
  const seals = pLimit(SEALS_AT_ONCE)
  const answers = pLimit(ANSWERS_AT_ONCE)
  const queues = new Map<EpochId, Promise<void>>()

  /** Since the epoch was queued its release may have been undone, or moved: then its new window, once that is over, calls again. */
  function isOutdated(epoch: ReleasedEpoch): boolean {
    const state = deps.ledger.get(epoch.epochId)?.state
    if (state === undefined || isEpochOver(state) || isUndone(epoch.epochId, deps)) return true
    return state === 'released' && (deps.view.epoch(epoch.epochId) !== epoch || isOpenAgain(epoch))
  }

  /** A reorganisation may have taken the block that showed its window to be over (S10). */
  function isOpenAgain(epoch: ReleasedEpoch): boolean {
    const window = deps.rulesOf(epoch)?.window
    return window !== undefined && deps.view.head !== undefined && isWindowOpen(window, deps.view.head)
  }

  const headBlock = (): BlockNumber => deps.view.head?.number ?? (0 as BlockNumber)

  async function sealOne(epoch: ReleasedEpoch, head: BlockNumber): Promise<void> {
    if (isOutdated(epoch)) return
    const record = await seal(epoch, head, deps, signal)
    // Its release is gone: what comes of it is told when it has come.
    if (!isEpochOver(record.state)) return
    const { epochId, state, reason = '', accepted, projects, batches, kept, closedBlock = 0, anchoredBlock } = record
    deps.report(state === 'missed' ? 'epoch_missed' : 'epoch_sealed', {
      epochId,
      state,
      reason,
      accepted,
      projects: projects.length,
      batches: batches.length,
      ...(anchoredBlock !== undefined && { blocksToAnchored: anchoredBlock - closedBlock }),
      ...(kept && { keptBytes: kept.bytes, keptMs: kept.ms }),
    })
    deps.report('receipts', deps.counters.total()) // Since the start, by code: what was refused is seen without asking.
    deps.onEpoch?.(record)
  }

  /** What concerns one epoch is done in the order in which it came up. */
  function queue(places: LimitFunction, epochId: EpochId, work: () => Promise<void>): void {
    const before = queues.get(epochId) ?? Promise.resolve()
    const mine = before
      .then(() => places(async () => (signal.aborted ? undefined : work())))
      .catch(fail)
      .finally(() => {
        if (queues.get(epochId) === mine) queues.delete(epochId)
      })
    queues.set(epochId, mine)
  }

  return {
    take(epoch: ReleasedEpoch): void {
      const closedBlock = headBlock()
      queue(seals, epoch.epochId, () => sealOne(epoch, closedBlock))
    },
    takeAgain(epochId: EpochId): void {
      queue(answers, epochId, () => revise(epochId, deps, signal))
      queue(seals, epochId, async () => {
        const epoch = deps.view.epoch(epochId)
        // Its votes were fixed before, and the plan stands: it goes on.
        if (epoch !== undefined && deps.ledger.get(epochId)?.state !== 'released') await sealOne(epoch, headBlock())
      })
    },
    takeDisputed: (epochId: EpochId): void => queue(answers, epochId, () => answer(epochId, deps, signal)),
    idle: () => Promise.all(queues.values()),
  }
}
