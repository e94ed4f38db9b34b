import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeFailed } from '#domain/errors.ts'
import { onDisk } from '#io/disk/disk.ts'
import type { Store } from './port.ts'
import { openSqliteStore } from './sqlite.ts'

/** The log is begun anew about once in a thousand pages: the next copy falls between two. */
const COPIES_MAX = 8
/** In front of the log, and another each time that it is begun anew. */
const LOG_HEADER_BYTES = 32

/**
 * What is on disk of a store whose role may be at work: its file is locked, so it is copied, then the log beside it. The two belong together as
 * long as the log was not begun anew meanwhile: then it has all that was moved from it to the file since the file was copied. A commit that was half
 * copied is left out by SQLite, which checks the log. Nothing reaches the original. Throws as `storeFailed`.
 */
export function openSqliteCopy({ path }: { readonly path: string }): Store {
  const folder = onDisk(path, 'copying it', () => mkdtempSync(join(tmpdir(), 'weft-store-')))
  const copy = join(folder, 'state.sqlite')
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    onDisk(path, 'copying it', () => copyWhole(path, copy))
    const store = openSqliteStore({ path: copy })
    return {
      ...store,
      async close() {
        await store.close()
        remove()
      },
    }
  } catch (failure) {
    remove()
    throw failure
  }
}

/** The same to a file that stays: a store of its own, with all that was durable when it was called. Throws as `storeFailed`. */
export function copySqliteStore({ path, to }: { readonly path: string; readonly to: string }): Store {
  onDisk(path, 'copying it', () => copyWhole(path, to))
  return openSqliteStore({ path: to })
}

function copyWhole(path: string, copy: string): void {
  for (let count = 0; count < COPIES_MAX; count += 1) {
    const before = logHeader(path)
    copyFileSync(path, copy)
    rmSync(`${copy}-wal`, { force: true })
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`)
    if (logHeader(path) === before) return
  }
  throw storeFailed(path, 'copying it', new Error('it changes too fast'))
}

function logHeader(path: string): string {
  try {
    return readFileSync(`${path}-wal`).subarray(0, LOG_HEADER_BYTES).toString('hex')
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw failure
  }
}
