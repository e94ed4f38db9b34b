import type { EpochId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Store } from '#io/store/port.ts'
import type { Life } from './live.ts'
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

/** Soon enough for whoever waits, and nothing beside what a role asks of its endpoint anyway. */
const LOOK_EVERY_MS = 15_000

interface RestoredDeps extends PersistDeps {
  readonly store: Store
  readonly chain: Pick<AnchorChain, 'currentEpoch' | 'release'>
}

/**
 * The newest epoch for which something may have been signed that the store does not know of; `undefined` where it never was restored. Durable when it
 * resolves, and the same at each later start. Tells what is waited for, and when that is over. Throws the signal's reason: it asks the chain until that
 * answers.
 */
export async function restoredUpTo(deps: RestoredDeps, { signal, spawn }: Pick<Life, 'signal' | 'spawn'>): Promise<EpochId | undefined> {
  const { store, report } = deps
  const isFirst = store.get(NOT_STARTED_KEY) !== undefined
  const known = store.get(UP_TO_KEY)
  if (!isFirst && known === undefined) return undefined
  const newest = await newestEpoch(deps, signal)
  const upTo = isFirst ? newest : (Number(decoder.decode(known)) as EpochId)
  if (isFirst) await store.commit([{ key: UP_TO_KEY, value: encoder.encode(String(upTo)) }, { key: NOT_STARTED_KEY }])
  if (newest > upTo) return upTo
  report('restored', { upTo })
  void spawn(tellWhenOver(upTo, deps, signal))
  return upTo
}

/** One that has a release: nothing is signed up to it, and that is written down for good, so whoever makes one up is not believed. */
async function newestEpoch(deps: RestoredDeps, signal: AbortSignal): Promise<EpochId> {
  const { chain, clock } = deps
  async function attempt(): Promise<EpochId | undefined> {
    const { epochId } = await chain.currentEpoch()
    return epochId === 0 || (await chain.release(epochId)) !== undefined ? epochId : undefined
  }
  for (;;) {
    const newest = await persist({ doing: 'read_current_epoch', attempt, signal }, deps)
    if (newest !== undefined) return newest
    await clock.sleep(LOOK_EVERY_MS, signal)
  }
}

async function tellWhenOver(upTo: EpochId, deps: RestoredDeps, signal: AbortSignal): Promise<void> {
  for (;;) {
    await deps.clock.sleep(LOOK_EVERY_MS, signal)
    const epochId = await newestEpoch(deps, signal)
    if (epochId > upTo) return deps.report('restored_over', { epochId })
  }
}
