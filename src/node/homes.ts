import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import { onDisk } from '#io/disk/disk.ts'
import type { Store } from '#io/store/port.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { stateFile } from './home.ts'

/** The data directories of roles, for commands that look into them from outside. */

/** The role folders in a data directory: that itself, or those of a devnet's. Throws `DATA_DIR_EMPTY`. */
export function homesIn(dataDir: string): readonly string[] {
  const isHome = (directory: string): boolean => existsSync(stateFile(directory))
  if (isHome(dataDir)) return [dataDir]
  const below = existsSync(dataDir) ? onDisk(dataDir, 'reading it', () => readdirSync(dataDir)).sort() : []
  const homes = below.map((name) => join(dataDir, name)).filter(isHome)
  if (homes.length === 0) throw new WeftError('DATA_DIR_EMPTY', { dataDir })
  return homes
}

/** With the store of a role that does not run. Throws `DATA_DIR_LOCKED` while it does, and as `storeFailed`. */
export async function withStore<Value>(home: string, work: (store: Store) => Promise<Value>): Promise<Value> {
  const store = openSqliteStore({ path: stateFile(home) })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
