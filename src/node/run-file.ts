import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { isRecord } from '#wire/untrusted.ts'
import { readGiven } from './given-file.ts'

/** Which process works in the home of a role, and where it says how it fares: `run.json`, while it runs, and after it has ended by itself. */
export interface Run {
  readonly role: string
  readonly processId: number
  readonly startedMs: number
  readonly version: string
  /** URL of its health routes; none where they are off. */
  readonly url?: string | undefined
  /** That it ended by itself, when and why; until it starts again. */
  readonly failed?: { readonly atMs: number; readonly why: string }
}

/** It has some hundred bytes, and why a role ended some thousand at most. */
const RUN_BYTES_MAX = 64 * 1024

const runFile = (directory: string): string => join(directory, 'run.json')

/** Throws as `onDisk`. */
export function writeRun(directory: string, run: Run): void {
  const path = runFile(directory)
  onDisk(path, 'writing it', () => replaceFile(path, `${JSON.stringify(run, undefined, 2)}\n`, 0o644))
}

/** Says that the role has ended by itself. No disk is a reason to say something else than why. */
export function noteFailure(directory: string, run: Omit<Run, 'url'>): void {
  try {
    writeRun(directory, run)
  } catch {
    return // The log and the exit code say it, too.
  }
}

/** Of a role that was stopped: what one says that ended by itself stays, for whoever asks how it fares. */
export function removeRun(directory: string): void {
  if (readRun(directory)?.failed === undefined) rmSync(runFile(directory), { force: true })
}

/** What is written down; `undefined` where nothing is, or what no role has written. The process may be gone: see `atWork`. */
export function readRun(directory: string): Run | undefined {
  try {
    const run: unknown = JSON.parse(new TextDecoder().decode(readGiven(runFile(directory), RUN_BYTES_MAX)))
    if (!isRecord(run)) return undefined
    const { role, processId, startedMs, version, url, failed } = run
    if (typeof role !== 'string' || typeof version !== 'string' || typeof startedMs !== 'number') return undefined
    if (!Number.isSafeInteger(processId) || (url !== undefined && typeof url !== 'string')) return undefined
    return {
      ...{ role, processId: processId as number, startedMs, version },
      ...(url !== undefined && { url }),
      ...(isRecord(failed) && { failed: { atMs: isTime(failed['atMs']) ? failed['atMs'] : 0, why: String(failed['why']) } }),
    }
  } catch {
    return undefined // Not there, or not what we wrote: for people only, and worth no failure.
  }
}

/** Milliseconds of which there is a date (ECMA-262, time values). */
export const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 8.64e15

/** What is written down, where that process is there and the role has not ended in it: other parts may go on. */
export const atWork = (run: Run | undefined): Run | undefined =>
  run !== undefined && run.failed === undefined && isAlive(run.processId) ? run : undefined

export function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (failure) {
    // EPERM: it lives, but belongs to somebody else.
    return (failure as NodeJS.ErrnoException).code === 'EPERM'
  }
}
