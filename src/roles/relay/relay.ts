import type { Report } from '#domain/events.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Relay, RelayStats } from '#io/p2p/port.ts'
import { live } from '#life/live.ts'

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

export interface RelayRole {
  /** Works until the signal aborts; then resolves. */
  run(signal: AbortSignal): Promise<void>
  /** What the relay carries now, and what it refused since its start. */
  stats(): RelayStats
}

/** Reports what the relay carries, and apart from it each interval in which it had to refuse. */
export function createRelayRole({ statsIntervalMs }: RelayRoleOptions, { relay, clock, report }: RelayRoleDeps): RelayRole {
  async function tell(signal: AbortSignal): Promise<void> {
    let before: RelayStats = { reservations: 0, circuits: 0, refusedReservations: 0 }
    for (;;) {
      await clock.sleep(statsIntervalMs, signal)
      const stats = relay.stats()
      report('relay_stats', { ...stats })
      const refused = stats.refusedReservations - before.refusedReservations
      if (refused > 0) report('reservations_refused', { refused, reservations: stats.reservations })
      before = stats
    }
  }

  return { run: (signal) => live(signal, (life) => tell(life.signal)), stats: () => relay.stats() }
}
