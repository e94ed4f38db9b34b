import { credit, type Delivered, nothingDelivered } from '#domain/counts.ts'
import type { BlockNumber, EpochId } from '#domain/ids.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import { deliveredAt, deliveredToBytes, fromBytes, toBytes } from '#roles/sequencer/bytes.ts'
import { DAYS_PREFIX, dayKey, toldKey, totalsKey } from '#roles/sequencer/keys.ts'

/** A day of the market, as the chain begins and ends it. */
export interface Day {
  readonly day: number
  /** Block of the event that began it; 0 when it had begun before anything was followed here. */
  readonly startedIn: BlockNumber
  /** Every epoch of it was followed. Of another day nobody here knows the totals. */
  readonly isWhole: boolean
  readonly firstEpochId: EpochId
  /** The newest epoch released on it. */
  readonly lastEpochId: EpochId
}

/** The days and what slots delivered on each. In memory at once; on disk when the caller commits what `takeWrites` gives. */
export interface DayBook {
  /** Ascending; the last is the current one. */
  readonly days: readonly Day[]
  /** Nothing for a day that is not there. */
  totals(day: number): Delivered
  put(day: Day): void
  drop(day: Day): void
  /** Lets go of all days before `oldest`, and of what was told of them. */
  forgetBefore(oldest: number): void
  credit(day: number, delivered: Delivered, times: 1 | -1): void
  /** What has changed since the last call. */
  takeWrites(): readonly StoreWrite[]
}

export function createDayBook(store: Pick<Store, 'get' | 'scan'>): DayBook {
  const days = store.scan(DAYS_PREFIX).map(({ value }) => fromBytes<Day>(value))
  const totals = new Map(days.map(({ day }) => [day, deliveredAt(store, totalsKey(day)) ?? nothingDelivered()]))
  const writes = new Map<string, StoreWrite>()
  const credited = new Set<number>()
  const write = (one: StoreWrite) => void writes.set(one.key, one)

  function drop(gone: Day): void {
    days.splice(days.indexOf(gone), 1)
    totals.delete(gone.day)
    credited.delete(gone.day)
    write({ key: dayKey(gone.day) })
    write({ key: totalsKey(gone.day) })
  }

  return {
    days,
    totals: (day) => totals.get(day) ?? nothingDelivered(),
    put(day) {
      const index = days.findIndex((known) => known.day === day.day)
      if (index < 0) days.push(day)
      else days[index] = day
      if (!totals.has(day.day)) totals.set(day.day, nothingDelivered())
      write({ key: dayKey(day.day), value: toBytes(day) })
    },
    drop,
    forgetBefore(oldest) {
      for (const old of days.filter(({ day }) => day < oldest)) {
        drop(old)
        write({ key: toldKey(old.day) })
      }
    },
    credit(day, delivered, times) {
      const counts = totals.get(day)
      if (counts === undefined) return
      credit(counts, delivered, times)
      credited.add(day)
    },
    takeWrites() {
      // A day's totals once, however many batches a block has.
      for (const day of credited) write({ key: totalsKey(day), value: deliveredToBytes(totals.get(day) as Delivered) })
      const taken = [...writes.values()]
      writes.clear()
      credited.clear()
      return taken
    },
  }
}
