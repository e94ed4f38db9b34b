import { isWeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Random } from '#io/keys/port.ts'
import type { SubmissionDialer, SubmissionLink } from '#io/p2p/port.ts'
import { type Backoff, pauseMs } from '#life/backoff.ts'
import { pause } from './bell.ts'

export interface Destination {
  readonly address: string
  readonly link: SubmissionLink
}

export interface ConnectDeps {
  readonly dialer: SubmissionDialer
  readonly clock: Clock
  readonly random: Random
  readonly report: Report
}

/**
 * How long an address is waited for while another waits behind it: one behind a NAT swallows what is sent to it, and a relay may take a circuit and
 * bring nothing. Doubled in each round that finds nobody, for who is far away needs longer.
 */
const PATIENCE_MS = 1_000
/** When nothing waits for it: as long as libp2p itself waits. */
const PATIENCE_MS_MAX = 10_000
/** Between two searches for another way while the one in use is about to end. */
const LEAVING_INTERVAL_MS = 500

/** Dials in order of preference, each for so long but for the last; the first that answers, or `undefined` when none does. */
export async function dialFirst(
  addresses: readonly string[],
  deps: ConnectDeps,
  signal: AbortSignal,
  patienceMs = PATIENCE_MS_MAX,
): Promise<Destination | undefined> {
  for (const [index, address] of addresses.entries()) {
    if (signal.aborted) return undefined
    const isLast = index === addresses.length - 1
    try {
      return { address, link: await dialWithin(address, isLast ? PATIENCE_MS_MAX : patienceMs, deps, signal) }
    } catch (failure) {
      if (!isWeftError(failure, 'LINK_FAILED')) throw failure
      deps.report('dial_failed', { address, detail: String(failure.facts.detail) })
    }
  }
  return undefined
}

/** Gives up after so long. One after the other: libp2p makes one dial of several that lead to one peer at a time. */
async function dialWithin(
  address: string,
  patienceMs: number,
  { dialer, clock }: ConnectDeps,
  signal: AbortSignal,
): Promise<SubmissionLink> {
  const over = new AbortController()
  const done = new AbortController()
  void pause(clock, patienceMs, AbortSignal.any([signal, done.signal])).then(() => {
    if (!done.signal.aborted) over.abort(new Error(`no answer within ${patienceMs} ms`))
  })
  try {
    return await dialer.dial(address, AbortSignal.any([signal, over.signal]))
  } finally {
    done.abort()
  }
}

/** Dials round by round until something answers or the signal aborts. `failedRounds`: how often it went wrong already. */
export async function connect(
  options: { readonly addresses: () => readonly string[]; readonly backoff: Backoff; readonly failedRounds: number },
  deps: ConnectDeps,
  signal: AbortSignal,
): Promise<Destination | undefined> {
  for (let round = options.failedRounds; !signal.aborted; round += 1) {
    if (round > 0) await pause(deps.clock, pauseMs(options.backoff, round, deps.random), signal)
    const patienceMs = Math.min(PATIENCE_MS_MAX, PATIENCE_MS * 2 ** round)
    const destination = await dialFirst(options.addresses(), deps, signal, patienceMs)
    if (destination !== undefined) return destination
  }
  return undefined
}

export interface ImproveOptions {
  readonly better: () => readonly string[]
  /** All but the one in use. */
  readonly others: () => readonly string[]
  /** Resolves when the link in use is about to end. */
  readonly leaving: Promise<void> | undefined
  readonly intervalMs: number
}

/** While the link is not the preferred one: tries the better addresses from time to time; once it is about to end, any other, at once and again soon. */
export async function improve(options: ImproveOptions, deps: ConnectDeps, signal: AbortSignal): Promise<Destination | undefined> {
  const leaving = new AbortController()
  void options.leaving?.then(() => leaving.abort())
  while (!signal.aborted) {
    await pause(deps.clock, options.intervalMs, AbortSignal.any([signal, leaving.signal]))
    const isLeaving = leaving.signal.aborted
    const destination = isLeaving
      ? await dialFirst(options.others(), deps, signal, PATIENCE_MS)
      : await dialFirst(options.better(), deps, signal)
    if (destination !== undefined) return destination
    if (isLeaving) await pause(deps.clock, LEAVING_INTERVAL_MS, signal)
  }
  return undefined
}
