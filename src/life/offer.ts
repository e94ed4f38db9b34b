import type { Store, StoreWrite } from '#io/store/port.ts'

/**
 * As `commit`, for what somebody waits to be told of: resolves with `false` as soon as it is known to wait for room, as all that was committed before
 * it may. It may become durable later all the same. Rejects as `commit`.
 */
export function offer(writes: readonly StoreWrite[], store: Pick<Store, 'commit' | 'onFull'>): Promise<boolean> {
  const told = Promise.withResolvers<boolean>()
  const forget = store.onFull(() => told.resolve(false))
  store
    .commit(writes)
    .then(() => told.resolve(true), told.reject)
    .finally(forget)
  return told.promise
}
