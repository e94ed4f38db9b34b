import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#io/clock/system.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { isRecord } from '#wire/untrusted.ts'
import { readGiven } from './given-file.ts'
import { VERSION } from './version.ts'

/** Which process works in the home of a role, and where it says how it fares: `run.json`, while it runs, and after it has ended by itself. */
export interface Run {
  readonly role: string
  readonly processId: number
  readonly startedMs: number
  readonly version: string
  /** URL of its health routes; none where they are off. */
  readonly url?: string | undefined
  /** That it ended by itself, when and why; until it starts again. */
  readonly failed?: Failed
}

export interface Failed {
  readonly atMs: number
  readonly why: string
  /** It had not begun to work. */
  readonly isStart?: boolean
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

/** Of a start that did not come as far as the data directory; where another process is at work there, that one's word stays. */
export function noteFailedStart(directory: string, { role, why }: { readonly role: string; readonly why: string }): void {
  if (atWork(readRun(directory)) !== undefined) return
  const atMs = systemClock.nowMs()
  noteFailure(directory, { role, processId: process.pid, startedMs: atMs, version: VERSION, failed: { atMs, why, isStart: true } })
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
    if (typeof role !== 'string' || typeof version !== 'string' || !isTime(startedMs)) return undefined
    if (!Number.isSafeInteger(processId) || (url !== undefined && typeof url !== 'string')) return undefined
    return {
      ...{ role, processId: processId as number, startedMs, version },
      ...(url !== undefined && { url }),
      ...(isRecord(failed) && { failed: failedIn(failed) }),
    }
  } catch {
    return undefined // Not there, or not what we wrote: for people only, and worth no failure.
  }
}

const failedIn = ({ atMs, why, isStart }: Readonly<Record<string, unknown>>): Failed => ({
  ...{ atMs: isTime(atMs) ? atMs : 0, why: String(why) },
  ...(isStart === true && { isStart }),
})

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
