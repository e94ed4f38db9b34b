import { isWeftError, WeftError } from '#domain/errors.ts'
import { byCodeUnit } from '#domain/ids.ts'
import type { Log } from '#io/log/port.ts'
import type { Store, StoreEntry, StoreWrite } from '#io/store/port.ts'
import { toBytes } from '#roles/sequencer/bytes.ts'
import { claim, entriesOf } from './entry.ts'
import { createLogCopy, positionKey } from './log-copy.ts'

export interface LogStore extends Store {
  /** In the log, of what was written last. */
  position(): number
}

interface Group {
  readonly writes: StoreWrite[]
  readonly durable: PromiseWithResolvers<void>
}

/**
 * A store whose commits are entries of a log: durable when the log has them, read from a copy on this machine. What is committed while an entry is on its
 * way goes into the next one. When another process appends to the log everything fails with `LOG_MOVED`: memory and log no longer agree.
 * Opening it takes the log over from whoever wrote it before.
 */
export async function openLogStore(
  { log, partition, local }: { readonly log: Log; readonly partition: number; readonly local: Store },
  signal: AbortSignal,
): Promise<LogStore> {
  let position = await takeOver(log, { partition, local }, signal)
  const ownKey = positionKey(partition)
  /** What is committed and not in the copy yet, by key, with the group that it belongs to. */
  const pending = new Map<string, { readonly value: Uint8Array | undefined; readonly group: Group }>()
  let next: Group | undefined
  let working: Promise<void> | undefined
  let failure: unknown
  let isClosed = false

  function assertOpen(): void {
    if (failure !== undefined) throw failure
  }

  function fail(cause: unknown): void {
    failure ??= cause
  }

  async function append(group: Group): Promise<void> {
    for (const entry of entriesOf(group.writes, log.entryBytesMax())) position = await log.append(entry, position)
    // At once, so that nobody sees anything in between.
    local.commit([...group.writes, { key: ownKey, value: toBytes(position) }]).catch(fail)
    for (const { key } of group.writes) if (pending.get(key)?.group === group) pending.delete(key)
  }

  async function work(): Promise<void> {
    // What else is committed in this turn goes along.
    await Promise.resolve()
    for (let group = next; group !== undefined; group = next) {
      next = undefined
      try {
        assertOpen()
        await append(group)
        group.durable.resolve()
      } catch (cause) {
        fail(cause)
        group.durable.reject(failure)
      }
    }
    working = undefined
  }

  function openGroup(): Group {
    const group = { writes: [], durable: Promise.withResolvers<void>() }
    // Whoever commits is told; nobody else waits for it.
    group.durable.promise.catch(() => undefined)
    return group
  }

  return {
    position: () => position,
    get(key) {
      assertOpen()
      const found = pending.get(key)
      return found === undefined ? local.get(key) : found.value?.slice()
    },
    scan(prefix, range = {}) {
      assertOpen()
      return merged({ prefix, ...range }, { pending, local, ownKey })
    },
    async commit(writes) {
      assertOpen()
      next ??= openGroup()
      const group = next
      for (const { key, value } of writes) {
        // Not by `slice`, which of a Buffer is no copy.
        const own = value && new Uint8Array(value)
        group.writes.push(own === undefined ? { key } : { key, value: own })
        pending.set(key, { value: own, group })
      }
      working ??= work()
      return group.durable.promise
    },
    isFull: local.isFull,
    onFull: local.onFull,
    async flush() {
      await working
      assertOpen()
    },
    async close() {
      if (isClosed) return
      isClosed = true
      await working
      if (failure !== undefined) throw failure
      fail(new WeftError('STOPPED', { what: `store of partition ${partition}` }))
    },
  }
}

/** From now on every other writer is refused. Returns where the log ends. */
async function takeOver(
  log: Log,
  { partition, local }: { readonly partition: number; readonly local: Store },
  signal: AbortSignal,
): Promise<number> {
  const copy = createLogCopy(partition, local)
  for (;;) {
    await copy.catchUp(log, signal)
    try {
      return await log.append(claim(), copy.position())
    } catch (failure) {
      signal.throwIfAborted()
      if (!isWeftError(failure, 'LOG_MOVED')) throw failure
    }
  }
}

interface Sought {
  readonly prefix: string
  readonly after?: string
  readonly limit?: number
}

/** What the copy has, under what is on its way to it. */
function merged(
  { prefix, after, limit }: Sought,
  from: {
    readonly pending: ReadonlyMap<string, { readonly value: Uint8Array | undefined }>
    readonly local: Store
    readonly ownKey: string
  },
): StoreEntry[] {
  const { pending, local, ownKey } = from
  const over = [...pending].filter(([key]) => key.startsWith(prefix) && (after === undefined || key > after))
  const range = { ...(after !== undefined && { after }), ...(limit !== undefined && { limit: limit + over.length + 1 }) }
  const below = local.scan(prefix, range).filter(({ key }) => key !== ownKey && !pending.has(key))
  const added = over.flatMap(([key, { value }]) => (value === undefined ? [] : [{ key, value: value.slice() }]))
  if (added.length === 0) return below.slice(0, limit)
  return [...below, ...added].sort((left, right) => byCodeUnit(left.key, right.key)).slice(0, limit)
}
