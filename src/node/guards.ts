import { existsSync } from 'node:fs'
import { WeftError } from '#domain/errors.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { exportGuards, type Imported, importGuards, type Interchange, parseInterchange } from '#roles/validator/interchange.ts'
import { contentOf } from './given-file.ts'
import { stateFile } from './home.ts'
import { withStore } from './homes.ts'

/** The guards of a validator that does not run, to and from a file. */

/** Writes `path`, readable by its owner alone. Throws `DATA_DIR_EMPTY` where no validator has run, `DATA_DIR_LOCKED` while it runs, and as `storeFailed`. */
export async function exportTo(path: string, options: { readonly dataDir: string; readonly isMinimal: boolean }): Promise<Interchange> {
  const { dataDir } = options
  if (!existsSync(stateFile(dataDir))) throw new WeftError('DATA_DIR_EMPTY', { dataDir })
  const file = await withStore(dataDir, async (store) => exportGuards(store, options))
  if (file === undefined) throw new WeftError('DATA_DIR_EMPTY', { dataDir })
  onDisk(path, 'writing it', () => replaceFile(path, `${JSON.stringify(file, undefined, 2)}\n`, 0o600))
  return file
}

/** Throws `SETTINGS_INVALID` when the file cannot be read, `INTERCHANGE_REFUSED`, `DATA_DIR_LOCKED`, and as `storeFailed`. */
export async function importFrom(path: string, { dataDir }: { readonly dataDir: string }): Promise<Imported> {
  const file = parseInterchange(contentOf(path, 'FILE'), path)
  onDisk(dataDir, 'creating it', () => makeFolder(dataDir))
  return withStore(dataDir, (store) => importGuards(file, path, store))
}
