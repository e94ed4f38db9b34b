import { describe, expect, test } from 'vitest'
import type { BlockRef } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createHeadWatch } from './head-watch.ts'
import { createScriptedNode, headerOf, hex, refuse } from './scripted.test-node.ts'

const EVERY_MS = 500

/** A node whose blocks come by the clock, from second 0 on, and somebody who watches. */
function open({ periodMs, lateMs: lateAtFirstMs = 0 }: { readonly periodMs: number; readonly lateMs?: number }) {
  const clock = createVirtualClock({ startMs: 0 })
  const askedMs: number[] = []
  let isUp = true
  let lateMs = lateAtFirstMs
  const node = createScriptedNode({
    eth_getBlockByNumber() {
      askedMs.push(clock.nowMs())
      if (!isUp) return refuse(-32_000, 'down')
      const number = Math.floor((clock.nowMs() - lateMs) / periodMs) + 1
      return { ...headerOf(number), timestamp: hex(Math.floor((number * periodMs) / 1_000)) }
    },
  })
  const watch = createHeadWatch(node.rpc, clock)
  const stop = new AbortController()
  return {
    ...{ clock, watch, askedMs, stop },
    setUp(up: boolean): void {
      isUp = up
    },
    /** From now on blocks come so long after their time. */
    setLate(ms: number): void {
      lateMs = ms
    },
    /** How long it was there already. */
    delayMs: ({ number }: BlockRef): number => clock.nowMs() - lateMs - (number - 1) * periodMs,
    wait: (seen: BlockRef, everyMs = EVERY_MS) => watch.after(seen, { everyMs, signal: stop.signal }),
  }
}

test('the head as it is now is asked for once for all who ask meanwhile, and anew for whoever comes later', async () => {
  const { watch, askedMs, clock } = open({ periodMs: 2_000 })
  const [one, other] = await Promise.all([watch.head(), watch.head()])
  expect(other).toBe(one)
  expect(askedMs).toEqual([0])
  await clock.advance(2_000)
  expect((await watch.head()).number).toBe(one.number + 1)
})

describe('another head', () => {
  test('is asked for once for all who wait for it, and they learn of it at one moment', async () => {
    const { watch, wait, askedMs, clock } = open({ periodMs: 2_000 })
    const seen = await watch.head()
    const turns: number[] = []
    let turn = 0
    const waiting = [1, 2, 3].map(async () => {
      const head = await wait(seen)
      turns.push(turn)
      queueMicrotask(() => {
        turn += 1
      })
      return head?.number
    })
    expect(await clock.runUntil(Promise.all(waiting), { limitMs: 10_000 })).toEqual([2, 2, 2])
    expect(turns).toEqual([0, 0, 0])
    expect(askedMs).toEqual([0, 500, 1_000, 1_500, 2_000])
  })

  test('that another one has learned of is known, without a question', async () => {
    const { watch, wait, askedMs, clock } = open({ periodMs: 2_000 })
    const seen = await watch.head()
    await clock.advance(2_000)
    const newer = await watch.head()
    expect(await wait(seen)).toEqual(newer)
    expect(askedMs).toEqual([0, 2_000])
  })

  test('that is asked for meanwhile ends the waiting', async () => {
    const { watch, wait, clock } = open({ periodMs: 2_000 })
    const waiting = wait(await watch.head(), 60_000)
    await clock.advance(2_000)
    const newer = await watch.head()
    expect(await waiting).toEqual(newer)
  })

  test('is asked for as often as whoever is in the greatest hurry wants it', async () => {
    const { watch, wait, askedMs, clock } = open({ periodMs: 2_000 })
    const seen = await watch.head()
    const patient = wait(seen, 60_000)
    await clock.advance(700)
    const hurried = wait(seen, 100)
    await clock.runUntil(Promise.all([patient, hurried]), { limitMs: 10_000 })
    expect(askedMs.slice(0, 4)).toEqual([0, 700, 800, 900])
    expect(clock.nowMs()).toBe(2_000)
  })

  test('is not known where nobody answers: all who wait are told that, and may ask', async () => {
    const { watch, wait, setUp, clock } = open({ periodMs: 2_000 })
    const seen = await watch.head()
    setUp(false)
    const waiting = [wait(seen), wait(seen)]
    expect(await clock.runUntil(Promise.all(waiting), { limitMs: 10_000 })).toEqual([undefined, undefined])
    expect(clock.nowMs()).toBe(EVERY_MS)
    setUp(true)
    const again = wait(seen)
    expect((await clock.runUntil(again, { limitMs: 10_000 }))?.number).toBe(2)
  })

  test('is waited for no longer than the signal says, and then nobody asks', async () => {
    const { watch, wait, stop, askedMs, clock } = open({ periodMs: 2_000 })
    const waiting = wait(await watch.head())
    await clock.advance(100)
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await clock.advance(60_000)
    expect(askedMs).toEqual([0])
  })
})

describe('of a chain that makes blocks by the clock', () => {
  /** So long that the beat is known, and no head from before it was begins the count. */
  const KNOWN_AFTER = 40

  /** Every block from now on up to that number: how long each was there when it was seen. */
  async function follow({ watch, wait, clock, delayMs }: ReturnType<typeof open>, last: number): Promise<number[]> {
    const delaysMs: number[] = []
    for (let seen = await watch.head(); seen.number < last; ) {
      seen = (await clock.runUntil(wait(seen), { limitMs: 60_000 })) as BlockRef
      delaysMs.push(delayMs(seen))
    }
    return delaysMs
  }

  test.each([2_000, 12_000])(
    'each of %i ms, the next is asked for once when it is there, of one in four also when it may be, and seen as soon as ever',
    async (periodMs) => {
      const world = open({ periodMs, lateMs: 730 })
      await world.clock.advance(730)
      expect(Math.max(...(await follow(world, KNOWN_AFTER)))).toBeLessThanOrEqual(EVERY_MS)
      world.askedMs.splice(0)
      expect(Math.max(...(await follow(world, 2 * KNOWN_AFTER)))).toBeLessThanOrEqual(EVERY_MS)
      // The first question is of whoever begins to follow.
      expect(world.askedMs.length - 1).toBeLessThanOrEqual((1 + 1 / 4) * KNOWN_AFTER)
    },
  )

  test.each([100, 600, 1_200])('of which each begins to come %i ms sooner, four at most are seen later for that', async (soonerMs) => {
    const world = open({ periodMs: 2_000, lateMs: 1_330 })
    await world.clock.advance(1_330)
    await follow(world, KNOWN_AFTER)
    world.setLate(1_330 - soonerMs)
    const isLate = (delayMs: number): boolean => delayMs > EVERY_MS
    const delaysMs = await follow(world, 2 * KNOWN_AFTER)
    expect(delaysMs.filter(isLate).length).toBeLessThanOrEqual(4)
    expect(delaysMs.slice(5).filter(isLate)).toEqual([])
    expect(Math.max(...delaysMs)).toBeLessThanOrEqual(EVERY_MS + soonerMs)
  })

  test('of which each begins to come later, none is seen later for that, and the beat goes on from there', async () => {
    const world = open({ periodMs: 2_000, lateMs: 330 })
    await world.clock.advance(330)
    await follow(world, KNOWN_AFTER)
    world.setLate(1_130)
    expect(Math.max(...(await follow(world, 2 * KNOWN_AFTER)))).toBeLessThanOrEqual(EVERY_MS)
    world.askedMs.splice(0)
    await follow(world, 3 * KNOWN_AFTER)
    expect(world.askedMs.length - 1).toBeLessThanOrEqual((1 + 1 / 4) * KNOWN_AFTER)
  })
})
