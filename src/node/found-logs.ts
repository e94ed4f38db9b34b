import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { onDisk } from '#io/disk/disk.ts'
import { homesIn } from './homes.ts'
import { BEFORE, NEWEST } from './kept-log.ts'
import { linesFromEnd } from './lines-from-end.ts'

/** The logs that roles have kept, for commands that show them. */

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
