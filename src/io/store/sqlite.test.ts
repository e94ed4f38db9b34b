import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import type { Store } from './port.ts'
import { openSqliteStore, STORE_VERSION, type WaitForRoom } from './sqlite.ts'
import { offer, storeSuite } from './suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-store-'))
let files = 0
const newPath = () => {
  files += 1
  return join(folder, `store-${files}`, 'role.sqlite')
}
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The connection below a store: whatever the store asks of its database is seen here, and a database may be made to fail. */
const connections = new WeakMap<Store, DatabaseSync>()
const broken = new WeakSet<DatabaseSync>()
const exec = DatabaseSync.prototype.exec
const asked = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, sql: string) {
  if (broken.has(this) && /^COMMIT\b/.test(sql)) throw new Error('disk I/O error')
  exec.call(this, sql)
})
afterAll(() => asked.mockRestore())

function open(path = newPath(), room?: WaitForRoom): Store {
  const store = openSqliteStore({ path, room })
  connections.set(store, asked.mock.contexts.at(-1) as DatabaseSync)
  return store
}
const connectionOf = (store: Store): DatabaseSync => connections.get(store) as DatabaseSync

/** As many pages as there are, or as many as there may be: SQLite says of both a disk and a database that they are full. */
function setRoom(store: Store, hasRoom: boolean): void {
  const connection = connectionOf(store)
  const pages = hasRoom ? 1_000_000 : Number(Object.values(connection.prepare('PRAGMA page_count').get() ?? {})[0])
  exec.call(connection, `PRAGMA max_page_count = ${pages}`)
}

const waiting = (): WaitForRoom => ({ signal: new AbortController().signal, onFull: () => undefined, lookEveryMs: 1 })

let latestPath = ''
storeSuite('sqlite', {
  async open() {
    latestPath = newPath()
    return open(latestPath, waiting())
  },
  setRoom,
  async reopen(store) {
    await store.close()
    return open(latestPath)
  },
  breakDisk: (store) => void broken.add(connectionOf(store)),
})

const CHILD = fileURLToPath(new URL('./sqlite.test-child.ts', import.meta.url))

function startChild(...args: string[]) {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  return { child, lines: createInterface({ input: child.stdout }) }
}

