import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import type { Store } from './port.ts'
import { openSqliteStore } from './sqlite.ts'
import { storeSuite } from './suite.ts'

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

function open(path = newPath()): Store {
  const store = openSqliteStore({ path })
  connections.set(store, asked.mock.contexts.at(-1) as DatabaseSync)
  return store
}
const connectionOf = (store: Store): DatabaseSync => connections.get(store) as DatabaseSync

let latestPath = ''
storeSuite('sqlite', {
  async open() {
    latestPath = newPath()
    return open(latestPath)
  },
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
    expect(outcomes).toMatchObject(outcomes.map(() => ({ status: 'rejected', reason: { code: 'STORE_FAILED' } })))
    expect(() => store.get('before')).toThrow('STORE_FAILED')
    await expect(store.close()).rejects.toMatchObject({ code: 'STORE_FAILED' })
    const again = open(path)
    expect(again.scan('').map(({ key }) => key)).toEqual(['before'])
    await again.close()
  })

  test('a path that cannot be a file is STORE_FAILED', () => {
    expect(() => openSqliteStore({ path: '/dev/null/role.sqlite' })).toThrow('STORE_FAILED')
  })
})
