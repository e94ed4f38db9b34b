import { type CountsUpdate, type SlotCounts, updatesOf } from '#domain/counts.ts'
import type { BlockNumber, EpochId, SlotId } from '#domain/ids.ts'
import type { Store } from '#io/store/port.ts'
import { fromBytes, toBytes } from '#roles/sequencer/bytes.ts'
import { TOLD_PREFIX, toldKey } from '#roles/sequencer/keys.ts'
import type { Day } from './day-book.ts'

/** Calls that belong together, on disk before the first of them is sent. */
export interface Update {
  readonly number: number
  /** How often its calls were made anew, because the contract refused to hear of slots that it has rewarded. */
  readonly attempt: number
  readonly isFinal: boolean
  readonly quota: number
  readonly chunks: readonly CountsUpdate[]
  /** All of them have their outcome. */
  readonly isSettled: boolean
}

/** What the contract was told of a day. */
export interface Told {
  readonly day: number
  /** The totals that it has, as far as known. */
  readonly counts: readonly (readonly [SlotId, number])[]
  readonly rewarded: readonly SlotId[]
  /** Newest epoch at the last update, and at the last that was to be the last. */
  readonly asOf: EpochId
  readonly finalAsOf?: EpochId | undefined
  readonly update?: Update | undefined
  /** Newest block with one of the calls. */
  readonly toldIn: BlockNumber
  /** No more is said of the day: all is told, or it was too late. */
  readonly closed?: 'told' | 'E38' | undefined
}

/** What the contract was told, by day; on disk, and here to be read without asking it. */
export interface ToldBook {
  get(day: Day): Told
  keep(told: Told): Promise<void>
  /** What was told from this block on is to be looked for again: the chain is followed anew. */
  unsettleFrom(block: BlockNumber): Promise<void>
  /** A reorganisation has taken what was told above the block, or may yet take what is on its way. The book says so at once, the disk when it resolves. */
  undoAbove(block: BlockNumber): Promise<unknown>
  /** Their records on disk went with the days. */
  forgetBefore(oldest: number): void
}

const NOTHING: Pick<Told, 'counts' | 'rewarded' | 'toldIn'> = { counts: [], rewarded: [], toldIn: 0 as BlockNumber }

export function createToldBook(store: Pick<Store, 'scan' | 'commit'>): ToldBook {
  const known = new Map(
    store
      .scan(TOLD_PREFIX)
      .map(({ value }) => fromBytes<Told>(value))
      .map((told) => [told.day, told]),
  )
  const unsettled = (update: Update | undefined) => update && { ...update, isSettled: false }

  function keep(told: Told): Promise<void> {
    known.set(told.day, told)
    return store.commit([{ key: toldKey(told.day), value: toBytes(told) }])
  }

  return {
    get: ({ day, firstEpochId }) => known.get(day) ?? { day, ...NOTHING, asOf: Math.max(0, firstEpochId - 1) as EpochId },
    keep,
    async unsettleFrom(block) {
      for (const told of known.values()) if (told.toldIn >= block) await keep({ ...told, update: unsettled(told.update) })
    },
    undoAbove(block) {
      const concerned = [...known.values()].filter(({ toldIn, update }) => toldIn > block || update?.isSettled === false)
      return Promise.all(concerned.map(({ day, asOf, update }) => keep({ day, ...NOTHING, asOf, update: unsettled(update) })))
    },
    forgetBefore(oldest) {
      for (const day of known.keys()) if (day < oldest) known.delete(day)
    },
  }
}

/** Whether the contract has these totals of everybody whom it still takes a word about. */
export function isTold({ counts, rewarded }: Told, totals: SlotCounts): boolean {
  return updatesOf({ totals, told: new Map(counts), rewarded: new Set(rewarded), quota: 0, isFinal: false }, 1).length === 0
}
