import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { isRecord } from '#wire/untrusted.ts'

/** Which process works in the home of a role, and where it says how it fares: `run.json`, while it runs. */
export interface Run {
  readonly role: string
  readonly processId: number
  readonly startedMs: number
  readonly version: string
  /** URL of its health routes; none where they are off. */
  readonly url?: string | undefined
}

const runFile = (directory: string): string => join(directory, 'run.json')

/** Throws as `onDisk`. */
export function writeRun(directory: string, run: Run): void {
  const path = runFile(directory)
  onDisk(path, 'writing it', () => replaceFile(path, `${JSON.stringify(run, undefined, 2)}\n`, 0o644))
}

export function removeRun(directory: string): void {
  rmSync(runFile(directory), { force: true })
}

/** What is written down; `undefined` where nothing is, or what no role has written. The process may be gone: see `isAlive`. */
export function readRun(directory: string): Run | undefined {
  try {
    const run: unknown = JSON.parse(readFileSync(runFile(directory), 'utf8'))
    if (!isRecord(run)) return undefined
    const { role, processId, startedMs, version, url } = run
    if (typeof role !== 'string' || typeof version !== 'string' || typeof startedMs !== 'number') return undefined
    if (!Number.isSafeInteger(processId) || (url !== undefined && typeof url !== 'string')) return undefined
    return { role, processId: processId as number, startedMs, version, ...(url === undefined ? {} : { url }) }
  } catch {
    return undefined // Not there, or not what we wrote: for people only, and worth no failure.
  }
}

export function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (failure) {
    // EPERM: it lives, but belongs to somebody else.
    return (failure as NodeJS.ErrnoException).code === 'EPERM'
  }
}
