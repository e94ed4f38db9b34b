import { expect, test } from 'vitest'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { RelayStats } from '#io/p2p/port.ts'
import { createRelayRole } from './relay.ts'

test('the relay reports what it carries, and when it refused, until it is stopped', async () => {
  const clock = createVirtualClock()
  const stopping = new AbortController()
  const events: unknown[] = []
  let stats: RelayStats = { reservations: 1, circuits: 2, refusedReservations: 0 }
  const relay = { peerId: 'r', addresses: () => [], stats: () => stats }
  const running = createRelayRole({ statsIntervalMs: 1_000 }, { relay, clock, report: (event, facts) => events.push([event, facts]) }).run(
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

test('each interval tells what was refused in it, and nothing when nothing was', async () => {
  const clock = createVirtualClock()
  const stopping = new AbortController()
  const refusals: unknown[] = []
  let refusedReservations = 2
  const relay = { peerId: 'r', addresses: () => [], stats: () => ({ reservations: 1, circuits: 0, refusedReservations }) }
  const report = (event: string, facts: object) => event === 'reservations_refused' && refusals.push(facts)
  const running = createRelayRole({ statsIntervalMs: 1_000 }, { relay, clock, report }).run(stopping.signal)
  await clock.advance(999)
  expect(refusals).toEqual([])
  await clock.advance(1)
  refusedReservations = 5
  await clock.advance(2_000)
  refusedReservations = 6
  await clock.advance(1_000)
  stopping.abort()
  await clock.runUntil(running, { limitMs: 0 })
  expect(refusals).toEqual([2, 3, 1].map((refused) => ({ refused, reservations: 1 })))
})

test('a clock that fails is a failure of the role, a stop is none', async () => {
  const relay = { peerId: 'r', addresses: () => [], stats: () => ({ reservations: 0, circuits: 0, refusedReservations: 0 }) }
  const broken = { nowMs: () => 0, sleep: () => Promise.reject(new Error('the clock stands still')) }
  const role = createRelayRole({ statsIntervalMs: 1 }, { relay, clock: broken, report: () => undefined })
  await expect(role.run(new AbortController().signal)).rejects.toThrow('the clock stands still')
  await role.run(AbortSignal.abort())
  expect(role.stats()).toEqual({ reservations: 0, circuits: 0, refusedReservations: 0 })
})
