import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isWeftError, storeFailed, WeftError } from '#domain/errors.ts'
import { onDisk } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { createGroup, createListeners, type Group, withWrites } from './group.ts'
import type { Store, StoreEntry, StoreWrite } from './port.ts'

/** SQLite's primary result codes for "somebody else holds the lock". */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6

/**
 * `locking_mode = EXCLUSIVE` keeps the file's lock for as long as the store is open: it is what refuses a second process, and the
 * operating system releases it even after SIGKILL. `synchronous = FULL` syncs the log at each commit: what is acknowledged is on disk.
 */
const PRAGMAS = 'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;'
/** With row ids: most of what is kept is far too long for the index itself, which would be rewritten page by page with each commit. An older file goes on without. */
const SCHEMA = 'CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;'

function isLockedByAnother(cause: unknown): boolean {
  const code = (cause as { readonly errcode?: unknown }).errcode
  return typeof code === 'number' && ((code & 0xff) === SQLITE_BUSY || (code & 0xff) === SQLITE_LOCKED)
}

/** Who holds the lock, as far as it said; only for the message. */
function ownerOf(path: string): string {
  try {
    const processId = readFileSync(`${path}.pid`, 'utf8').trim()
    // Who wrote it may be long gone: the lock is held by somebody who left no word.
    process.kill(Number(processId), 0)
    return processId
  } catch (cause) {
    return `unknown (${(cause as Error).message})`
  }
}

/** "weft": SQLite keeps it in the header of the file, as it does the version below. */
const APPLICATION_ID = 0x77656674
/** One more with each change after which an earlier build would misread what is kept here; then it says how an older file is brought up to date. */
export const STORE_VERSION = 1

const STAMP = `PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${STORE_VERSION};`

/** Whose file it is, looked at before anything is written. Throws `STORE_NEWER`, `STORE_FOREIGN`. */
function checkOrigin(database: DatabaseSync, path: string): void {
  const number = (pragma: string) => Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0])
  const [applicationId, version] = [number('application_id'), number('user_version')]
  if (applicationId === APPLICATION_ID && version > STORE_VERSION)
    throw new WeftError('STORE_NEWER', { path, version, known: STORE_VERSION })
  if (applicationId === APPLICATION_ID) return
  if (applicationId !== 0) throw new WeftError('STORE_FOREIGN', { path, found: `application id ${applicationId}` })
  // Stores of before there was a version have our one table; a new file has none.
  const others = database
    .prepare("SELECT type, name FROM sqlite_schema WHERE type <> 'index' AND (type, name) <> ('table', 'entries')")
    .all()
    .map(({ type, name }) => `${type} ${name}`)
  if (others.length > 0) throw new WeftError('STORE_FOREIGN', { path, found: others.slice(0, 3).join(', ') })
}

/** Opens it for the work, which is to close it unless it throws. */
function withDatabase<Value>(path: string, work: (database: DatabaseSync) => Value): Value {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    checkOrigin(database, path)
    return work(database)
  } catch (cause) {
    database?.close()
    if (isLockedByAnother(cause)) throw new WeftError('DATA_DIR_LOCKED', { dataDir: path, processId: ownerOf(path) }, cause)
    if (isWeftError(cause)) throw cause
    throw storeFailed(path, 'opening', cause)
  }
}

function openDatabase(path: string): DatabaseSync {
  onDisk(path, 'opening', () => makeFolder(dirname(path)))
  return withDatabase(path, (database) => {
    // The lock is taken here, by `journal_mode = WAL` under an exclusive locking mode, and not at the first commit hours later.
    database.exec(`${PRAGMAS} ${SCHEMA} ${STAMP}`)
    // Another account may have left one, which ours may not write to, or a link to what is none of ours.
    rmSync(`${path}.pid`, { force: true })
    writeFileSync(`${path}.pid`, String(process.pid), { flag: 'wx' })
    return database
  })
}

/** For whoever only looks: nothing is made and nothing written down, not even whose it is. What is no store yet holds nothing. Throws as `openSqliteStore`. */
export function lookIntoSqliteStore<Value>({ path }: { readonly path: string }, look: (store: Pick<Store, 'get'>) => Value): Value {
  return withDatabase(path, (database) => {
    const isThere = database.prepare("SELECT name FROM sqlite_schema WHERE name = 'entries'").get() !== undefined
    const entry = isThere ? database.prepare('SELECT value FROM entries WHERE key = ?') : undefined
    const found = look({ get: (key) => entry?.get(key)?.['value'] as Uint8Array | undefined })
    database.close()
    return found
  })
}

/** The first string after all that start with `prefix`, or `undefined` when there is none. */
function endOfPrefix(prefix: string): string | undefined {
  if (prefix === '') return undefined
  const last = prefix.length - 1
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1)
}

/** How often it is looked whether a disk that was full has room: a person makes it, or another program. */
const LOOK_FOR_ROOM_MS = 1_000

/** What becomes of a full disk where a role works with the store. */
export interface WaitForRoom {
  /** Who waits then gives up, and the store fails. */
  readonly signal: AbortSignal
  /** Called when commits begin to wait, and when all of them are on the disk. */
  onFull(isFull: boolean): void
  readonly lookEveryMs?: number
}

export interface SqliteOptions {
  readonly path: string
  /** Without it a commit for which there is no room fails as any other. */
  readonly room?: WaitForRoom | undefined
}

