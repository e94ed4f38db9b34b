import type { Report } from '#domain/events.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Relay, RelayStats } from '#io/p2p/port.ts'
import { live } from '#life/live.ts'
import type { Admission } from './admit.ts'

export interface RelayRoleOptions {
  /** How often the state of the relay is reported. */
  readonly statsIntervalMs: number
  /** How long a stop waits for those who have circuits to find another way; not at all when not given. */
  readonly drainMs?: number
}

export interface RelayRoleDeps {
  /** Running; it admits and limits by itself, because both happen inside the circuit relay protocol (R1, R2). */
  readonly relay: Relay
  /** Where peers must be vouched for (R6). */
  readonly admission?: Pick<Admission, 'run'> | undefined
  readonly clock: Clock
  readonly report: Report
}

export interface RelayRole {
  /** Works until the signal aborts; resolves when nothing goes through it any more, or that took too long (R7). */
  run(signal: AbortSignal): Promise<void>
  /** What the relay carries now, and what it refused since its start. */
  stats(): RelayStats
}

/** Reports what the relay carries, and apart from it each interval in which it had to refuse. */
export function createRelayRole(
  { statsIntervalMs, drainMs = 0 }: RelayRoleOptions,
  { relay, admission, clock, report }: RelayRoleDeps,
): RelayRole {
  async function tell(signal: AbortSignal): Promise<void> {
    let refusedBefore = 0
    for (;;) {
      await clock.sleep(statsIntervalMs, signal)
      const stats = relay.stats()
      report('relay_stats', { ...stats })
      const refused = stats.refusedReservations - refusedBefore
      if (refused > 0) report('reservations_refused', { refused, reservations: stats.reservations })
      refusedBefore = stats.refusedReservations
    }
  }

  /** Whoever has a circuit is told, and moves while it still works. */
  async function drain(): Promise<void> {
    const { circuits } = relay.stats()
    if (drainMs === 0) return
    report('relay_draining', { circuits, waitMs: circuits === 0 ? 0 : drainMs })
    await relay.drain(circuits === 0 ? 0 : drainMs)
    report('relay_drained', { circuits: relay.stats().circuits })
  }

  return {
    async run(signal) {
      await live(signal, (life) => {
        if (admission !== undefined) void life.spawn(admission.run(life.signal))
        return tell(life.signal)
      })
      await drain()
    },
    stats: () => relay.stats(),
  }
}
