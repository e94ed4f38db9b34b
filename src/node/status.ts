import { basename } from 'node:path'
import { isWeftError } from '#domain/errors.ts'
import { printable } from '#domain/printable.ts'
import { systemClock } from '#io/clock/system.ts'
import { getJson } from '#io/http/client.ts'
import type { RoleStatus } from './faring.ts'
import { atWork, readRun, type Run } from './run-file.ts'
import { homesIn } from './homes.ts'
import { shownOnly, toldStatus } from './told-status.ts'

/** A role answers at once, but for its chain, which it may ask about money and slots. */
const ASK_TIMEOUT_MS = 8_000
/** A thousand slots, and two hundred troubles. */
const ANSWER_BYTES_MAX = 4_000_000

/**
 * How the role of one home fares. `stopped`: it does not run. `failed`: it has ended by itself; `detail` says why. `killed`: its process has gone without a word. `unasked`: it runs, and its health routes are
 * off. `mute`: it runs and does not answer; `detail` says how.
 */
export interface HomeStatus {
  /** Name of the role's folder. */
  readonly name: string
  readonly state: 'running' | 'failed' | 'stopped' | 'killed' | 'unasked' | 'mute'
  readonly run?: Run | undefined
  readonly status?: RoleStatus
  readonly detail?: string
}

/** Of every role in a data directory, or in that of a devnet, in the order of their folders. Throws `DATA_DIR_EMPTY`. */
export const statusesIn = (dataDir: string): Promise<readonly HomeStatus[]> => Promise.all(homesIn(dataDir).map(statusOf))

/** Soon enough for whoever looks, and nothing beside what a role does. */
const WATCH_EVERY_MS = 2_000

/** The same again and again, until the signal aborts. */
export async function* watchStatuses(dataDir: string, signal: AbortSignal): AsyncGenerator<readonly HomeStatus[]> {
  while (!signal.aborted) {
    yield await statusesIn(dataDir)
    await systemClock.sleep(WATCH_EVERY_MS, signal).catch(() => undefined)
  }
}

/** Of the role in one home. */
export async function statusOf(home: string): Promise<HomeStatus> {
  const name = printable(basename(home))
  const run = shownOnly(readRun(home) ?? null) ?? undefined
  if (run === undefined) return { name, state: 'stopped' }
  if (run.failed !== undefined) return { name, state: 'failed', run, detail: run.failed.why }
  if (atWork(run) === undefined) return { name, state: 'killed', run }
  if (run.url === undefined) return { name, state: 'unasked', run }
  try {
    const answer = await getJson(`${run.url}/status`, { timeoutMs: ASK_TIMEOUT_MS, bytesMax: ANSWER_BYTES_MAX })
    // Another one may have taken both number and port since.
    if (answer['processId'] !== run.processId || answer['role'] !== run.role) return { name, state: 'killed', run }
    const status = toldStatus(answer)
    if (status === undefined) return { name, state: 'mute', run, detail: 'what it answers is no status, or one of another version of Weft' }
    return { name, state: 'running', run, status }
  } catch (failure) {
    if (!isWeftError(failure)) throw failure
    return { name, state: 'mute', run, detail: failure.message }
  }
}

/** Whether there is nothing for anybody to do. */
export const isWell = ({ status }: HomeStatus): boolean =>
  status?.isReady === true && status.troubles.every(({ level }) => level !== 'error')
