import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, renameSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { onDisk } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { homesIn } from './homes.ts'
import { linesFromEnd } from './lines-from-end.ts'

/** The log of a role in its data directory, beside what it writes to stderr, for whoever asks later: the newest lines, as JSON. */

const NEWEST = 'log.jsonl'
/** What it was before it was full. */
const BEFORE = 'log.old.jsonl'
/** Months of a healthy role: an epoch has a line or two. */
const BYTES_MAX = 8 * 1024 * 1024
const LINE_END = 0x0a

export interface KeptLog {
  /** A line, with its end. One that the disk does not take is lost here, and nobody fails by it. */
  write(line: string): void
  stop(): void
}

/** Nothing is made before the first line: until then it may be another process that works there. */
export function keepLog(directory: string, bytesMax: number = BYTES_MAX): KeptLog {
  let open: { readonly descriptor: number; bytes: number } | undefined
  /** What was written last does not end as a line does: the disk was full, or the power went. */
  let isTorn = false

  function opened(): NonNullable<typeof open> {
    if (open !== undefined) return open
    makeFolder(directory)
    const descriptor = openSync(join(directory, NEWEST), 'a+', 0o600)
    const bytes = fstatSync(descriptor).size
    const last = Buffer.alloc(1)
    isTorn = bytes > 0 && readSync(descriptor, last, 0, 1, bytes - 1) === 1 && last[0] !== LINE_END
    open = { descriptor, bytes }
    return open
  }

  function stop(): void {
    if (open !== undefined) closeSync(open.descriptor)
    open = undefined
  }

  return {
    stop,
    write(line) {
      try {
        if (opened().bytes > bytesMax) {
          stop()
          renameSync(join(directory, NEWEST), join(directory, BEFORE))
        }
        const file = opened()
        const bytes = Buffer.from(isTorn ? `\n${line}` : line)
        const written = writeSync(file.descriptor, bytes)
        file.bytes += written
        isTorn = written < bytes.length
      } catch {
        // It stands on stderr all the same.
        isTorn = true
      }
    },
  }
}

/** A log of a data directory: of which part of several, and its files, the newest first. */
export interface FoundLog {
  readonly name: string | undefined
  readonly paths: readonly string[]
}

/** Those of a devnet's roles, of a role, or of a node and of its parts. Throws `DATA_DIR_EMPTY`, `LOG_NOT_KEPT`. */
export function logsIn(dataDir: string): readonly FoundLog[] {
  const folder = join(dataDir, 'logs')
  const ofDevnet = existsSync(folder) ? onDisk(folder, 'reading it', () => readdirSync(folder)).filter((name) => name.endsWith('.log')) : []
  if (ofDevnet.length > 0) return ofDevnet.sort().map((name) => ({ name: basename(name, '.log'), paths: [join(folder, name)] }))
  const homes = homesOrNone(dataDir)
  const found = [dataDir, ...homes.filter((home) => home !== dataDir)].flatMap((home) => {
    const paths = [NEWEST, BEFORE].map((name) => join(home, name)).filter((path) => existsSync(path))
    return paths.length === 0 ? [] : [{ name: home === dataDir ? undefined : basename(home), paths }]
  })
  if (found.length === 0) throw new WeftError(homes.length === 0 ? 'DATA_DIR_EMPTY' : 'LOG_NOT_KEPT', { dataDir })
  return found
}

/** Of a node whose parts have never started there is nothing but its own log. */
function homesOrNone(dataDir: string): readonly string[] {
  try {
    return homesIn(dataDir)
  } catch (failure) {
    if (isWeftError(failure, 'DATA_DIR_EMPTY')) return []
    throw failure
  }
}

/** The lines of a log, the last first. Throws as `onDisk`. */
export function* linesOf({ paths }: FoundLog): Generator<string> {
  for (const path of paths) yield* linesFromEnd(path)
}
