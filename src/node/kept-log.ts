import { closeSync, fstatSync, openSync, readSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '#io/disk/folder.ts'

/** The log of a role in its data directory, beside what it writes to stderr, for whoever asks later: the newest lines, as JSON. */

/** Its file. */
export const NEWEST = 'log.jsonl'
/** What it was before it was full. */
export const BEFORE = 'log.old.jsonl'
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
