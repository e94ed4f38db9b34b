import { afterEach, describe, expect, test } from 'vitest'
import { createWorld, SEQUENCER, submission } from './collector.test-world.ts'

let world = createWorld()
afterEach(() => {
  world.stopping.abort()
  world = createWorld()
})

const told = () => world.facts.filter(({ event }) => event === 'submissions_lost' || event === 'epoch_delivered')

async function collect(codeOf: Parameters<typeof world.answer>[1], ageMaxMs = 60_000) {
  const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
  world.answer(host, codeOf)
  const one = await world.collector(host.addresses(), { limits: { ageMaxMs } })
  one.start()
  return one
}

describe('C6: what was lost', () => {
  test('is told in one line per epoch, by its reasons, when the epoch is over', async () => {
    const codes = { 'p1:N': 'window_closed', 'p2:N': 'window_closed', 'p3:N': 'vote_conflict', 'p4:N': 'not_ready' } as const
    const one = await collect((project) => codes[project as keyof typeof codes] ?? 'accepted', 80_000)
    for (const index of [1, 2, 3, 4, 5]) await one.hand(submission(index, 7))
    await one.hand(submission(6, 8))
    await world.clock.advance(70_000)
    // One of the seventh still waits.
    expect(told()).toEqual([{ event: 'epoch_delivered', epochId: 8, acknowledged: 1, sent: 0 }])
    await world.clock.advance(75_000)
    expect(told().slice(1)).toEqual([
      {
        event: 'submissions_lost',
        epochId: 7,
        acknowledged: 1,
        sent: 0,
        rejected: 1,
        expired: 3,
        window_closed: 2,
        vote_conflict: 1,
        too_old: 1,
      },
    ])
    expect(one.role.stats().lost).toEqual({ window_closed: 2, vote_conflict: 1, too_old: 1 })
    await one.stop()
    expect(told()).toHaveLength(2)
  })

  test('is told at the end of the role at the latest', async () => {
    const one = await collect(() => 'window_closed')
    await one.hand(submission(1, 7))
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 1_000 })
    expect(told()).toEqual([])
    await one.stop()
    expect(told()).toMatchObject([{ event: 'submissions_lost', epochId: 7, expired: 1, window_closed: 1 }])
  })

  test('is told of the first sign of life only when it was lost', async () => {
    const one = await collect((project) => (project === 'p1:N' ? 'simulated' : 'window_closed'))
    await one.hand(submission(1, 0))
    await world.clock.advance(70_000)
    expect(told()).toEqual([])
    await one.hand(submission(2, 0))
    await one.stop()
    expect(told()).toMatchObject([{ event: 'submissions_lost', epochId: 0, window_closed: 1 }])
  })

  test('is nothing when every end was a good one', async () => {
    const one = await collect(() => 'accepted')
    await one.hand(submission(1, 7))
    // Aggregates come when the snapshots below them are final elsewhere.
    await world.clock.advance(30_000)
    await one.hand(submission(2, 7))
    await world.clock.advance(70_000)
    expect([told(), one.role.stats().lost]).toEqual([[{ event: 'epoch_delivered', epochId: 7, acknowledged: 2, sent: 0 }], {}])
    await one.stop()
  })
})
