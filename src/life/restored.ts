import type { EpochId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Store } from '#io/store/port.ts'
import { type PersistDeps, persist } from './persist.ts'

/**
 * A store that was restored from a copy does not know what was signed after the copy was made. Whatever that was, it was for epochs that are released by
 * now: the first start on it writes down up to which, and for those nothing is signed that the copy does not know of.
 */

/** There in a copy until the first start on it. */
const NOT_STARTED_KEY = 'restored/not-started'
const UP_TO_KEY = 'restored/up-to'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Marks a store as a copy: whoever starts on it, however it came there, starts on what was restored. */
export function markCopy(store: Store): Promise<void> {
  return store.commit([{ key: NOT_STARTED_KEY, value: new Uint8Array(0) }])
}

/**
 * The newest epoch for which something may have been signed that the store does not know of; `undefined` where it never was restored. Durable when it
 * resolves, and the same at each later start. Throws the signal's reason: it asks the chain until that answers.
 */
export async function restoredUpTo(
  deps: PersistDeps & { readonly store: Store; readonly chain: Pick<AnchorChain, 'currentEpoch'> },
  signal: AbortSignal,
): Promise<EpochId | undefined> {
  const { store, chain, report } = deps
  if (store.get(NOT_STARTED_KEY) !== undefined) {
    const { epochId } = await persist({ doing: 'read_current_epoch', attempt: () => chain.currentEpoch(), signal }, deps)
    await store.commit([{ key: UP_TO_KEY, value: encoder.encode(String(epochId)) }, { key: NOT_STARTED_KEY }])
    report('restored', { upTo: epochId })
  }
  const value = store.get(UP_TO_KEY)
  return value && (Number(decoder.decode(value)) as EpochId)
}
