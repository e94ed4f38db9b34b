import type { AnchorView, Header } from '#domain/anchor-view.ts'
import type { EpochId } from '#domain/ids.ts'
import { type BlockTime, isPastWindow, windowOf } from '#domain/window.ts'

/** Epochs after the newest that was seen released which may be released already: an endpoint may be seconds behind the snapshotter's. */
const EPOCHS_AHEAD_MAX = 8
/** An end may be taken back by a reorganisation, and every window with it: nothing is given up in the first blocks after it. */
const GRACE_BLOCKS = 16

/** `ahead`: not seen released, and may be. `far`: nobody can have seen it released. */
export type Standing = 'open' | 'ahead' | 'far' | 'over'

/** What the chain says of the time that a submission has (C13). */
export interface Windows {
  /** The newest block; `undefined` until the chain was followed up to the head that it had at the start. */
  now(): Header | undefined
  standing(epochId: EpochId): Standing
  /** Whether the window of what was taken under the head `heardAt` is over for good. Never before the chain was followed. */
  isOver(epochId: EpochId, heardAt: BlockTime | undefined): boolean
}

export interface FollowedWindows extends Windows {
  /** The chain was followed up to its head; `newest` is the epoch that was released last by then. */
  begin(newest: EpochId): void
  noteReleased(epochId: EpochId): void
  /** A reorganisation took the release away. */
  noteUndone(epochId: EpochId): void
}

/**
 * Whether a market counts blocks or seconds is its manifest's to say, which this role does not read: a window is over when it is over in
 * both. Of what is not over in both the sequencer knows.
 */
export function isOverInBoth(release: BlockTime, length: number, head: BlockTime, graceBlocks = 0): boolean {
  const isOver = (unit: 'blocks' | 'seconds', blocks: number): boolean => isPastWindow(windowOf({ release, unit, length: blocks }), head)
  return isOver('blocks', length + graceBlocks) && isOver('seconds', length)
}

/** `length`: of the market's submission window. */
export function createWindows(view: AnchorView, length: () => number): FollowedWindows {
  let newest: EpochId | undefined
  let beginning: BlockTime | undefined
  const now = (): Header | undefined => (newest === undefined ? undefined : view.head)
  return {
    now,
    begin(epochId) {
      newest = Math.max(newest ?? 0, epochId) as EpochId
      beginning ??= view.head
    },
    noteReleased(epochId) {
      if (newest !== undefined && epochId > newest) newest = epochId
    },
    noteUndone(epochId) {
      if (newest !== undefined && epochId <= newest) newest = (epochId - 1) as EpochId
    },
    standing(epochId) {
      // It proves connectivity, and no window holds it (spec/02 §7).
      if (epochId === 0) return 'open'
      const head = now()
      const epoch = view.epoch(epochId)
      if (head === undefined || newest === undefined) return 'ahead'
      if (epoch !== undefined) return isOverInBoth(epoch.release, length(), head) ? 'over' : 'open'
      if (epochId <= newest) return 'over'
      return epochId <= newest + EPOCHS_AHEAD_MAX ? 'ahead' : 'far'
    },
    isOver(epochId, heardAt) {
      const head = now()
      if (head === undefined || newest === undefined) return false
      const epoch = view.epoch(epochId)
      if (epoch === undefined && epochId > 0 && epochId <= newest) return true
      // Of epoch 0, and of one whose release never came: as if it had been released when it was taken.
      const from = epoch?.release ?? heardAt ?? beginning
      return from !== undefined && isOverInBoth(from, length(), head, GRACE_BLOCKS)
    },
  }
}
