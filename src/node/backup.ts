import { createHash } from 'node:crypto'
import { constants, copyFileSync, createReadStream, existsSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { z } from 'zod'
import { isWeftError, storeFailed, WeftError } from '#domain/errors.ts'
import { onDisk, replaceFile, sync } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { blockFiles } from '#io/ipfs/block-folder.ts'
import { lookIntoSqliteStore, openSqliteStore } from '#io/store/sqlite.ts'
import { copySqliteStore } from '#io/store/sqlite-copy.ts'
import { markCopy } from '#life/restored.ts'
import { ipfsFolder } from './adapters.ts'
import { bytesOf } from './given-file.ts'
import { roleIn, stateFile } from './home.ts'
import { BACKUP_FILE, homesIn } from './homes.ts'
import { VERSION } from './version.ts'

/**
 * What data directories must keep, as a folder of the same form, and back. Whatever is signed after a backup was made is not in it: that is why its stores
 * are marked as copies (`src/life/restored.ts`), and it is no matter when which part of it was copied.
 */

/** Written under another name until it is whole. */
const UNFINISHED = '.unfinished'
/** Of a process and of no other; what it said; made again from the chain; on its way to another name; copied in another way. */
const LEFT_OUT = /^(run\.json|endpoints\.json|log(\.old)?\.jsonl|index\.sqlite.*|state\.sqlite.*|.*\.pid|.*\.new)$/

const FORM = z.object({
  version: z.literal(1),
  /** Of the program that made it. */
  weft: z.string(),
  parts: z.array(
    z.object({
      /** Of its folder; empty where the data directory is that of one role. */
      name: z.string().regex(/^[^/\\]*$/),
      role: z.string(),
      blocks: z.object({ count: z.int(), bytes: z.int() }),
      /** With their hashes, by path. Blocks are not among them: the name of each is its hash. */
      files: z.record(z.string(), z.string()).refine((files) => Object.hasOwn(files, basename(stateFile(''))), { error: 'has no store' }),
    }),
  ),
})
export type Backup = z.infer<typeof FORM>
type BackedUp = Backup['parts'][number]

/**
 * Writes the folder `to`, also while the roles run. Blocks of IPFS nodes are copied first, then the store that says what they are for. Throws
 * `DATA_DIR_EMPTY`, `FOLDER_NOT_EMPTY`, `SETTINGS_INVALID` for a folder within the data directory, and as `storeFailed`.
 */
export async function backup(to: string, { dataDir, blocks }: { readonly dataDir: string; readonly blocks: boolean }): Promise<Backup> {
  const homes = homesIn(dataDir)
  if (isWithin(to, dataDir))
    throw new WeftError('SETTINGS_INVALID', { problems: [`${to} lies in ${dataDir}, of which it is to be the backup`] })
  return writtenWhole(to, async (folder) => {
    const parts: BackedUp[] = []
    for (const home of homes) {
      const name = home === dataDir ? '' : basename(home)
      parts.push({ name, ...(await copyHome(home, join(folder, name), blocks)) })
    }
    const made: Backup = { version: 1, weft: VERSION, parts }
    onDisk(folder, 'writing it', () => replaceFile(join(folder, BACKUP_FILE), `${JSON.stringify(made, undefined, 2)}\n`, 0o600))
    return made
  })
}

const isWithin = (path: string, folder: string): boolean => `${resolve(path)}${sep}`.startsWith(`${resolve(folder)}${sep}`)

async function copyHome(home: string, to: string, withBlocks: boolean): Promise<Omit<BackedUp, 'name'>> {
  onDisk(to, 'creating it', () => makeFolder(to))
  const blocks = withBlocks ? copyBlocks(home, to) : { count: 0, bytes: 0 }
  for (const path of smallFilesIn(home)) copyFile(join(home, path), join(to, path))
  const store = copySqliteStore({ path: stateFile(home), to: stateFile(to) })
  const role = roleIn(store) ?? 'none'
  await markCopy(store).finally(() => store.close())
  rmSync(`${stateFile(to)}.pid`, { force: true })
  const files: Record<string, string> = {}
  for (const path of [basename(stateFile(to)), ...smallFilesIn(to)].sort()) files[path] = await syncedHash(join(to, path))
  onDisk(to, 'writing it', () => sync(to))
  return { role, blocks, files }
}

function copyBlocks(home: string, to: string): BackedUp['blocks'] {
  let [count, bytes] = [0, 0]
  for (const file of blockFiles(join(ipfsFolder(home), 'blocks'))) {
    if (file.kind !== 'block' || !copyFile(file.path, join(to, relative(home, file.path)))) continue
    count += 1
    bytes += file.bytes
  }
  return { count, bytes }
}

/** Everything in a home but blocks and what is left out: identities, manifests, lists, and what a later version may add. */
function smallFilesIn(home: string): string[] {
  const blocks = join(ipfsFolder(home), 'blocks')
  const below = (folder: string): string[] =>
    onDisk(folder, 'reading it', () => readdirSync(folder, { withFileTypes: true })).flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return path === blocks ? [] : below(path)
      return entry.isFile() && !LEFT_OUT.test(entry.name) ? [relative(home, path)] : []
    })
  return below(home)
}

