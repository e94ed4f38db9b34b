import { randomUUID } from 'node:crypto'
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'

/**
 * The folder of a devnet. A devnet empties its folder when it starts: what is its own is told by a mark with an id, never by a name,
 * for the folders of an operator's own roles have the same names.
 */

/** Says, in the folder and in each folder below it, which devnet made it. */
const MARK = 'devnet-mark.json'
/** Held for as long as the devnet runs. */
const LOCK = 'lock.sqlite'
const TEMPORARY = /^weft-devnet-[A-Za-z0-9]{6}$/

interface Mark {
  readonly id: string
  /** Whoever finds it without its devnet may remove it. */
  readonly isTemporary: boolean
  /** What the devnet writes beside its folders: these, and what stands in for them until it is whole, a later devnet may remove. */
  readonly files: readonly string[]
}

export interface DevnetFolder {
  readonly path: string
  /** A folder within, made and marked. */
  make(name: string): string
  /** Where a file of that name is to be written, which the mark names from now on. */
  file(name: string): string
  /** Lets go of the folder; it stays. */
  stop(): Promise<void>
}

/** A folder that its devnet removes in the end, or else whichever devnet comes next. */
export function makeTemporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'weft-devnet-'))
}

/**
 * Makes the folder ours and empties it of an earlier devnet. Throws `DATA_DIR_FOREIGN`, with nothing touched, when anything in it was not
 * made by that devnet; `DATA_DIR_LOCKED` when one runs in it.
 */
export function takeFolder(path: string, { isTemporary }: { readonly isTemporary: boolean }): DevnetFolder {
  onDisk(path, 'creating it', () => makeFolder(path))
  let mark = onDisk(path, 'reading it', () => ownMark(path))
  const remark = (change: Partial<Mark>): void => {
    mark = { ...mark, ...change }
    replaceFile(join(path, MARK), JSON.stringify(mark), 0o600)
  }
  // Before anything is removed: it may belong to a devnet that runs.
  const lock = openSqliteStore({ path: join(path, LOCK) })
  try {
    onDisk(path, 'emptying it', () => {
      // Once more, now that nobody else is at work in it.
      ownMark(path)
      empty(path)
      // Only now: one that is temporary is removed by whoever finds its lock free.
      remark({ isTemporary, files: [] })
    })
  } catch (failure) {
    void lock.close()
    throw failure
  }
  return {
    path,
    make(name) {
      const below = join(path, name)
      onDisk(below, 'creating it', () => {
        mkdirSync(below, { mode: 0o700 })
        writeFileSync(join(below, MARK), JSON.stringify(mark), { mode: 0o600 })
      })
      return below
    },
    file(name) {
      // Before it is written: a file that the mark does not name is somebody else's.
      if (!mark.files.includes(name)) onDisk(path, 'marking it', () => remark({ files: [...mark.files, name] }))
      return join(path, name)
    },
    stop: () => lock.close(),
  }
}

/** Removes the temporary folders that devnets of this user have left which did not come to their end. */
export function sweepTemporaryFolders(): void {
  for (const name of namesIn(tmpdir())) {
    const path = join(tmpdir(), name)
    if (TEMPORARY.test(name) && isOwnFolder(path) && markIn(path)?.isTemporary === true) sweep(path)
  }
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return [] // One may write there and not look: then there is nothing to be found.
  }
}

function sweep(path: string): void {
  try {
    const lock = openSqliteStore({ path: join(path, LOCK) })
    // Somebody may have made it his own while it was free.
    const isLeft = markIn(path)?.isTemporary === true
    if (isLeft) empty(path)
    void lock.close()
    if (isLeft) rmSync(path, { recursive: true, force: true })
  } catch {
    // Its devnet runs, or another sweeps it; whatever else it is, it is no reason not to start.
  }
}

function isOwnFolder(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found?.isDirectory() === true && found.uid === process.getuid?.()
}

/** The mark of a folder in which everything is a devnet's, written now if the folder is empty. Throws `DATA_DIR_FOREIGN`. */
function ownMark(path: string): Mark {
  const entries = readdirSync(path)
  if (entries.length === 0) {
    const fresh: Mark = { id: randomUUID(), isTemporary: false, files: [] }
    writeFileSync(join(path, MARK), JSON.stringify(fresh), { mode: 0o600, flag: 'wx' })
    return fresh
  }
  const mark = markIn(path)
  const foreign = mark === undefined ? entries : entries.filter((name) => !isOurs(join(path, name), name, mark))
  if (mark === undefined || foreign.length > 0)
    throw new WeftError('DATA_DIR_FOREIGN', { dataDir: path, found: foreign.slice(0, 3).join(', ') })
  return mark

  function isOurs(entry: string, name: string, { id, files }: Mark): boolean {
    const found = lstatSync(entry)
    // One that is empty was made before it was marked.
    if (found.isDirectory()) return markIn(entry)?.id === id || readdirSync(entry).length === 0
    // A crash leaves files that were to replace others.
    return found.isFile() && (name.startsWith(LOCK) || [MARK, ...files].includes(name.replace(/\.new$/, '')))
  }
}

/** The mark in a folder, if it has one that can be read. */
function markIn(path: string): Mark | undefined {
  try {
    const mark = JSON.parse(readFileSync(join(path, MARK), 'utf8')) as Partial<Mark> | null
    if (typeof mark?.id !== 'string') return undefined
    return { id: mark.id, isTemporary: mark.isTemporary === true, files: Array.isArray(mark.files) ? mark.files : [] }
  } catch {
    return undefined
  }
}

/** All but mark and lock: they go last, or stay. */
function empty(path: string): void {
  const gone = readdirSync(path).filter((name) => name !== MARK && !name.startsWith(LOCK))
  for (const name of gone) rmSync(join(path, name), { recursive: true, force: true })
}
