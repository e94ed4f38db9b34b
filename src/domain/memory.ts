import { append, type Linked, type List, remove } from './list.ts'

/**
 * What is remembered of so many holders at most; beyond that the one that was put longest ago is forgotten. Their order is a list of its own: to find its first
 * key a `Map` goes over all that were removed from before it, which are thousands where each new one pushes out another.
 */
export interface Memory<Value, Holder = string> {
  get(holder: Holder): Value | undefined
  /** As the newest, whether or not there was something of the holder. */
  put(holder: Holder, value: Value): void
  delete(holder: Holder): void
}

interface Entry<Value, Holder> extends Linked<Entry<Value, Holder>> {
  readonly holder: Holder
  value: Value
}

export function createMemory<Value, Holder = string>(lengthMax: number): Memory<Value, Holder> {
  const entries = new Map<Holder, Entry<Value, Holder>>()
  const order: List<Entry<Value, Holder>> = { first: undefined, last: undefined }

  function forget(entry: Entry<Value, Holder> | undefined): void {
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
      const entry: Entry<Value, Holder> = { holder, value, before: undefined, after: undefined }
      entries.set(holder, entry)
      append(order, entry)
    },
    delete: (holder) => forget(entries.get(holder)),
  }
}
