import { append, type Linked, type List, remove } from './list.ts'

/**
 * What is remembered of so many holders at most; beyond that the one that was put longest ago is forgotten. Their order is a list of its own: to find its first
 * key a `Map` goes over all that were removed from before it, which are thousands where each new one pushes out another.
 */
export interface Memory<Value> {
  get(holder: string): Value | undefined
  /** As the newest, whether or not there was something of the holder. */
  put(holder: string, value: Value): void
  delete(holder: string): void
}

interface Entry<Value> extends Linked<Entry<Value>> {
  readonly holder: string
  value: Value
}

export function createMemory<Value>(lengthMax: number): Memory<Value> {
  const entries = new Map<string, Entry<Value>>()
  const order: List<Entry<Value>> = { first: undefined, last: undefined }

  function forget(entry: Entry<Value> | undefined): void {
    if (entry === undefined) return
    entries.delete(entry.holder)
    remove(order, entry)
  }

  return {
    get: (holder) => entries.get(holder)?.value,
    put(holder, value) {
      const known = entries.get(holder)
      if (known !== undefined) {
        known.value = value
        remove(order, known)
        append(order, known)
        return
      }
      if (entries.size >= lengthMax) forget(order.first)
      const entry: Entry<Value> = { holder, value, before: undefined, after: undefined }
      entries.set(holder, entry)
      append(order, entry)
    },
    delete: (holder) => forget(entries.get(holder)),
  }
}