/** Runs work on the database. After the first failure that is not waited out everything throws it: memory and disk no longer agree, and only a restart makes them. */
function createGuard(path: string, canWait: boolean) {
  let failure: ReturnType<typeof storeFailed> | undefined
  let mayWait = canWait
  let isClosed = false
  return {
    run<Value>(doing: string, work: () => Value): Value {
      if (failure !== undefined) throw failure
      if (isClosed) throw new WeftError('STOPPED', { what: `store ${path}` })
      try {
        return work()
      } catch (cause) {
        const failed = storeFailed(path, doing, cause)
        if (!mayWait || failed.code !== 'STORE_FULL') failure = failed
        throw failed
      }
    },
    hasFailed: (): boolean => failure !== undefined,
    /** From now on a full disk is a failure, too. */
    endWaiting(): void {
      mayWait = false
    },
    isClosed: (): boolean => isClosed,
    close(): void {
      isClosed = true
      if (failure !== undefined) throw failure
    },
  }
}
type Guard = ReturnType<typeof createGuard>

/** Groups of commits, each one transaction and one fsync. One that finds no room is rolled back, and all that come join it until it is written. */
function createGroups(database: DatabaseSync, guard: Guard, room: WaitForRoom | undefined) {
  const statements = {
    put: database.prepare('INSERT INTO entries (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value'),
    remove: database.prepare('DELETE FROM entries WHERE key = ?'),
  }
  let group: Group | undefined
  let looking: NodeJS.Timeout | undefined
  const listeners = createListeners()

  function write(key: string, value: Uint8Array | undefined): void {
    if (value === undefined) statements.remove.run(key)
    else statements.put.run(key, value)
  }

  function join(writes: readonly StoreWrite[]): Group {
    guard.run('writing', () => undefined)
    const isNew = group === undefined
    group ??= createGroup()
    const joined = group
    if (isNew) setImmediate(flush)
    joined.add(writes)
    if (!joined.isFull())
      attempt(joined, 'writing', () => {
        if (isNew) database.exec('BEGIN IMMEDIATE')
        for (const { key, value } of writes) write(key, value)
      })
    return joined
  }

  function flush(): void {
    const flushed = group
    if (flushed === undefined) return
    clearTimeout(looking)
    const isWritten = attempt(flushed, 'committing', () => {
      if (flushed.isFull()) {
        database.exec('BEGIN IMMEDIATE')
        for (const [key, value] of flushed.writes) write(key, value)
      }
      database.exec('COMMIT')
    })
    if (!isWritten) return
    group = undefined
    if (flushed.isFull()) room?.onFull(false)
    flushed.succeed()
  }

  /** Does a part of what makes the group durable. `false`: it waits for room, or has failed. */
  function attempt(current: Group, doing: string, work: () => void): boolean {
    try {
      guard.run(doing, work)
      return true
    } catch (failure) {
      if (guard.hasFailed()) {
        group = undefined
        current.fail(failure)
      } else wait(current)
      return false
    }
  }

  function wait(current: Group): void {
    if (database.isTransaction) database.exec('ROLLBACK')
    looking = setTimeout(flush, room?.lookEveryMs ?? LOOK_FOR_ROOM_MS)
    if (!current.wait()) return
    room?.onFull(true)
    listeners.call()
  }

  return { current: (): Group | undefined => group, join, flush, listeners }
}

/**
 * A store in one SQLite file. The writes of a turn go at once into one open transaction, where this connection's own reads see them,
 * and the transaction is committed when the turn ends. Throws `DATA_DIR_LOCKED` when another process has the file open, and as `storeFailed`.
 */
export function openSqliteStore({ path, room }: SqliteOptions): Store {
  const database = openDatabase(path)
  const statements = {
    get: database.prepare('SELECT value FROM entries WHERE key = ?'),
    scanAll: database.prepare('SELECT key, value FROM entries WHERE key > ? ORDER BY key LIMIT ?'),
    scanTo: database.prepare('SELECT key, value FROM entries WHERE key >= ? AND key > ? AND key < ? ORDER BY key LIMIT ?'),
  }
  const guard = createGuard(path, room?.signal.aborted === false)
  const groups = createGroups(database, guard, room)
  /** The group whose writes are in no transaction. */
  const unwritten = (): Group | undefined => (groups.current()?.isFull() === true ? groups.current() : undefined)

  /** Ends the wait for room: what is not written by now will not be. */
  function endWaiting(): void {
    guard.endWaiting()
    groups.flush()
  }
  room?.signal.addEventListener('abort', endWaiting, { once: true })

  function found(prefix: string, after: string, limit: number): StoreEntry[] {
    const end = endOfPrefix(prefix)
    const rows = end === undefined ? statements.scanAll.all(after, limit) : statements.scanTo.all(prefix, after, end, limit)
    return rows as unknown as StoreEntry[]
  }

  return {
    get(key) {
      return guard.run('reading', () => {
        const full = unwritten()
        return full?.writes.has(key) ? full.writes.get(key)?.slice() : (statements.get.get(key)?.value as Uint8Array | undefined)
      })
    },
    scan(prefix, { after = '', limit } = {}) {
      return guard.run('scanning', () => {
        const full = unwritten()
        if (full === undefined) return found(prefix, after, limit ?? -1)
        return withWrites(full, found(prefix, after, limit === undefined ? -1 : limit + full.writes.size), { prefix, after, limit })
      })
    },
    commit: async (writes) => groups.join(writes).durable,
    isFull: () => unwritten() !== undefined,
    onFull: (listener) => groups.listeners.add(listener, unwritten() !== undefined),
    async flush() {
      return guard.run('flushing', () => groups.current())?.durable
    },
    async close() {
      if (guard.isClosed()) return
      room?.signal.removeEventListener('abort', endWaiting)
      endWaiting()
      database.close()
      guard.close()
    },
  }
}
