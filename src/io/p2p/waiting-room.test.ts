import { describe, expect, test } from 'vitest'
import type { Sender } from '#domain/standing.ts'
import { createWaitingRoom, type Lack } from './waiting-room.ts'

/** A lane that has places, which each stream takes one of. */
function open() {
  let [places, looks] = [0, 0]
  const taken: string[] = []
  const timers: (() => void)[] = []
  const room = createWaitingRoom({
    lackOf({ peer }): Lack | undefined {
      looks += 1
      if (peer.startsWith('poor')) return { line: 'tokens', forMs: 5 }
      return places > 0 ? undefined : { line: 'lane' }
    },
    later: (_durationMs, action) => void timers.push(action),
  })
  const senderOf = (peer: string): Sender => ({ peer, address: undefined })
  return {
    room,
    taken,
    timers,
    lookCount: () => looks,
    give(count: number) {
      places += count
    },
    /** A stream that has so many deliveries. */
    stream(peer: string, deliveries = 1) {
      let left = deliveries
      function drain(): void {
        while (left > 0 && room.isOpenTo(senderOf(peer), 0, drain)) {
          left -= 1
          places -= 1
          taken.push(peer)
        }
      }
      drain()
    },
  }
}

describe('S35: a line', () => {
  test('is asked no further than there is of what it waits for, however many stand in it and with however many streams', () => {
    const { room, taken, lookCount, give, stream } = open()
    for (let peer = 0; peer < 1_000; peer += 1) for (let streams = 0; streams < 20; streams += 1) stream(`p${peer}`)
    expect(lookCount()).toBe(1_000)
    give(30)
    room.ring('lane')
    expect([taken.length, lookCount() - 1_000]).toEqual([30, 30 + 30 + 1])
  })

  test('keeps the place of one that is asked out of turn and lacks the same again, whatever that gave it', () => {
    const { room, taken, give, stream } = open()
    for (const peer of ['a', 'b', 'c']) stream(peer, 5)
    room.recall('a')
    give(1)
    room.recall('b')
    give(3)
    room.ring('lane')
    expect(taken.join(' ')).toBe('b a a a')
    give(1)
    room.ring('lane')
    expect(taken.join(' ')).toBe('b a a a b')
  })

  test('has who had its turn, and lacks the same again, at its end', () => {
    const { room, taken, give, stream } = open()
    for (const peer of ['a', 'b', 'c']) stream(peer, 5)
    for (let places = 0; places < 5; places += 1) {
      give(1)
      room.ring('lane')
    }
    expect(taken.join(' ')).toBe('a b c a b')
  })

  test('that has nothing for its first keeps it first', () => {
    const { room, taken, give, stream } = open()
    for (const peer of ['a', 'b']) stream(peer)
    room.ring('lane')
    give(1)
    room.ring('lane')
    expect(taken).toEqual(['a'])
  })

  test('has one timer, whoever comes to stand in it, and one more each time that it was not enough', () => {
    const { timers, stream } = open()
    for (let peer = 0; peer < 100; peer += 1) stream(`poor ${peer}`, 3)
    expect(timers).toHaveLength(1)
    timers[0]?.()
    expect(timers).toHaveLength(2)
  })

  test('is left by who is called from it, which goes on where it can', () => {
    const { room, taken, give, stream } = open()
    for (const peer of ['a', 'b']) stream(peer)
    give(1)
    room.recall('b')
    room.recall('nobody')
    expect([taken, room.isWaitedFor('lane'), room.isWaitedFor('tokens')]).toEqual([['b'], true, false])
    give(1)
    room.ring('lane')
    expect([taken, room.isWaitedFor('lane')]).toEqual([['b', 'a'], false])
  })
})
