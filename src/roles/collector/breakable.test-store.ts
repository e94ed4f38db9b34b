import { WeftError } from '#domain/errors.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import type { Store } from '#io/store/port.ts'

type DiskCode = 'STORE_FAILED' | 'STORE_FULL'

/** A store whose disk fails when the test says so, as the real one does: the commit under way is lost, and after it everything fails. */
export interface BreakableStore extends Store {
  /** The next commit is seen by reads and never becomes durable; when it fails, the store is broken. */
  breakDown(code?: DiskCode): void
  /** What a restart finds. */
  crash(): FakeStore
}

/** Far more often than anybody asks who ends for a failure. */
const REFUSED_MAX = 1_000

export function createBreakableStore(): BreakableStore {
  const disk = createFakeStore()
  const lost = new Map<string, Uint8Array | undefined>()
  let broken: DiskCode = 'STORE_FAILED'
  let state: 'whole' | 'breaking' | 'broken' = 'whole'
  let failing: Promise<void> | undefined
  let refusedCount = 0

  function assertWhole(): void {
    if (state !== 'broken') return
    refusedCount += 1
    // Who does not take it for an answer would ask for ever, and the test with him.
    if (refusedCount > REFUSED_MAX) return
    throw new WeftError(broken, { path: 'disk', doing: 'committing' })
  }

  return {
    get(key) {
      assertWhole()
      return lost.has(key) ? lost.get(key) : disk.get(key)
    },
    scan(prefix, range) {
      assertWhole()
      return disk.scan(prefix, range)
    },
    async commit(writes) {
      assertWhole()
      if (state === 'whole') return disk.commit(writes)
      for (const { key, value } of writes) lost.set(key, value)
      failing ??= new Promise((_, reject) => {
        setImmediate(() => {
          state = 'broken'
          reject(new WeftError(broken, { path: 'disk', doing: 'committing' }))
        })
      })
      return failing
    },
    flush: async () => failing ?? disk.flush(),
    close: () => disk.close(),
    breakDown(code = 'STORE_FAILED') {
      broken = code
      state = 'breaking'
    },
    crash: () => disk.crash(),
  }
}
