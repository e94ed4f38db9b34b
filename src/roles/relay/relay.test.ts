import { expect, test } from 'vitest'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { RelayStats } from '#io/p2p/port.ts'
import { runRelay } from './relay.ts'

test('the relay reports what it carries, and when it refused, until it is stopped', async () => {
  const clock = createVirtualClock()
  const stopping = new AbortController()
  const events: unknown[] = []
  let stats: RelayStats = { reservations: 1, circuits: 2, refusedReservations: 0 }
  const relay = { peerId: 'r', addresses: () => [], stats: () => stats }
  const running = runRelay(
    { statsIntervalMs: 1_000 },
    { relay, clock, report: (event, facts) => events.push([event, facts]) },
    stopping.signal,
  )
  await clock.advance(1_000)
  stats = { reservations: 3, circuits: 4, refusedReservations: 5 }
  await clock.advance(2_000)
  stopping.abort()
  await running
  expect(events).toEqual([
    ['relay_stats', { reservations: 1, circuits: 2, refusedReservations: 0 }],
    ['relay_stats', { reservations: 3, circuits: 4, refusedReservations: 5 }],
    ['reservations_refused', { refused: 5, reservations: 3 }],
    ['relay_stats', { reservations: 3, circuits: 4, refusedReservations: 5 }],
  ])
})
