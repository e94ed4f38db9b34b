import { describe, expect, test } from 'vitest'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { Relay, RelayStats } from '#io/p2p/port.ts'
import { createRelayRole } from './relay.ts'

const NOTHING: RelayStats = {
  reservations: 0,
  circuits: 0,
  registrations: 0,
  relayedBytes: 0,
  refusedReservations: 0,
  refusedCircuits: 0,
  refusedAdmissions: 0,
  refusedRegistrations: 0,
  endedCircuits: 0,
}

function relayWith(stats: () => RelayStats, drain: Relay['drain'] = async () => undefined): Relay {
  return { peerId: 'r', addresses: () => [], stats, drain }
}

test('the relay reports what it carries, and when it refused, until it is stopped', async () => {
  const clock = createVirtualClock()
  const stopping = new AbortController()
  const events: unknown[] = []
  let stats: RelayStats = { ...NOTHING, reservations: 1, circuits: 2 }
  const relay = relayWith(() => stats)
  const running = createRelayRole({ statsIntervalMs: 1_000 }, { relay, clock, report: (event, facts) => events.push([event, facts]) }).run(
    stopping.signal,
  )
  await clock.advance(1_000)
  stats = { ...NOTHING, reservations: 3, circuits: 4, refusedReservations: 5 }
  await clock.advance(2_000)
  stopping.abort()
  await running
  expect(events).toEqual([
    ['relay_stats', { ...NOTHING, reservations: 1, circuits: 2 }],
    ['relay_stats', stats],
    ['reservations_refused', { refused: 5, reservations: 3 }],
    ['relay_stats', stats],
  ])
})

test('each interval tells what was refused in it, and nothing when nothing was', async () => {
  const clock = createVirtualClock()
  const stopping = new AbortController()
  const refusals: unknown[] = []
  let refusedReservations = 2
  const relay = relayWith(() => ({ ...NOTHING, reservations: 1, refusedReservations }))
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
  const relay = relayWith(() => NOTHING)
  const broken = { nowMs: () => 0, sleep: () => Promise.reject(new Error('the clock stands still')) }
  const role = createRelayRole({ statsIntervalMs: 1 }, { relay, clock: broken, report: () => undefined })
  await expect(role.run(new AbortController().signal)).rejects.toThrow('the clock stands still')
  await role.run(AbortSignal.abort())
  expect(role.stats()).toEqual(NOTHING)
})

describe('R7: a stop', () => {
  async function stopped(circuits: number, drainMs?: number) {
    const events: unknown[] = []
    let left = circuits
    const relay = relayWith(
      () => ({ ...NOTHING, circuits: left }),
      async (limitMs) => {
        events.push(['drain', limitMs])
        left = Math.min(left, 1)
      },
    )
    const report = (event: string, facts: object) => event !== 'relay_stats' && events.push([event, facts])
    const options = { statsIntervalMs: 1_000, ...(drainMs === undefined ? {} : { drainMs }) }
    await createRelayRole(options, { relay, clock: createVirtualClock(), report }).run(AbortSignal.abort())
    return events
  }

  test('waits for those who have circuits, and says how many it ended with', async () => {
    expect(await stopped(3, 5_000)).toEqual([
      ['relay_draining', { circuits: 3, waitMs: 5_000 }],
      ['drain', 5_000],
      ['relay_drained', { circuits: 1 }],
    ])
  })

  test('waits for nobody where nobody is there, or where it is not to', async () => {
    expect(await stopped(0, 5_000)).toEqual([
      ['relay_draining', { circuits: 0, waitMs: 0 }],
      ['drain', 0],
      ['relay_drained', { circuits: 0 }],
    ])
    expect(await stopped(3)).toEqual([])
  })
})

test('R6: who is vouched for is followed for as long as the relay works, and a chain that cannot be followed ends it', async () => {
  const failing = Promise.withResolvers<void>()
  const admission = { run: () => failing.promise }
  const role = createRelayRole(
    { statsIntervalMs: 1_000 },
    { relay: relayWith(() => NOTHING), admission, clock: createVirtualClock(), report: () => undefined },
  )
  const running = role.run(new AbortController().signal)
  failing.reject(new Error('too deep a reorganisation'))
  await expect(running).rejects.toThrow('too deep a reorganisation')
})
