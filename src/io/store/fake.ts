import { WeftError } from '#domain/errors.ts'
import { byCodeUnit } from '#domain/ids.ts'
import { createGroup, createListeners, type Group } from './group.ts'
import type { Store, StoreEntry, StoreWrite } from './port.ts'

/** A store in memory that forgets, at `crash`, exactly what a real one would forget. */
export interface FakeStore extends Store {
  /** Ends this store as a power cut would: commits that are not durable never resolve. Returns what is found afterwards. */
  crash(): FakeStore
  /** From now on its disk takes nothing: the next commit fails, and the store with it. */
  breakDisk(): void
  /** Whether its disk has room. */
  setRoom(hasRoom: boolean): void
  /** A store of its own with what is durable now, as a backup holds it. */
  copy(): FakeStore
  /** What a power cut at this very instant would leave under the key. */
  durable(key: string): Uint8Array | undefined
}

type Contents = Map<string, Uint8Array>

function put(contents: Contents, key: string, value: Uint8Array | undefined): void {
  if (value === undefined) contents.delete(key)
  else contents.set(key, value)
}

function select(contents: Contents, prefix: string, range: { readonly after?: string; readonly limit?: number }): StoreEntry[] {
  const keys: string[] = []
  for (const key of contents.keys()) if (key.startsWith(prefix) && (range.after === undefined || key > range.after)) keys.push(key)
  keys.sort(byCodeUnit)
  return keys.slice(0, range.limit).map((key) => ({ key, value: (contents.get(key) as Uint8Array).slice() }))
}

function openOn(durable: Contents): FakeStore {
  let state: 'open' | 'closed' | 'crashed' = 'open'
  let isBroken = false
  let hasRoom = true
  let failure: WeftError<'STORE_FAILED'> | undefined
  const visible: Contents = new Map(durable)
  /** Commits since the last flush; one flush makes all of them durable. */
  let group: Group | undefined
  const listeners = createListeners()

  function assertOpen(): void {
    if (failure !== undefined) throw failure
    if (state !== 'open') throw new WeftError('STOPPED', { what: 'store' })
  }

  function flush(): void {
    const flushed = group
    if (state === 'crashed' || flushed === undefined) return
    if (isBroken) {
      group = undefined
      failure = new WeftError('STORE_FAILED', { path: 'fake', doing: 'committing' })
      flushed.fail(failure)
      return
    }
    if (!hasRoom) {
      if (flushed.wait()) listeners.call()
      return
    }
    group = undefined
    for (const [key, value] of flushed.writes) put(durable, key, value)
    flushed.succeed()
  }

  function join(writes: readonly StoreWrite[]): Group {
    assertOpen()
    if (group === undefined) {
      group = createGroup()
      setImmediate(flush)
    }
    group.add(writes)
    for (const { key } of writes) put(visible, key, group.writes.get(key))
    return group
  }

  return {
    get(key) {
      assertOpen()
      return visible.get(key)?.slice()
    },
    scan(prefix, range = {}) {
      assertOpen()
      return select(visible, prefix, range)
    },
    commit: async (writes) => join(writes).durable,
    isFull: () => group?.isFull() === true,
    onFull: (listener) => listeners.add(listener, group?.isFull() === true),
    async flush() {
      assertOpen()
      return group?.durable
    },
    async close() {
      if (state !== 'open') return
      const last = group
      state = 'closed'
      if (last?.isFull() !== true) await last?.durable
      if (failure !== undefined) throw failure
    },
    copy: () => openOn(new Map(durable)),
    durable: (key) => durable.get(key)?.slice(),
    crash() {
      state = 'crashed'
      return openOn(new Map(durable))
    },
    breakDisk() {
      isBroken = true
    },
    setRoom(has) {
      hasRoom = has
      if (group?.isFull() === true) setImmediate(flush)
    },
  }
}

/** An empty store. Its commits become durable at the end of the event-loop turn. */
export function createFakeStore(): FakeStore {
  return openOn(new Map())
}
