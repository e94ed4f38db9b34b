import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
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

/** What a backup holds, with its hashes. */
export const BACKUP_FILE = 'backup.json'

/** With the store of a role that does not run. Throws `DATA_DIR_LOCKED` while it does, `SETTINGS_INVALID` within a backup, and as `storeFailed`. */
export async function withStore<Value>(home: string, work: (store: Store) => Promise<Value>): Promise<Value> {
  refuseBackup(home)
  const store = openSqliteStore({ path: stateFile(home) })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

/** Whoever opens a store writes into its file, and a backup of which a byte is another is none any more. */
function refuseBackup(home: string): void {
  const folder = [resolve(home), dirname(resolve(home))].find((place) => existsSync(join(place, BACKUP_FILE)))
  if (folder === undefined) return
  const problem = `${folder} is a backup, which must stay as it is: \`./weft restore\` makes a data directory of it`
  throw new WeftError('SETTINGS_INVALID', { problems: [problem] })
}
