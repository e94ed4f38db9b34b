import { isWeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Random } from '#io/keys/port.ts'
import type { SubmissionDialer, SubmissionLink } from '#io/p2p/port.ts'
import { type Backoff, pauseMs } from '#life/backoff.ts'
import { pause } from './bell.ts'

export interface Destination {
  readonly address: string
  /** Its place in the order of preference; 0 is the best. */
  readonly rank: number
  readonly link: SubmissionLink
}

export interface ConnectDeps {
  readonly dialer: SubmissionDialer
  readonly clock: Clock
  readonly random: Random
  readonly report: Report
}

/** Dials in order of preference; the first that answers, or `undefined` when none does. */
export async function dialFirst(
  addresses: readonly string[],
  { dialer, report }: ConnectDeps,
  signal: AbortSignal,
): Promise<Destination | undefined> {
  for (const [rank, address] of addresses.entries()) {
    if (signal.aborted) return undefined
    try {
      return { address, rank, link: await dialer.dial(address, signal) }
    } catch (failure) {
      if (!isWeftError(failure, 'LINK_FAILED')) throw failure
      report('dial_failed', { address, detail: String(failure.facts.detail) })
    }
  }
  return undefined
}

/** Dials round by round until something answers or the signal aborts. `failedRounds`: how often it went wrong already. */
export async function connect(
  options: { readonly addresses: readonly string[]; readonly backoff: Backoff; readonly failedRounds: number },
  deps: ConnectDeps,
  signal: AbortSignal,
): Promise<Destination | undefined> {
  for (let round = options.failedRounds; !signal.aborted; round += 1) {
    if (round > 0) await pause(deps.clock, pauseMs(options.backoff, round, deps.random), signal)
    const destination = await dialFirst(options.addresses, deps, signal)
    if (destination !== undefined) return destination
  }
  return undefined
}

/** While the link is not the preferred one: tries the better addresses from time to time, until one answers or the signal aborts. */
export async function improve(
  options: { readonly addresses: readonly string[]; readonly rank: number; readonly intervalMs: number },
  deps: ConnectDeps,
  signal: AbortSignal,
): Promise<Destination | undefined> {
  const better = options.addresses.slice(0, options.rank)
  while (better.length > 0 && !signal.aborted) {
    await pause(deps.clock, options.intervalMs, signal)
    const destination = await dialFirst(better, deps, signal)
    if (destination !== undefined) return destination
  }
  return undefined
}
