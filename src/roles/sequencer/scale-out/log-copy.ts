import type { Log, LogEntry } from '#io/log/port.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import { readAt, toBytes } from '#roles/sequencer/bytes.ts'
import { createEntryReader } from './entry.ts'

/** Where it is kept how far a log was copied. */
export const positionKey = (partition: number): string => `log/${partition}`

/** What a log says, in a store of this machine's own. Behind the log in whatever a crash took of it, never ahead, and read from where it ends. */
export interface LogCopy {
  /** Of the last entry that was taken. */
  position(): number
  /** Takes the next entry. Returns the writes that it brought, at once in the store; `durable` rejects when the store fails. */
  take(entry: LogEntry): { readonly writes: readonly StoreWrite[]; readonly durable: Promise<void> }
  /** Up to the end that the log has now. */
  catchUp(log: Log, signal: AbortSignal): Promise<void>
}

export function createLogCopy(partition: number, store: Store): LogCopy {
  const key = positionKey(partition)
  const read = createEntryReader()
  let position = readAt<number>(store, key) ?? 0

  const copy: LogCopy = {
    position: () => position,
    take(entry) {
      // A reader that was connected again may begin a little earlier.
      if (entry.position <= position) return { writes: [], durable: Promise.resolve() }
      position = entry.position
      const writes = read(entry.bytes)
      // The position of a part alone is not kept: it is read again with the others.
      if (writes === undefined) return { writes: [], durable: Promise.resolve() }
      return { writes, durable: store.commit([...writes, { key, value: toBytes(position) }]) }
    },
    async catchUp(log, signal) {
      const end = await log.end()
      if (position >= end) return
      const enough = new AbortController()
      let last = Promise.resolve()
      for await (const entry of log.read(position, AbortSignal.any([signal, enough.signal]))) {
        const { durable } = copy.take(entry)
        last = Promise.all([last, durable]).then(() => undefined)
        last.catch(() => undefined)
        if (entry.position >= end) enough.abort()
      }
      signal.throwIfAborted()
      await last
    },
  }
  return copy
}
