import type { Report } from '#domain/events.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Relay, RelayStats } from '#io/p2p/port.ts'

export interface RelayRoleOptions {
  /** How often the state of the relay is reported. */
  readonly statsIntervalMs: number
}

export interface RelayRoleDeps {
  /** Running; it admits and limits by itself, because both happen inside the circuit relay protocol (R1, R2). */
  readonly relay: Relay
  readonly clock: Clock
  readonly report: Report
}

/** Reports what the relay carries, and apart from it each interval in which it had to refuse, until the signal aborts. */
export async function runRelay(
  { statsIntervalMs }: RelayRoleOptions,
  { relay, clock, report }: RelayRoleDeps,
  signal: AbortSignal,
): Promise<void> {
  let before: RelayStats = { reservations: 0, circuits: 0, refusedReservations: 0 }
  while (!signal.aborted) {
    try {
      await clock.sleep(statsIntervalMs, signal)
    } catch (failure) {
      if (signal.aborted) return
      throw failure
    }
    const stats = relay.stats()
    report('relay_stats', { ...stats })
    const refused = stats.refusedReservations - before.refusedReservations
    if (refused > 0) report('reservations_refused', { refused, reservations: stats.reservations })
    before = stats
  }
}