describe('sqlite store', () => {
  test('G1: kill -9 at any moment loses nothing acknowledged, and no half of a commit', async () => {
    const path = newPath()
    for (const linesBeforeKill of [1, 37, 400]) {
      const { child, lines } = startChild(path)
      const acknowledged: string[] = []
      for await (const line of lines) {
        acknowledged.push(line)
        if (acknowledged.length === linesBeforeKill) child.kill('SIGKILL')
      }
      expect(acknowledged.length).toBeGreaterThanOrEqual(linesBeforeKill)
      const store = openSqliteStore({ path })
      const keys = new Set(store.scan('').map(({ key }) => key))
      expect(acknowledged.filter((key) => !keys.has(key) || !keys.has(`${key}/twin`))).toEqual([])
      expect([...keys].filter((key) => !key.endsWith('/twin') && !keys.has(`${key}/twin`))).toEqual([])
      await store.close()
    }
  })

  test('G1: a second process is refused and told who holds the file', async () => {
    const path = newPath()
    const { child, lines } = startChild(path, 'hold')
    try {
      await once(lines, 'line')
      const refusal = (() => {
        try {
          return openSqliteStore({ path })
        } catch (cause) {
          return cause
        }
      })()
      expect(isWeftError(refusal, 'DATA_DIR_LOCKED') && refusal.facts.processId).toBe(String(child.pid))
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await openSqliteStore({ path }).close()
  })

  test('a file of a newer build is refused, and so is what another program has written; neither is touched', () => {
    const made = (sql: string): string => {
      const path = newPath()
      mkdirSync(dirname(path))
      const database = new DatabaseSync(path)
      database.exec(sql)
      database.close()
      return path
    }
    for (const [sql, code, facts] of [
      [
        'PRAGMA application_id = 2003134068; PRAGMA user_version = 2; CREATE TABLE entries (a)',
        'STORE_NEWER',
        { version: 2, known: STORE_VERSION },
      ],
      ['PRAGMA application_id = 7; CREATE TABLE entries (a)', 'STORE_FOREIGN', { found: 'application id 7' }],
      ['CREATE TABLE blocks (a); CREATE TABLE entries (a)', 'STORE_FOREIGN', { found: 'table blocks' }],
      ['CREATE VIEW entries AS SELECT 1 AS key, 2 AS value', 'STORE_FOREIGN', { found: 'view entries' }],
    ] as const) {
      const path = made(sql)
      const before = readFileSync(path)
      expect(() => openSqliteStore({ path })).toThrow(expect.objectContaining({ code, facts: { path, ...facts } }))
      expect(readFileSync(path)).toEqual(before)
    }
  })

  test('who holds the lock says so in a file of its own: what an earlier one has left there is not written to, nor what that leads to', async () => {
    const path = newPath()
    await open(path).close()
    const other = join(dirname(path), 'other')
    writeFileSync(other, 'precious')
    rmSync(`${path}.pid`)
    symlinkSync(other, `${path}.pid`)
    await open(path).close()
    expect([readFileSync(other, 'utf8'), readFileSync(`${path}.pid`, 'utf8')]).toEqual(['precious', String(process.pid)])
  })

  test('a file of before there were versions is taken, and has one from then on', async () => {
    const path = newPath()
    const store = open(path)
    await store.commit([{ key: 'a', value: new Uint8Array([1]) }])
    connectionOf(store).exec('PRAGMA application_id = 0; PRAGMA user_version = 0')
    await store.close()
    const again = open(path)
    expect(again.get('a')).toEqual(new Uint8Array([1]))
    const numberOf = (name: string) => Object.values(connectionOf(again).prepare(`PRAGMA ${name}`).get() ?? {})[0]
    expect(['application_id', 'user_version'].map(numberOf)).toEqual([2_003_134_068, STORE_VERSION])
    await again.close()
  })

  test('a file of before tables had row ids goes on as it is', async () => {
    const path = newPath()
    mkdirSync(dirname(path))
    const before = new DatabaseSync(path)
    before.exec('CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID')
    before.exec("INSERT INTO entries VALUES ('b', x'02'), ('a', x'01')")
    before.close()
    const store = open(path)
    await store.commit([{ key: 'a', value: new Uint8Array([3]) }])
    expect(store.scan('')).toEqual([
      { key: 'a', value: new Uint8Array([3]) },
      { key: 'b', value: new Uint8Array([2]) },
    ])
    await store.close()
  })

  test('a second store of the same process is refused too', async () => {
    const path = newPath()
    const store = openSqliteStore({ path })
    expect(() => openSqliteStore({ path })).toThrow('DATA_DIR_LOCKED')
    await store.commit([{ key: 'a', value: new Uint8Array([1]) }])
    await store.close()
  })

  test('G1: the database syncs its log at every commit, and nobody else may open it', async () => {
    const store = open()
    await store.commit([{ key: 'a', value: new Uint8Array([1]) }])
    // A kill is no power cut: whether a commit survives one is decided by what the very connection that commits was asked for.
    const mode = (name: string) => Object.values(connectionOf(store).prepare(`PRAGMA ${name}`).get() ?? {})[0]
    const FULL = 2
    expect(Object.fromEntries(['synchronous', 'journal_mode', 'locking_mode'].map((name) => [name, mode(name)]))).toEqual({
      synchronous: FULL,
      journal_mode: 'wal',
      locking_mode: 'exclusive',
    })
    await store.close()
  })

  test('the commits of one turn are one transaction, those of the next turn another', async () => {
    const store = open()
    asked.mockClear()
    const commitAfter = async (steps: number) => {
      for (let step = 0; step < steps; step += 1) await Promise.resolve()
      await store.commit([{ key: `k${steps}`, value: new Uint8Array([steps]) }])
    }
    await Promise.all([1, 5, 20].map(commitAfter))
    expect(asked.mock.calls.flat().filter((sql) => /^COMMIT\b/.test(sql))).toHaveLength(1)
    await store.commit([{ key: 'later', value: new Uint8Array([4]) }])
    expect(asked.mock.calls.flat().filter((sql) => /^COMMIT\b/.test(sql))).toHaveLength(2)
    await store.close()
  })

  test.each([
    ['in the first commit of a turn', 0],
    ['after others of the same turn', 1],
  ])('G1: a disk that is full %s fails all of the turn, and leaves no half of it', async (_, earlier) => {
    const path = newPath()
    const store = open(path)
    await store.commit([{ key: 'before', value: new Uint8Array([1]) }])
    connectionOf(store).exec('PRAGMA max_page_count = 1')
    const small = Array.from({ length: earlier }, () => store.commit([{ key: 'small', value: new Uint8Array([2]) }]))
    const large = store.commit([
      { key: 'large', value: new Uint8Array([3]) },
      { key: 'larger', value: new Uint8Array(100_000) },
    ])
    const outcomes = await Promise.allSettled([...small, large])
    expect(outcomes).toMatchObject(outcomes.map(() => ({ status: 'rejected', reason: { code: 'STORE_FULL' } })))
    expect(() => store.get('before')).toThrow('STORE_FULL')
    await expect(store.close()).rejects.toMatchObject({ code: 'STORE_FULL' })
    const again = open(path)
    expect(again.scan('').map(({ key }) => key)).toEqual(['before'])
    await again.close()
  })

  /** A store that waits for room, with what it says of it. */
  function patient() {
    const stopping = new AbortController()
    const told: boolean[] = []
    const store = open(newPath(), { signal: stopping.signal, onFull: (isFull) => void told.push(isFull), lookEveryMs: 1 })
    return { store, stopping, told }
  }
  const large = (key: string) => ({ key, value: new Uint8Array(20_000) })

  test('that the disk is full is said once, and that it has room again', async () => {
    const { store, told } = patient()
    setRoom(store, false)
    const waits = [store.commit([large('a')]), store.commit([large('b')])]
    for (let look = 0; look < 5; look += 1) await new Promise((resolve) => setTimeout(resolve, 2))
    expect(told).toEqual([true])
    setRoom(store, true)
    await Promise.all(waits)
    expect(told).toEqual([true, false])
    await store.close()
  })

  test('who is told to stop waits for room no longer: what is not on the disk is STORE_FULL, and nothing is taken after it', async () => {
    const { store, stopping } = patient()
    setRoom(store, false)
    const waits = store.commit([large('a')])
    expect(await offer([large('b')], store)).toBe(false)
    stopping.abort()
    await expect(waits).rejects.toMatchObject({ code: 'STORE_FULL' })
    await expect(store.commit([large('c')])).rejects.toMatchObject({ code: 'STORE_FULL' })
    await expect(store.close()).rejects.toMatchObject({ code: 'STORE_FULL' })
  })

  test('a disk that fails while others wait for room fails them too', async () => {
    const { store } = patient()
    setRoom(store, false)
    const waits = store.commit([large('a')])
    expect(await offer([], store)).toBe(false)
    broken.add(connectionOf(store))
    setRoom(store, true)
    await expect(waits).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(store.close()).rejects.toMatchObject({ code: 'STORE_FAILED' })
  })

  test('a path that cannot be a file is STORE_PLACE_WRONG', () => {
    expect(() => openSqliteStore({ path: '/dev/null/role.sqlite' })).toThrow('STORE_PLACE_WRONG')
    const path = newPath()
    mkdirSync(path, { recursive: true })
    expect(() => openSqliteStore({ path })).toThrow('STORE_PLACE_WRONG')
  })

  test.each([
    ['is no database', (path: string) => writeFileSync(path, 'no database at all. '.repeat(1_000))],
    ['has lost its first page', (path: string) => writeFileSync(path, readFileSync(path).fill(0xff, 16, 4_096))],
  ])('a file that %s is STORE_CORRUPT, and stays as it is', async (_, damage) => {
    const path = newPath()
    await open(path).close()
    damage(path)
    const before = readFileSync(path)
    expect(() => openSqliteStore({ path })).toThrow('STORE_CORRUPT')
    expect(readFileSync(path)).toEqual(before)
  })

  test('a page that is damaged is STORE_CORRUPT when it is read', async () => {
    const path = newPath()
    const store = open(path)
    await store.commit(Array.from({ length: 500 }, (_, index) => ({ key: `key-${index}`, value: new Uint8Array(100) })))
    await store.close()
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill(0xff, 8_192))
    const again = open(path)
    expect(() => again.scan('')).toThrow('STORE_CORRUPT')
    await expect(again.close()).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
  })

  test('a file that somebody else has locked without a word is not said to be held by a process that is gone', async () => {
    const path = newPath()
    await open(path).close()
    writeFileSync(`${path}.pid`, '4194305')
    const other = new DatabaseSync(path)
    other.exec('BEGIN EXCLUSIVE')
    try {
      expect(() => openSqliteStore({ path })).toThrow(
        expect.objectContaining({ code: 'DATA_DIR_LOCKED', facts: { dataDir: path, processId: expect.stringMatching(/^unknown/) } }),
      )
    } finally {
      other.close()
    }
  })
})
