import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createFakeStore } from '#io/store/fake.ts'
import { type CollectorSetUp, createWorld, naming, submission } from './collector.test-world.ts'
import { createScriptedDialer, type ScriptedLink } from './scripted.test-dialer.ts'

const DIRECT = '/direct'
const RELAYED = '/relayed'

describe('forward', () => {
  let world = createWorld()
  let dialer = createScriptedDialer(DIRECT)
  beforeEach(() => {
    dialer = createScriptedDialer(DIRECT)
  })
  afterEach(() => {
    world.stopping.abort()
    world = createWorld()
  })

  /** A collector that runs, towards the scripted addresses. */
  async function start(options: CollectorSetUp = {}) {
    const one = await world.collector([DIRECT, RELAYED], { dialer, ...options })
    one.start()
    await world.clock.advance(0)
    return one
  }
  const link = (index: number): ScriptedLink => {
    const found = dialer.links[index]
    if (found === undefined) throw new Error(`link ${index} was never opened, only ${dialer.links.length}`)
    return found
  }
  const soon = () => world.clock.advance(0)
  const reported = (event: string) => world.facts.filter((facts) => facts['event'] === event)

  test('what is handed over is sent at once, without waiting for a timer', async () => {
    const one = await start()
    await one.hand(submission(1))
    await soon()
    expect(link(0).sent).toEqual(['p1:N'])
    expect(one.role.stats()).toMatchObject({ inFlight: 1, open: 1, address: DIRECT, linksOpened: 1 })
  })

  test('what is handed over together leaves together, at the same instant: nothing is held back to be sent with more', async () => {
    const one = await start()
    const atMs = world.clock.nowMs()
    const handing = Array.from({ length: 200 }, (_, index) => one.role.handler(submission(index)))
    await world.clock.runUntil(Promise.all(handing), { limitMs: 1_000 })
    await soon()
    expect([link(0).sent.length, world.clock.nowMs() - atMs]).toEqual([200, 0])
  })

  test('deliveries in flight are bounded, and every receipt makes room for the next', async () => {
    const one = await start({ limits: { inFlightMax: 2 } })
    for (const index of [1, 2, 3, 4]) await one.hand(submission(index))
    await soon()
    expect(link(0).sent).toEqual(['p1:N', 'p2:N'])
    link(0).receipt('p2:N', 'accepted')
    await soon()
    expect(link(0).sent).toEqual(['p1:N', 'p2:N', 'p3:N'])
    expect(one.role.stats()).toMatchObject({ inFlight: 2, open: 3 })
  })

  test('with every place in flight taken, what becomes due waits for a receipt', async () => {
    const one = await start({ limits: { inFlightMax: 1, receiptTimeoutMs: 100_000 } })
    dialer.answers = (project) => (project === 'p1:N' ? 'not_ready' : undefined)
    await one.hand(submission(1))
    await soon()
    await one.hand(submission(2))
    await world.clock.advance(5_000)
    expect(link(0).sent).toEqual(['p1:N', 'p2:N'])
    link(0).receipt('p2:N', 'accepted')
    await soon()
    expect(link(0).sent).toEqual(['p1:N', 'p2:N', 'p1:N'])
  })

  test('C9: a submission that could not be taken yet is tried again after pauses that grow, with the reason counted each time', async () => {
    const one = await start({ limits: { retryBackoff: { firstMs: 200, lastMs: 800 }, ageMaxMs: 100_000 } })
    const times: number[] = []
    dialer.answers = () => {
      times.push(world.clock.nowMs())
      return 'inbox_full'
    }
    await one.hand(submission(1))
    await world.clock.runUntil(() => times.length === 6, { limitMs: 10_000 })
    const pauses = times.slice(1).map((atMs, index) => atMs - (times[index] as number))
    for (const [index, fullMs] of [200, 400, 800, 800, 800].entries()) {
      expect(pauses[index]).toBeGreaterThanOrEqual(fullMs / 2)
      expect(pauses[index]).toBeLessThanOrEqual(fullMs)
    }
    // By chance, so that those who were refused together do not return together.
    expect(new Set(pauses.map((pause) => pause / 100)).size).toBeGreaterThan(3)
    expect(new Set(link(0).ids).size).toBe(1)
    expect(one.role.stats()).toMatchObject({ retries: { inbox_full: 6 }, open: 1, inFlight: 0 })
    expect(one.ended()).toBe(0)
    dialer.answers = () => 'accepted'
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 2_000 })
    expect(one.role.stats()).toMatchObject({ endCodes: { accepted: 1 }, open: 0 })
  })

  test('C6: each end is counted once, by its code; what was refused is reported with its id', async () => {
    const one = await start()
    const codes = ['accepted', 'duplicate', 'simulated', 'vote_conflict', 'window_closed'] as const
    for (const [index] of codes.entries()) await one.hand(submission(index))
    await soon()
    const { ids } = link(0)
    for (const [index, code] of codes.entries()) link(0).receipt(`p${index}:N`, code)
    await world.clock.runUntil(() => one.ended() === 5, { limitMs: 1_000 })
    await world.clock.advance(3_000)
    expect(one.role.stats()).toMatchObject({
      open: 0,
      inFlight: 0,
      endings: { acknowledged: 3, sent: 0, rejected: 1, expired: 1 },
      endCodes: { accepted: 1, duplicate: 1, simulated: 1, vote_conflict: 1, window_closed: 1 },
    })
    expect(one.role.stats().retries).toEqual({})
    expect(reported('submission_rejected')).toEqual([
      { event: 'submission_rejected', submissionId: ids[3], code: 'vote_conflict' },
      { event: 'submission_rejected', submissionId: ids[4], code: 'window_closed' },
    ])
  })

  test('C5: what had no receipt when a link died goes over the next one, under the same ids, and the new link is told', async () => {
    const one = await start()
    for (const index of [1, 2]) await one.hand(submission(index))
    await soon()
    link(0).receipt('p1:N', 'accepted')
    await soon()
    link(0).cut()
    await world.clock.runUntil(() => dialer.links.length === 2, { limitMs: 1_000 })
    await soon()
    expect([link(1).sent, link(1).ids]).toEqual([['p2:N'], link(0).ids.slice(1)])
    expect(reported('link_opened')).toHaveLength(2)
    expect(reported('link_ended')).toEqual([{ event: 'link_ended', address: DIRECT, receipts: 1 }])
    expect(one.role.stats()).toMatchObject({ linksOpened: 2, inFlight: 1, endings: { acknowledged: 1 } })
  })

  test('a link that has ended leaves nothing behind: no wait goes on for it, and a stop does not come back to it', async () => {
    const one = await start()
    const before = world.sleeperCount()
    for (let round = 0; round < 10; round += 1) {
      link(round).cut()
      await world.clock.runUntil(() => dialer.links.length === round + 2, { limitMs: 10_000 })
    }
    expect(world.sleeperCount()).toBe(before)
    await one.stop()
    expect(dialer.links.map(({ closeCount }) => closeCount)).toEqual(dialer.links.map(() => 1))
    expect(world.sleeperCount()).toBe(0)
  })

  test('C8: a receipt for a form of the vote that is out of date ends nothing, whatever it says; the newest form goes at once', async () => {
    const one = await start()
    await one.hand(submission(1))
    await soon()
    await one.hand(naming(submission(1), '0f'))
    link(0).receipt('p1:N', 'vote_conflict')
    await soon()
    expect(link(0).sent).toEqual(['p1:N', 'p1:N'])
    expect(link(0).ids[0]).toBe(link(0).ids[1])
    const { open, endCodes, retries } = one.role.stats()
    expect([open, endCodes, retries]).toEqual([1, {}, {}])
    link(0).receipt('p1:N', 'accepted')
    await soon()
    expect(one.role.stats()).toMatchObject({ open: 0, endCodes: { accepted: 1 } })
  })

  test('C9: links that end before any receipt are not made again at once, and ever later', async () => {
    const one = await start({ limits: { dialBackoff: { firstMs: 1_000, lastMs: 8_000 } } })
    const times: number[] = []
    for (let round = 0; round < 4; round += 1) {
      link(round).cut()
      await world.clock.runUntil(() => dialer.links.length === round + 2, { limitMs: 10_000 })
      times.push(world.clock.nowMs())
    }
    const pauses = times.slice(1).map((atMs, index) => atMs - (times[index] as number))
    for (const [index, fullMs] of [2_000, 4_000, 8_000].entries()) {
      expect(pauses[index]).toBeGreaterThanOrEqual(fullMs / 2)
      expect(pauses[index]).toBeLessThanOrEqual(fullMs)
    }
    // One receipt, and a link that ends is a link that worked: it is made again at once.
    await one.hand(submission(1))
    await soon()
    link(4).receipt('p1:N', 'accepted')
    await soon()
    link(4).cut()
    await soon()
    expect(dialer.links).toHaveLength(6)
  })

  test('C7: a better address takes over first; the old link lives until its last receipt, and gets nothing new', async () => {
    dialer.up.clear()
    dialer.up.add(RELAYED)
    const one = await start({ limits: { improveIntervalMs: 10_000, receiptTimeoutMs: 60_000 } })
    expect(one.role.stats().address).toBe(RELAYED)
    for (const index of [1, 2]) await one.hand(submission(index))
    await soon()
    dialer.up.add(DIRECT)
    await world.clock.advance(10_000)
    expect(one.role.stats()).toMatchObject({ address: DIRECT, inFlight: 2, linksOpened: 2 })
    await one.hand(submission(3))
    await soon()
    expect([link(0).sent, link(1).sent]).toEqual([['p1:N', 'p2:N'], ['p3:N']])
    link(0).receipt('p1:N', 'accepted')
    await soon()
    expect(link(0).isClosed).toBe(false)
    link(0).receipt('p2:N', 'accepted')
    await soon()
    expect([link(0).isClosed, link(1).isClosed]).toEqual([true, false])
    expect(one.role.stats()).toMatchObject({ endCodes: { accepted: 2 }, inFlight: 1, open: 1 })
    // The best address is in use: nothing else is dialed any more.
    const dials = dialer.dialed.length
    link(1).receipt('p3:N', 'accepted')
    await world.clock.advance(50_000)
    expect(dialer.dialed).toHaveLength(dials)
  })

  test('C7: deliveries in flight are bounded over the old link and the new one together', async () => {
    dialer.up.clear()
    dialer.up.add(RELAYED)
    const one = await start({ limits: { improveIntervalMs: 1_000, inFlightMax: 3, receiptTimeoutMs: 60_000 } })
    for (const index of [1, 2]) await one.hand(submission(index))
    await soon()
    dialer.up.add(DIRECT)
    await world.clock.advance(1_000)
    for (const index of [3, 4, 5]) await one.hand(submission(index))
    await soon()
    expect([link(0).sent, link(1).sent]).toEqual([['p1:N', 'p2:N'], ['p3:N']])
    link(0).receipt('p1:N', 'accepted')
    await soon()
    expect(link(1).sent).toEqual(['p3:N', 'p4:N'])
  })

  test.each([
    ['the link in use dies', DIRECT],
    ['the stop comes', undefined],
  ])('C7: a better link that is made while %s is used or closed, never left open', async (what, address) => {
    const slow = Promise.withResolvers<void>()
    dialer.up.clear()
    dialer.up.add(RELAYED)
    const inner = dialer
    const patient = {
      dial: async (to: string, signal: AbortSignal) => {
        if (to === DIRECT && inner.up.has(DIRECT)) await slow.promise
        return inner.dial(to, signal)
      },
    }
    const one = await start({ dialer: patient, limits: { improveIntervalMs: 1_000 } })
    dialer.up.add(DIRECT)
    await world.clock.advance(1_000)
    const stopped = what === 'the stop comes' ? one.stop() : undefined
    if (stopped === undefined) link(0).cut()
    await soon()
    slow.resolve()
    await stopped
    await soon()
    expect(one.role.stats().address).toBe(address)
    await one.stop()
    expect(dialer.links.map((each) => [each.address, each.isClosed])).toEqual([
      [RELAYED, true],
      [DIRECT, true],
    ])
  })

  test('C7, C9: to have found a better address is no failure: the pause after it starts anew', async () => {
    dialer.up.clear()
    dialer.up.add(RELAYED)
    await start({ limits: { improveIntervalMs: 1_000, dialBackoff: { firstMs: 1_000, lastMs: 8_000 } } })
    dialer.up.add(DIRECT)
    await world.clock.advance(1_000)
    link(1).cut()
    await world.clock.runUntil(() => dialer.links.length === 3, { limitMs: 1_000 })
  })

  test('C7: an old link with nothing on it is closed at once, and back to the relay it goes when the direct way is lost', async () => {
    dialer.up.clear()
    dialer.up.add(RELAYED)
    const one = await start({ limits: { improveIntervalMs: 10_000 } })
    dialer.up.add(DIRECT)
    await world.clock.advance(10_000)
    expect([link(0).isClosed, one.role.stats().address]).toEqual([true, DIRECT])
    dialer.up.delete(DIRECT)
    link(1).cut()
    await soon()
    expect(one.role.stats().address).toBeUndefined()
    await world.clock.advance(2_000)
    expect(one.role.stats().address).toBe(RELAYED)
    await one.hand(submission(1))
    await soon()
    expect(link(2).sent).toEqual(['p1:N'])
  })

  test('C7, C9: an old link that never gives its last receipt is closed too, and what it owes goes over the new one', async () => {
    dialer.up.clear()
    dialer.up.add(RELAYED)
    const one = await start({ limits: { improveIntervalMs: 1_000, receiptTimeoutMs: 5_000 } })
    await one.hand(submission(1))
    await soon()
    dialer.up.add(DIRECT)
    await world.clock.advance(1_000)
    expect(one.role.stats()).toMatchObject({ address: DIRECT, inFlight: 1 })
    await world.clock.advance(10_000)
    expect(link(0).isClosed).toBe(true)
    expect(link(1).sent).toEqual(['p1:N'])
  })

  test('C9: a link is silent only when deliveries wait on it and no receipt at all comes', async () => {
    const one = await start({ limits: { receiptTimeoutMs: 5_000, ageMaxMs: 1_000_000 } })
    // Nothing waits.
    await world.clock.advance(30_000)
    expect(dialer.links).toHaveLength(1)
    // One waits for ever, but receipts for others come.
    await one.hand(submission(0))
    for (let index = 1; index < 10; index += 1) {
      await one.hand(submission(index))
      await world.clock.advance(2_000)
      link(0).receipt(`p${index}:N`, 'accepted')
      await world.clock.advance(2_000)
    }
    expect(dialer.links).toHaveLength(1)
    expect(reported('link_silent')).toEqual([])
    await world.clock.runUntil(() => dialer.links.length === 2, { limitMs: 12_000 })
    expect(reported('link_silent')).toEqual([{ event: 'link_silent', address: DIRECT, waitedMs: 5_000 }])
    await soon()
    expect(link(1).sent).toEqual(['p0:N'])
  })

  test('C9: a delivery has the whole time-out for its receipt', async () => {
    const one = await start({ limits: { receiptTimeoutMs: 5_000 } })
    await world.clock.advance(4_000)
    await one.hand(submission(1))
    await world.clock.advance(4_999)
    expect(link(0).waiting()).toEqual(['p1:N'])
    link(0).receipt('p1:N', 'accepted')
    await soon()
    expect(one.ended()).toBe(1)
  })

  test('C16: a relay that takes everything and drops it is left for the other, and not tried first again until it was given time', async () => {
    dialer.up.add(RELAYED)
    dialer.answers = (_, address) => (address === RELAYED ? 'accepted' : undefined)
    const one = await start({ limits: { receiptTimeoutMs: 15_000, improveIntervalMs: 30_000, ageMaxMs: 1_000_000 } })
    await one.hand(submission(1))
    await world.clock.advance(14_999)
    expect(dialer.links.map(({ address }) => address)).toEqual([DIRECT])
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 16_000 })
    expect(dialer.links.map(({ address }) => address)).toEqual([DIRECT, RELAYED])
    await world.clock.advance(59_000)
    expect(one.role.stats().address).toBe(RELAYED)
    // It is better on paper, and has its next chance.
    await world.clock.advance(31_000)
    expect(one.role.stats().address).toBe(DIRECT)
  })

  test('C16: a relay that cuts every link before the first receipt is left for the other', async () => {
    dialer.up.add(RELAYED)
    dialer.answers = (_, address) => (address === RELAYED ? 'accepted' : undefined)
    const one = await start()
    await one.hand(submission(1))
    await soon()
    link(0).cut()
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 3_000 })
    expect(dialer.links.map(({ address }) => address)).toEqual([DIRECT, RELAYED])
  })

  test('C16: a relay that is about to stop is left before it does: the other way is there first, and nothing is sent twice', async () => {
    dialer.up.add(RELAYED)
    const one = await start()
    await one.hand(submission(1))
    await soon()
    link(0).leave()
    await soon()
    expect(one.role.stats().address).toBe(RELAYED)
    await one.hand(submission(2))
    await soon()
    expect([link(0).sent, link(1).sent, link(0).isClosed]).toEqual([['p1:N'], ['p2:N'], false])
    link(0).receipt('p1:N', 'accepted')
    await soon()
    expect(link(0).isClosed).toBe(true)
  })

  test('C10: a link that fails never ends the role; a disk that fails does, closes its links and acknowledges nothing more', async () => {
    const one = await start()
    for (const index of [1, 2]) await one.hand(submission(index))
    for (let round = 0; round < 5; round += 1) {
      await world.clock.runUntil(() => dialer.links.length === round + 1, { limitMs: 10_000 })
      await soon()
      link(round).cut()
    }
    await world.clock.runUntil(() => dialer.links.length === 6, { limitMs: 10_000 })
    await soon()
    one.store.breakDisk()
    link(5).receipt('p1:N', 'accepted')
    await soon()
    expect(link(5).isClosed).toBe(true)
    expect(one.ended()).toBe(0)
    await expect(one.stop()).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(one.hand(submission(3))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    // The end was not durable: after a restart both go on.
    const again = await world.collector([], { store: one.store.crash() })
    expect(again.role.stats().open).toBe(2)
  })

  test('C10: a dialer that fails in a way of its own ends the role with that failure', async () => {
    dialer.failure = new TypeError('a bug')
    const one = await start()
    await expect(one.stop()).rejects.toThrow('a bug')
  })

  test('C10: a failure while a better address is looked for ends the role too', async () => {
    dialer.up.clear()
    dialer.up.add(RELAYED)
    const one = await start({ limits: { improveIntervalMs: 1_000 } })
    dialer.failure = new TypeError('a bug')
    await world.clock.advance(1_000)
    expect(link(0).isClosed).toBe(true)
    await expect(one.stop()).rejects.toThrow('a bug')
  })

  test('G1, C3: a stop closes every link, waits for what reaches the disk, and keeps the rest for the next start', async () => {
    const one = await start()
    for (const index of [1, 2, 3]) await one.hand(submission(index))
    await soon()
    const { ids } = link(0)
    // Its receipt is there, its end is not yet on disk.
    link(0).receipt('p1:N', 'accepted')
    await one.stop()
    expect(link(0).isClosed).toBe(true)
    expect(one.role.stats()).toMatchObject({ open: 2, inFlight: 0, address: undefined, endings: { acknowledged: 1 } })
    const store = createFakeStore()
    await store.commit(one.store.crash().scan('out'))
    await start({ store })
    await soon()
    expect([link(1).sent, link(1).ids]).toEqual([['p2:N', 'p3:N'], ids.slice(1)])
  })

  test('G1: when a stop is over, every end that was under way is on disk', async () => {
    const leaving = new AbortController()
    const store = createFakeStore()
    const { role } = await world.collector([DIRECT], { store, dialer })
    const found = role.run(leaving.signal).then(() => store.crash().scan('out'))
    await soon()
    await world.clock.runUntil(role.handler(submission(1)), { limitMs: 1_000 })
    await soon()
    link(0).receipt('p1:N', 'accepted')
    for (let step = 0; step < 20; step += 1) await Promise.resolve()
    leaving.abort()
    const [entry] = await world.clock.runUntil(found, { limitMs: 1_000 })
    expect(new TextDecoder().decode(entry?.value)).toContain('"state":"acknowledged"')
  })

  test('a stop closes the old link that waits for its last receipt, and a better one that was just found', async () => {
    dialer.up.clear()
    dialer.up.add(RELAYED)
    const one = await start({ limits: { improveIntervalMs: 1_000 } })
    await one.hand(submission(1))
    await soon()
    dialer.up.add(DIRECT)
    await world.clock.advance(1_000)
    await one.hand(submission(2))
    await soon()
    await one.stop()
    expect(dialer.links.map(({ isClosed }) => isClosed)).toEqual([true, true])
    expect(one.role.stats()).toMatchObject({ open: 2, inFlight: 0 })
  })

  test('a link that was dialed while the stop came is closed', async () => {
    const slow = Promise.withResolvers<void>()
    const inner = dialer
    const patient = {
      dial: async (address: string, signal: AbortSignal) => {
        await slow.promise
        return inner.dial(address, signal)
      },
    }
    const one = await world.collector([DIRECT], { dialer: patient })
    one.start()
    await soon()
    const stopped = one.stop()
    slow.resolve()
    await stopped
    expect(dialer.links.map(({ isClosed }) => isClosed)).toEqual([true])
  })

  test('C6: what gets too old without any link ends with its reason, and is not sent when one comes', async () => {
    dialer.up.clear()
    const one = await start({ limits: { ageMaxMs: 3_000 } })
    await one.hand(submission(1))
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 5_000 })
    await one.hand(submission(2))
    dialer.up.add(DIRECT)
    await world.clock.runUntil(() => dialer.links.length === 1, { limitMs: 5_000 })
    await soon()
    expect(link(0).sent).toEqual(['p2:N'])
    expect(one.role.stats()).toMatchObject({ open: 1, endings: { expired: 1 }, endCodes: { too_old: 1 } })
  })

  test('C6: what is in flight is not given up for its age: its receipt ends it, once', async () => {
    const one = await start({ limits: { ageMaxMs: 2_000, receiptTimeoutMs: 60_000 } })
    await one.hand(submission(1))
    await world.clock.advance(5_000)
    expect(one.ended()).toBe(0)
    link(0).receipt('p1:N', 'accepted')
    await world.clock.advance(5_000)
    expect(one.role.stats()).toMatchObject({ endings: { acknowledged: 1, expired: 0 }, endCodes: { accepted: 1 } })
  })

  test('C10: a disk that fails while the old are given up ends the role, counts no end, and closes the links', async () => {
    dialer.answers = () => 'not_ready'
    const one = await start({ limits: { ageMaxMs: 2_000, retryBackoff: { firstMs: 60_000, lastMs: 60_000 } } })
    await one.hand(submission(1))
    await soon()
    one.store.breakDisk()
    await world.clock.advance(4_000)
    expect(link(0).isClosed).toBe(true)
    expect(one.ended()).toBe(0)
    await expect(one.stop()).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect((await world.collector([], { store: one.store.crash() })).role.stats().open).toBe(1)
  })

  test('readings of the counters do not change afterwards', async () => {
    const one = await start()
    const before = one.role.stats()
    await one.hand(submission(1))
    await soon()
    link(0).receipt('p1:N', 'accepted')
    await soon()
    expect(before).toMatchObject({ handedOver: { new: 0 }, endings: { acknowledged: 0 } })
    expect(before.endCodes).toEqual({})
    expect(one.role.stats()).toMatchObject({ handedOver: { new: 1 }, endings: { acknowledged: 1 }, endCodes: { accepted: 1 } })
  })
})
