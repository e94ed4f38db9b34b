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
 * How long a preferred address is waited for before the next is dialed beside it: an address behind a NAT swallows what is sent to it, and
 * would cost the ten seconds of libp2p each time.
 */
const HEAD_START_MS = 1_000
/** Between two searches for another way while the one in use is about to end. */
const LEAVING_INTERVAL_MS = 500

/** Dials in order of preference; the first that answers, or `undefined` when none does. */
export async function dialFirst(
  addresses: readonly string[],
  { dialer, clock, report }: ConnectDeps,
  signal: AbortSignal,
): Promise<Destination | undefined> {
  const over = new AbortController()
  const within = AbortSignal.any([signal, over.signal])
  let first: Destination | undefined

  async function dial(address: string): Promise<void> {
    try {
      const link = await dialer.dial(address, within)
      if (first !== undefined) return await link.close()
      first = { address, link }
      over.abort()
    } catch (failure) {
      if (!isWeftError(failure, 'LINK_FAILED')) throw failure
      if (!over.signal.aborted) report('dial_failed', { address, detail: String(failure.facts.detail) })
    }
  }

  const dialing: Promise<void>[] = []
  for (const address of addresses) {
    if (within.aborted) break
    const one = dial(address)
    dialing.push(one)
    await Promise.race([one, pause(clock, HEAD_START_MS, AbortSignal.any([within, settled(one)]))])
  }
  // Whoever is late is closed, and what went wrong here itself is heard.
  await Promise.all(dialing)
  return first
}

function settled(work: Promise<void>): AbortSignal {
  const done = new AbortController()
  const end = () => done.abort()
  work.then(end, end)
  return done.signal
}

/** Dials round by round until something answers or the signal aborts. `failedRounds`: how often it went wrong already. */
export async function connect(
  options: { readonly addresses: () => readonly string[]; readonly backoff: Backoff; readonly failedRounds: number },
  deps: ConnectDeps,
  signal: AbortSignal,
): Promise<Destination | undefined> {
  for (let round = options.failedRounds; !signal.aborted; round += 1) {
    if (round > 0) await pause(deps.clock, pauseMs(options.backoff, round, deps.random), signal)
    const destination = await dialFirst(options.addresses(), deps, signal)
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
    const destination = await dialFirst(isLeaving ? options.others() : options.better(), deps, signal)
    if (destination !== undefined) return destination
    if (isLeaving) await pause(deps.clock, LEAVING_INTERVAL_MS, signal)
  }
  return undefined
}
