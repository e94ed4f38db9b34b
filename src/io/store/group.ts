import { byCodeUnit } from '#domain/ids.ts'
import type { StoreEntry, StoreWrite } from './port.ts'

/** Commits that become durable together: those of one event-loop turn, and where the disk has no room all that come until it has. */
export interface Group {
  /** What is to be under each key, in bytes of the group's own; `undefined`: nothing. */
  readonly writes: ReadonlyMap<string, Uint8Array | undefined>
  /** As the store says it of a `commit` in it. */
  readonly durable: Promise<void>
  isFull(): boolean
  add(writes: readonly StoreWrite[]): void
  succeed(): void
  fail(failure: unknown): void
  /** There is no room: it goes on waiting. `true` when it did not wait before. */
  wait(): boolean
}

export function createGroup(): Group {
  const added: StoreWrite[] = []
  /** As far as they were asked for: on a disk that has room nobody does. */
  const writes = new Map<string, Uint8Array | undefined>()
  const durable = Promise.withResolvers<void>()
  // Whoever's write failed was told at once and does not wait for this.
  durable.promise.catch(() => undefined)
  let isFull = false
  return {
    get writes() {
      for (const { key, value } of added.splice(0)) writes.set(key, value)
      return writes
    },
    durable: durable.promise,
    isFull: () => isFull,
    add(more) {
      // All in one piece: thousands of small ones a second cost more to give back than to fill.
      const own = new Uint8Array(more.reduce((sum, { value }) => sum + (value?.length ?? 0), 0))
      let end = 0
      for (const { key, value } of more) {
        const start = end
        end += value?.length ?? 0
        if (value === undefined) added.push({ key })
        else {
          own.set(value, start)
          added.push({ key, value: own.subarray(start, end) })
        }
      }
    },
    succeed: () => durable.resolve(),
    fail: (failure) => durable.reject(failure),
    wait() {
      const isNews = !isFull
      isFull = true
      return isNews
    },
  }
}

/** Who wants to hear that a store is full. */
export function createListeners() {
  const listeners = new Set<() => void>()
  return {
    add(listener: () => void, isFull: boolean): () => void {
      if (isFull) listener()
      else listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    call(): void {
      for (const listener of listeners) listener()
      listeners.clear()
    },
  }
}

/** What would be found under keys with `prefix`, after `after`, if the group were on the disk; `found` is what is, as many more as it has writes. */
export function withWrites(
  { writes }: Pick<Group, 'writes'>,
  found: readonly StoreEntry[],
  { prefix, after = '', limit }: { readonly prefix: string; readonly after?: string | undefined; readonly limit?: number | undefined },
): StoreEntry[] {
  const entries = found.filter(({ key }) => !writes.has(key))
  for (const [key, value] of writes)
    if (value !== undefined && key.startsWith(prefix) && key > after) entries.push({ key, value: value.slice() })
  return entries.sort((left, right) => byCodeUnit(left.key, right.key)).slice(0, limit)
}
