import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeFailed } from '#domain/errors.ts'
import { onDisk } from '#io/disk/disk.ts'
import type { Store } from './port.ts'
import { openSqliteStore } from './sqlite.ts'

/** A checkpoint rewrites the file about once in a thousand pages: the next copy falls between two. */
const COPIES_MAX = 8

/**
 * What is on disk of a store whose role may be at work: its file is locked, so it is copied, with the log beside it. The two belong together as
 * long as no checkpoint moved pages from one to the other meanwhile; a commit that was half copied is left out by SQLite, which checks the log.
 * Nothing reaches the original. Throws as `storeFailed`.
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

function copyWhole(path: string, copy: string): void {
  for (let count = 0; count < COPIES_MAX; count += 1) {
    const before = statSync(path, { bigint: true }).mtimeNs
    copyFileSync(path, copy)
    rmSync(`${copy}-wal`, { force: true })
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`)
    if (statSync(path, { bigint: true }).mtimeNs === before) return
  }
  throw storeFailed(path, 'copying it', new Error('it changes too fast'))
}
