import { WeftError } from '#domain/errors.ts'
import { byCodeUnit } from '#domain/ids.ts'
import type { Store, StoreEntry, StoreWrite } from './port.ts'

/** A store in memory that forgets, at `crash`, exactly what a real one would forget. */
type StoreBreak = 'STORE_FAILED' | 'STORE_FULL'

export interface FakeStore extends Store {
  /** Ends this store as a power cut would: commits that are not durable never resolve. Returns what is found afterwards. */
  crash(): FakeStore
  /** From now on its disk takes nothing: the next commit fails, and the store with it. */
  breakDisk(by?: StoreBreak): void
  /** A store of its own with what is durable now, as a backup holds it. */
  copy(): FakeStore
  /** What a power cut at this very instant would leave under the key. */
  durable(key: string): Uint8Array | undefined
}

type Contents = Map<string, Uint8Array>

function apply(contents: Contents, writes: readonly StoreWrite[]): void {
  for (const { key, value } of writes) {
    if (value === undefined) contents.delete(key)
    else contents.set(key, value)
  }
}

function select(contents: Contents, prefix: string, range: { readonly after?: string; readonly limit?: number }): StoreEntry[] {
  const keys: string[] = []
  for (const key of contents.keys()) if (key.startsWith(prefix) && (range.after === undefined || key > range.after)) keys.push(key)
  keys.sort(byCodeUnit)
  return keys.slice(0, range.limit).map((key) => ({ key, value: (contents.get(key) as Uint8Array).slice() }))
}

function openOn(durable: Contents): FakeStore {
  let state: 'open' | 'closed' | 'crashed' = 'open'
  let brokenBy: StoreBreak | undefined
  let failure: WeftError<StoreBreak> | undefined
  const visible: Contents = new Map(durable)
  /** Commits since the last flush; one flush makes all of them durable. */
  let group: { readonly writes: StoreWrite[]; readonly durable: Promise<void> } | undefined

  function assertOpen(): void {
    if (failure !== undefined) throw failure
    if (state !== 'open') throw new WeftError('STOPPED', { what: 'store' })
  }

  function openGroup(): { readonly writes: StoreWrite[]; readonly durable: Promise<void> } {
    const writes: StoreWrite[] = []
    const flushed = new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        if (state === 'crashed') return
        group = undefined
        if (brokenBy !== undefined) {
          failure = new WeftError(brokenBy, { path: 'fake', doing: 'committing' })
          reject(failure)
          return
        }
        apply(durable, writes)
        resolve()
      })
    })
    return { writes, durable: flushed }
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
    async commit(writes) {
      assertOpen()
      const owned = writes.map(({ key, value }) => (value === undefined ? { key } : { key, value: value.slice() }))
      apply(visible, owned)
      group ??= openGroup()
      for (const write of owned) group.writes.push(write)
      return group.durable
    },
    async flush() {
      assertOpen()
      return group?.durable
    },
    async close() {
      if (state !== 'open') return
      const last = group?.durable
      state = 'closed'
      await last
      if (failure !== undefined) throw failure
    },
    copy: () => openOn(new Map(durable)),
    durable: (key) => durable.get(key)?.slice(),
    crash() {
      state = 'crashed'
      return openOn(new Map(durable))
    },
    breakDisk(by = 'STORE_FAILED') {
      brokenBy = by
    },
  }
}

/** An empty store. Its commits become durable at the end of the event-loop turn. */
export function createFakeStore(): FakeStore {
  return openOn(new Map())
}
