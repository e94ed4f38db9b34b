import { readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isWeftError, storeFailed, WeftError } from '#domain/errors.ts'
import { makeFolder } from '#io/disk/folder.ts'
import type { Store, StoreEntry, StoreWrite } from './port.ts'

/** SQLite's primary result codes for "somebody else holds the lock". */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6

/**
 * `locking_mode = EXCLUSIVE` keeps the file's lock for as long as the store is open: it is what refuses a second process, and the
 * operating system releases it even after SIGKILL. `synchronous = FULL` syncs the log at each commit: what is acknowledged is on disk.
 */
const PRAGMAS = 'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;'
const SCHEMA = 'CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;'

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
  const tables = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all()
    .map(({ name }) => String(name))
  const others = tables.filter((name) => name !== 'entries')
  if (others.length > 0) throw new WeftError('STORE_FOREIGN', { path, found: `tables ${others.slice(0, 3).join(', ')}` })
}

function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    makeFolder(dirname(path))
    database = new DatabaseSync(path)
    // The lock is taken here, by `journal_mode = WAL` under an exclusive locking mode, and not at the first commit hours later.
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    checkOrigin(database, path)
    database.exec(`${PRAGMAS} ${SCHEMA} ${STAMP}`)
    writeFileSync(`${path}.pid`, String(process.pid))
    return database
  } catch (cause) {
    database?.close()
    if (isLockedByAnother(cause)) throw new WeftError('DATA_DIR_LOCKED', { dataDir: path, processId: ownerOf(path) }, cause)
    if (isWeftError(cause)) throw cause
    throw storeFailed(path, 'opening', cause)
  }
}

/** The first string after all that start with `prefix`, or `undefined` when there is none. */
function endOfPrefix(prefix: string): string | undefined {
  if (prefix === '') return undefined
  const last = prefix.length - 1
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1)
}

function prepareStatements(database: DatabaseSync) {
  return {
    get: database.prepare('SELECT value FROM entries WHERE key = ?'),
    scanAll: database.prepare('SELECT key, value FROM entries WHERE key > ? ORDER BY key LIMIT ?'),
    scanTo: database.prepare('SELECT key, value FROM entries WHERE key >= ? AND key > ? AND key < ? ORDER BY key LIMIT ?'),
    put: database.prepare('INSERT INTO entries (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value'),
    remove: database.prepare('DELETE FROM entries WHERE key = ?'),
  }
}

/** Runs work on the database. After the first failure everything throws it: memory and disk no longer agree, and only a restart makes them. */
function createGuard(path: string) {
  let failure: ReturnType<typeof storeFailed> | undefined
  let isClosed = false
  return {
    run<Value>(doing: string, work: () => Value): Value {
      if (failure !== undefined) throw failure
      if (isClosed) throw new WeftError('STOPPED', { what: `store ${path}` })
      try {
        return work()
      } catch (cause) {
        failure = storeFailed(path, doing, cause)
        throw failure
      }
    },
    isClosed: (): boolean => isClosed,
    close(): void {
      isClosed = true
      if (failure !== undefined) throw failure
    },
  }
}
type Guard = ReturnType<typeof createGuard>

/** The commits of one event-loop turn: one transaction, one fsync. */
interface Group {
  readonly durable: Promise<void>
  readonly flush: () => void
}

function createGroups(database: DatabaseSync, guard: Guard) {
  let group: Group | undefined

  function open(): Group {
    database.exec('BEGIN IMMEDIATE')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Whoever's write failed was told at once and does not wait for this.
    promise.catch(() => undefined)
    const flush = () => {
      if (group === undefined) return
      group = undefined
      try {
        guard.run('committing', () => database.exec('COMMIT'))
        resolve()
      } catch (cause) {
        reject(cause)
      }
    }
    setImmediate(flush)
    return { durable: promise, flush }
  }

  return {
    current: (): Group | undefined => group,
    join(): Group {
      group ??= open()
      return group
    },
  }
}

/**
 * A store in one SQLite file. The writes of a turn go at once into one open transaction, where this connection's own reads see them,
 * and the transaction is committed when the turn ends. Throws `DATA_DIR_LOCKED` when another process has the file open, and as `storeFailed`.
 */
export function openSqliteStore(options: { readonly path: string }): Store {
  const database = openDatabase(options.path)
  const statements = prepareStatements(database)
  const guard = createGuard(options.path)
  const groups = createGroups(database, guard)

  function write({ key, value }: StoreWrite): void {
    if (value === undefined) statements.remove.run(key)
    else statements.put.run(key, value)
  }

  return {
    get(key) {
      return guard.run('reading', () => statements.get.get(key)?.value as Uint8Array | undefined)
    },
    scan(prefix, range = {}) {
      const after = range.after ?? ''
      const limit = range.limit ?? -1
      const end = endOfPrefix(prefix)
      return guard.run('scanning', () => {
        const rows = end === undefined ? statements.scanAll.all(after, limit) : statements.scanTo.all(prefix, after, end, limit)
        return rows as unknown as StoreEntry[]
      })
    },
    async commit(writes) {
      const group = guard.run('writing', () => {
        const joined = groups.join()
        for (const entry of writes) write(entry)
        return joined
      })
      return group.durable
    },
    async flush() {
      return guard.run('flushing', () => groups.current())?.durable
    },
    async close() {
      if (guard.isClosed()) return
      groups.current()?.flush()
      database.close()
      guard.close()
    },
  }
}
