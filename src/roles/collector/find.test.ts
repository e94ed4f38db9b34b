import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { FoundPeer } from '#io/p2p/port.ts'
import { createFinding, type Meeting } from './find.ts'

const GIVEN = ['/direct']
const peer = (peerId: string, number: number, ...addresses: string[]): FoundPeer => ({ peerId, number: BigInt(number), addresses })

/** Places that say what the test lets them; nothing for one that is down. */
function setUp(change: Partial<Meeting> = {}) {
  const clock = createVirtualClock()
  const said = new Map<string, readonly FoundPeer[]>()
  const asked: [place: string, point: string, atMs: number][] = []
  const events: unknown[] = []
  const startMs = clock.nowMs()
  const rendezvous: Meeting['rendezvous'] = {
    async discover(place, point) {
      asked.push([place, point, clock.nowMs() - startMs])
      const found = said.get(place)
      if (found === undefined) throw new WeftError('LINK_FAILED', { address: place, detail: 'down' })
      return found
    },
  }
  const meeting: Meeting = { rendezvous, places: ['/one', '/two'], point: 'market', peers: ['seq'], ...change }
  const report = (event: string, facts: object) => void events.push({ event, ...facts })
  const finding = createFinding(GIVEN, meeting, { clock, report })
  const stopping = new AbortController()
  return { clock, said, asked, events, finding, stopping, start: () => finding.run(stopping.signal) }
}

describe('C15: finding', () => {
  test('adds what a known peer says of itself, after what was given, and once', async () => {
    const { said, finding, clock, start, events, asked } = setUp()
    said.set('/one', [peer('seq', 1, '/direct', '/relayed')])
    said.set('/two', [peer('seq', 1, '/relayed')])
    void start()
    await clock.advance(0)
    expect(finding.addresses()).toEqual(['/direct', '/relayed'])
    expect(events).toEqual([{ event: 'sequencers_found', point: 'market', addresses: 1 }])
    await clock.advance(60_000)
    expect(asked).toEqual([
      ['/one', 'market', 0],
      ['/two', 'market', 0],
      ['/one', 'market', 60_000],
      ['/two', 'market', 60_000],
    ])
    expect(events).toHaveLength(1)
  })

  test('G11: believes nobody whom settings and chain do not name, whatever he registers', async () => {
    const { said, finding, clock, start } = setUp()
    said.set('/one', [peer('stranger', 9, '/trap')])
    said.set('/two', [])
    void start()
    await clock.advance(0)
    expect(finding.addresses()).toEqual(GIVEN)
  })

  test('believes the newer of two records, wherever the older is shown again', async () => {
    const { said, finding, clock, start } = setUp()
    said.set('/one', [peer('seq', 2, '/new')])
    said.set('/two', [peer('seq', 1, '/old')])
    void start()
    await clock.advance(0)
    expect(finding.addresses()).toEqual(['/direct', '/new'])
    said.set('/two', [peer('seq', 3, '/newest')])
    await clock.advance(60_000)
    expect(finding.addresses()).toEqual(['/direct', '/newest'])
    said.set('/one', [])
    said.set('/two', [])
    await clock.advance(60_000)
    expect(finding.addresses()).toEqual(['/direct', '/newest'])
  })

  test('G12: asks again soon while nothing is found, and a place that is down stops nobody', async () => {
    const { said, finding, clock, start, events } = setUp()
    void start()
    await clock.advance(3_999)
    expect(events).toHaveLength(4)
    expect(events[0]).toEqual({ event: 'rendezvous_failed', place: '/one', detail: 'down' })
    said.set('/two', [peer('seq', 1, '/relayed')])
    await clock.advance(1)
    expect(finding.addresses()).toEqual(['/direct', '/relayed'])
  })

  test('G7: takes up so many addresses and no more', async () => {
    const { said, finding, clock, start } = setUp()
    const many = Array.from({ length: 1_000 }, (_, index) => `/address ${index}`)
    said.set('/one', [peer('seq', 1, ...many)])
    void start()
    await clock.advance(0)
    expect(finding.addresses()).toHaveLength(65)
  })

  test('ends with the role, and does nothing where there is no place to ask', async () => {
    const { start, stopping, clock } = setUp()
    const running = start()
    await clock.advance(100)
    stopping.abort()
    await clock.runUntil(running, { limitMs: 0 })
    const alone = createFinding(GIVEN, undefined, { clock, report: () => undefined })
    await alone.run(new AbortController().signal)
    expect(alone.addresses()).toBe(GIVEN)
  })

  test('a failure of our own ends it', async () => {
    const rendezvous = { discover: () => Promise.reject(new TypeError('a bug')) }
    await expect(setUp({ rendezvous }).start()).rejects.toThrow('a bug')
  })
})