/** `false` where it has gone meanwhile. */
function copyFile(from: string, to: string): boolean {
  return onDisk(to, 'copying it', () => {
    makeFolder(dirname(to))
    try {
      copyFileSync(from, to, constants.COPYFILE_FICLONE)
      return true
    } catch (failure) {
      if ((failure as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync(from)) return false
      throw failure
    }
  })
}

/** Of a copy, which is on disk then: after a power cut an empty file would be a store in which nothing was ever signed. */
async function syncedHash(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    sync(path)
    for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
  } catch (failure) {
    throw storeFailed(path, 'reading it', failure)
  }
  return hash.digest('hex')
}

/** Writes a folder whole or not at all. Throws `FOLDER_NOT_EMPTY`. */
async function writtenWhole<Value>(to: string, write: (folder: string) => Promise<Value>): Promise<Value> {
  const folder = resolve(to)
  const isThere = existsSync(folder)
  if (isThere && onDisk(folder, 'reading it', () => readdirSync(folder)).length > 0) throw new WeftError('FOLDER_NOT_EMPTY', { path: to })
  const fresh = `${folder}${UNFINISHED}`
  const remove = () => onDisk(fresh, 'removing it', () => rmSync(fresh, { recursive: true, force: true }))
  // What another attempt has left.
  remove()
  try {
    onDisk(fresh, 'creating it', () => makeFolder(fresh))
    const value = await write(fresh)
    onDisk(folder, 'writing it', () => {
      if (isThere) rmdirSync(folder)
      sync(fresh)
      renameSync(fresh, folder)
      sync(dirname(folder))
    })
    return value
  } catch (failure) {
    remove()
    throw failure
  }
}

/**
 * Makes a data directory of a backup. Throws `BACKUP_INVALID`, `DATA_DIR_LOCKED` where somebody works in that directory, `FOLDER_NOT_EMPTY`,
 * `SETTINGS_INVALID` for a folder within the backup, `STORE_NEWER`, and as `storeFailed`; then nothing is there.
 */
export async function restore(from: string, { dataDir }: { readonly dataDir: string }): Promise<Backup> {
  const backedUp = readContents(from)
  if (isWithin(dataDir, from))
    throw new WeftError('SETTINGS_INVALID', {
      problems: [`${dataDir} lies in ${from}, the backup, which must stay as it is: name another --data-dir`],
    })
  checkUnused(dataDir)
  return writtenWhole(dataDir, async (folder) => {
    for (const part of backedUp.parts) await restorePart(join(from, part.name), join(folder, part.name), part)
    return backedUp
  })
}

function readContents(from: string): Backup {
  const path = join(from, BACKUP_FILE)
  const bytes = bytesOf(path)
  if (bytes === undefined) throw new WeftError('BACKUP_INVALID', { path: from, detail: `there is no ${BACKUP_FILE} in it` })
  const invalid = (detail: string, cause?: unknown) => new WeftError('BACKUP_INVALID', { path, detail }, cause)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (failure) {
    throw invalid((failure as Error).message, failure)
  }
  const { data, error } = FORM.safeParse(value)
  if (data === undefined) throw invalid(z.prettifyError(error))
  // What leads elsewhere is not ours.
  const strange = data.parts
    .flatMap(({ name, files }) => [name, ...Object.keys(files)])
    .find((text) => /(^|[\\/])\.\.([\\/]|$)|^[\\/]/.test(text))
  if (strange !== undefined) throw invalid(`'${strange.slice(0, 80)}' leads out of it`)
  return data
}

/** Who works in a directory is named; that it is not empty would say less. Nothing is written there: it may be a backup. */
function checkUnused(dataDir: string): void {
  let homes: readonly string[] = []
  try {
    homes = existsSync(dataDir) ? homesIn(dataDir) : []
  } catch (failure) {
    if (!isWeftError(failure, 'DATA_DIR_EMPTY')) throw failure
  }
  for (const home of homes) lookIntoSqliteStore({ path: stateFile(home) }, () => undefined)
}

async function restorePart(from: string, to: string, { blocks, files }: BackedUp): Promise<void> {
  for (const [path, hash] of Object.entries(files)) {
    if (!copyFile(join(from, path), join(to, path)))
      throw new WeftError('BACKUP_INVALID', { path: join(from, path), detail: 'it is not there' })
    if ((await syncedHash(join(to, path))) !== hash)
      throw new WeftError('BACKUP_INVALID', { path: join(from, path), detail: 'it was changed' })
  }
  const { count } = copyBlocks(from, to)
  if (count < blocks.count) {
    const detail = `it has ${count} of ${blocks.count} blocks`
    throw new WeftError('BACKUP_INVALID', { path: from, detail })
  }
  // Whether this program may work with it is told now, and not at the start.
  await openSqliteStore({ path: stateFile(to) }).close()
  rmSync(`${stateFile(to)}.pid`, { force: true })
  onDisk(to, 'writing it', () => sync(to))
}
