import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { isWeftError, storeFailed, WeftError } from '#domain/errors.ts'
import { makeFolder } from '#io/disk/folder.ts'
import type { IndexDatabase } from './port.ts'
import { claim, createIndexDatabase } from './tables/index-database.ts'
import { type Dialect, type Engine, marks, type Row, type Sql, schemaOf } from './tables/sql.ts'

/** What SQLite may hold of the file in memory: the inner pages of ten million points. */
const CACHE_KIB = 65_536
/** A process that only reads may have to wait for one that writes. */
const BUSY_TIMEOUT_MS = 10_000

/**
 * `synchronous = NORMAL`: what a power cut takes is the end of the log, never half of a write, and the index reads it from the chain again.
 * Whoever serves beside the process that writes opens the same file.
 */
const PRAGMAS = `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${CACHE_KIB}; PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};`
const DIALECT: Dialect = {
  types: {
    integer: 'INTEGER',
    number: 'REAL',
    text: 'TEXT',
    bytes: 'BLOB',
    // Numbers that are gone never come again: who holds one of a batch that a reorganisation took must not mean another.
    serial: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  },
  clustered: ' WITHOUT ROWID',
}
const LOCK_PRAGMAS = 'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS leader (process INTEGER)'

/** Statements of a connection, prepared once. */
function sqlOn(database: DatabaseSync): Sql {
  const statements = new Map<string, StatementSync>()
  const prepared = (query: string): StatementSync => {
    let statement = statements.get(query)
    if (statement === undefined) {
      statement = database.prepare(query)
      statements.set(query, statement)
    }
    return statement
  }
  return {
    async rows(query, values = []) {
      return prepared(query).all(...values) as unknown as readonly Row[]
    },
    async insert(table, columns, rows, conflict) {
      const clause = conflict === undefined ? '' : ` ON CONFLICT ${conflict}`
      const statement = prepared(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${marks(columns)}${clause}`)
      for (const row of rows) statement.run(...row)
    },
  }
}

/** Works of one connection, one after another: none sees half of another. */
function createTurns() {
  let last: Promise<unknown> = Promise.resolve()
  return <Value>(work: () => Promise<Value>): Promise<Value> => {
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    return turn
  }
}

function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    if (path !== IN_MEMORY) makeFolder(dirname(path))
    database = new DatabaseSync(path)
    database.exec(PRAGMAS)
    for (const statement of schemaOf(DIALECT)) database.exec(statement)
    return database
  } catch (cause) {
    database?.close()
    throw storeFailed(path, 'opening', cause)
  }
}

const IN_MEMORY = ':memory:'

/** Who leads holds the lock of a file beside the database; the operating system gives it back even after SIGKILL. */
function takeLock(path: string): DatabaseSync | undefined {
  const lock = new DatabaseSync(`${path}.lead`)
  try {
    lock.exec(LOCK_PRAGMAS)
    return lock
  } catch {
    // Whoever has it says nothing else by it; a disk that fails says so at the next write.
    lock.close()
    return undefined
  }
}

function createEngine(path: string, database: DatabaseSync): Engine {
  const sql = sqlOn(database)
  const inTurn = createTurns()
  let lock: DatabaseSync | undefined
  let isLeading = path === IN_MEMORY
  let isClosed = false

  const guarded = <Value>(doing: string, work: () => Promise<Value>): Promise<Value> =>
    inTurn(async () => {
      if (isClosed) throw new WeftError('STOPPED', { what: `database ${path}` })
      try {
        return await work()
      } catch (cause) {
        if (database.isTransaction) database.exec('ROLLBACK')
        if (cause instanceof WeftError) throw cause
        const failure = storeFailed(path, doing, cause)
        // Nothing is remembered here that the file does not have: with room, the same write goes through.
        throw isWeftError(failure, 'STORE_FULL') ? new WeftError('DATABASE_FULL', { database: path }, cause) : failure
      }
    })
  const inTransaction = async <Value>(begin: string, work: (sql: Sql) => Promise<Value>): Promise<Value> => {
    database.exec(begin)
    const value = await work(sql)
    database.exec('COMMIT')
    return value
  }

  return {
    async lead() {
      lock ??= isLeading ? undefined : takeLock(path)
      isLeading ||= lock !== undefined
      return isLeading
    },
    write(work) {
      if (!isLeading) return Promise.reject(new WeftError('DATABASE_NOT_LED', { database: path }))
      return guarded('writing', () => inTransaction('BEGIN IMMEDIATE', work))
    },
    read: (work) => guarded('reading', () => inTransaction('BEGIN', work)),
    look: (work) => guarded('reading', () => inTransaction('BEGIN', work)),
    size: () =>
      guarded('reading', async () => {
        const [row] = await sql.rows('SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()')
        return Number(row?.['bytes'])
      }),
    close: () =>
      inTurn(async () => {
        if (isClosed) return
        isClosed = true
        database.close()
        lock?.close()
      }),
  }
}

/** The index in one SQLite file, or in memory at `:memory:`. `market` says which one it is of. Throws as `storeFailed`, and `DATABASE_OF_ANOTHER`. */
export async function openSqliteIndex(options: {
  readonly path: string
  readonly market: string
  readonly indexId: string
}): Promise<IndexDatabase> {
  const database = openDatabase(options.path)
  try {
    await claim(sqlOn(database), { database: options.path, ...options })
  } catch (cause) {
    database.close()
    throw cause instanceof WeftError ? cause : storeFailed(options.path, 'opening', cause)
  }
  return createIndexDatabase(createEngine(options.path, database))
}
