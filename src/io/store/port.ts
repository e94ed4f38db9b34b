/**
 * One role's durable memory: an ordered map from text to bytes. Each role owns its keys and says in its README what they mean.
 *
 * Obligations, proved by suite.ts:
 * - `commit` is atomic: after a crash either all its writes are there or none.
 * - When `commit` resolves, its writes are on disk (fsync). Commits become durable in the order of their calls.
 * - `get` and `scan` see every commit called before, durable or not, so that a check and the commit after it, made without an `await` between, are one step.
 * - Keys are ordered by code unit. Commits of one event-loop turn share one fsync (group commit).
 * - A commit that fails rejects with `STORE_FAILED` or one of its kind (`storeFailed`), and from then on everything does: memory and disk no longer agree.
 * - One for which the disk has no room is no failure where a role works with the store: it waits, in memory, seen by `get` and `scan`, with all that
 *   come after it, and becomes durable by itself when there is room.
 */
export interface Store {
  get(key: string): Uint8Array | undefined
  /** The entries whose key starts with `prefix`, ascending, at most `limit` of them, after key `after` when given. */
  scan(prefix: string, range?: { readonly after?: string; readonly limit?: number }): StoreEntry[]
  commit(writes: readonly StoreWrite[]): Promise<void>
  /** Whether commits wait for room. Who takes things in from outside takes nothing then: what waits is in memory alone. */
  isFull(): boolean
  /** Calls the listener when commits begin to wait, at once when they do. What it returns takes the listener back. */
  onFull(listener: () => void): () => void
  /** Resolves when every commit called so far is durable. */
  flush(): Promise<void>
  /** Flushes, then closes. Calls after it throw. */
  close(): Promise<void>
}

export interface StoreEntry {
  readonly key: string
  readonly value: Uint8Array
}

/** Puts `value` under `key`, or removes the key when there is no value. */
export interface StoreWrite {
  readonly key: string
  readonly value?: Uint8Array
}
