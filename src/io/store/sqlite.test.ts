import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import { openSqliteStore } from './sqlite.ts'
import { storeSuite } from './suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-store-'))
let files = 0
const newPath = () => {
  files += 1
  return join(folder, `store-${files}`, 'role.sqlite')
}
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let latestPath = ''
storeSuite(
  'sqlite',
  async () => {
    latestPath = newPath()
    return openSqliteStore({ path: latestPath })
  },
  async (store) => {
    await store.close()
    return openSqliteStore({ path: latestPath })
  },
)

const CHILD = fileURLToPath(new URL('./sqlite.test-child.ts', import.meta.url))

function startChild(...args: string[]) {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  return { child, lines: createInterface({ input: child.stdout }) }
}

describe('sqlite store', () => {
  test('kill -9 at any moment loses nothing acknowledged, and no half of a commit', async () => {
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

  test('a second process is refused and told who holds the file', async () => {
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

  test('a path that cannot be a file is STORE_FAILED', () => {
    expect(() => openSqliteStore({ path: '/dev/null/role.sqlite' })).toThrow('STORE_FAILED')
  })
})
