import { createHeap, type Heap } from '#domain/heap.ts'
import type { EpochId } from '#domain/ids.ts'
import type { Clock } from '#io/clock/port.ts'

/** What waits in a line. */
export interface Waiter {
  readonly epochId: EpochId
  /** Order of acceptance. */
  readonly order: number
  dueMs: number
  place: 'ready' | 'later' | 'in flight' | 'finished'
}

/**
 * Entries that wait to be sent, and those that are to wait until they are due. The epoch that closes first goes before the others (C4), within it the order of acceptance; where
 * less can be sent than there is, the newest: otherwise each would be sent at the very end of its window, and come too late.
 */
export interface Line<Entry> {
  /** `delayMs`: until it is due. */
  push(entry: Entry, delayMs: number): void
  /** The next to send, which is in flight from now on. `isOver` where less can be sent than there is: the newest first, and nothing of an epoch of which it holds. */
  take(isOver?: (epochId: EpochId) => boolean): Entry | undefined
  /** It is finished, wherever it waits. */
  leave(entry: Entry): void
  /** When the next that is to wait becomes due. */
  nextDueMs(): number | undefined
}

interface Ready<Entry> {
  readonly entries: Heap<Entry>
  /** Of them, those that have not left. */
  length: number
}

export function createLine<Entry extends Waiter>(clock: Pick<Clock, 'nowMs'>): Line<Entry> {
  const ready = new Map<EpochId, Ready<Entry>>()
  /** Those of `ready`, ascending. */
  const epochs: EpochId[] = []
  const later = createHeap<Entry>((left, right) => left.dueMs < right.dueMs)

  function readyOf(epochId: EpochId): Ready<Entry> {
    const known = ready.get(epochId)
    if (known !== undefined) return known
    const fresh = { entries: createHeap<Entry>((left, right) => left.order < right.order), length: 0 }
    ready.set(epochId, fresh)
    // Mostly at the end.
    epochs.splice(epochs.findLastIndex((each) => each < epochId) + 1, 0, epochId)
    return fresh
  }

  function enter(entry: Entry): void {
    const { epochId } = entry
    const line = readyOf(epochId)
    entry.place = 'ready'
    line.entries.push(entry)
    line.length += 1
  }

  function countOut(epochId: EpochId): void {
    const line = ready.get(epochId) as Ready<Entry>
    line.length -= 1
    if (line.length > 0) return
    ready.delete(epochId)
    epochs.splice(epochs.lastIndexOf(epochId), 1)
  }

  function letIn(): void {
    const nowMs = clock.nowMs()
    for (let entry = later.first(); entry !== undefined && entry.dueMs <= nowMs; entry = later.first()) {
      later.pop()
      if (entry.place === 'later') enter(entry)
    }
  }

  return {
    push(entry, delayMs) {
      if (delayMs <= 0) return enter(entry)
      entry.place = 'later'
      later.push(entry)
    },
    take(isOver) {
      letIn()
      const epochId = isOver === undefined ? epochs[0] : epochs.at(-1)
      if (epochId === undefined || isOver?.(epochId) === true) return undefined
      const { entries } = ready.get(epochId) as Ready<Entry>
      let entry = entries.pop() as Entry
      while (entry.place !== 'ready') entry = entries.pop() as Entry
      entry.place = 'in flight'
      countOut(epochId)
      return entry
    },
    leave(entry) {
      const isReady = entry.place === 'ready'
      entry.place = 'finished'
      if (isReady) countOut(entry.epochId)
    },
    nextDueMs: () => later.first()?.dueMs,
  }
}
