import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFairQueue, type Lane, type Load, type Place, type Placed, type Step } from './fair-queue.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

function open() {
  const queue = createFairQueue<Placed & { readonly name: string }>()
  /** `a1 a2 b1` puts three items into the lines of two holders. */
  const push = (items: string, terms: Partial<Placed> = {}): void => {
    for (const name of items.split(' ')) {
      const holder = name[0] as string
      queue.push(holder, { name, lane: 'other', party: holder, cost: 1, weight: 1, bytes: 100, ...terms })
    }
  }
  const take = (lengthMax: number, otherCostMax = 1_000, knownTurnMax = 1, otherLengthMin = 1): string =>
    queue
      .take({ lengthMax, otherCostMax, otherLengthMin, knownTurnMax })
      .map(({ name }) => name)
      .join(' ')
  return { queue, push, take }
}

describe('within a lane', () => {
  test('G11: holders take turns, whoever came first and with however many', () => {
    const { push, take } = open()
    push('a1 a2 a3 a4 a5 a6')
    push('b1 b2 c1')
    expect(take(100)).toBe('a1 b1 c1 a2 b2 a3 a4 a5 a6')
  })

  test('G11: who comes last waits for one item of each holder, not for all that wait', () => {
    const { push, take } = open()
    push('a1 a2 a3 a4 a5 b1 b2 b3 b4')
    expect(take(4)).toBe('a1 b1 a2 b2')
    push('n1')
    expect(take(100).split(' ').indexOf('n1')).toBeLessThan(3)
  })

  test('G11: an item that costs more makes its holder wait longer for the next turn', () => {
    const { push, take } = open()
    push('a1 a2', { cost: 4 })
    push('b1 b2 b3 b4 b5 b6')
    expect(take(100)).toBe('a1 b1 b2 b3 b4 a2 b5 b6')
  })

  test('a holder of twice the weight has twice as many turns', () => {
    const { push, take } = open()
    push('a1 a2 a3 a4 a5 a6', { weight: 2 })
    push('b1 b2 b3')
    expect(
      take(6)
        .split(' ')
        .filter((item) => item.startsWith('a')),
    ).toHaveLength(4)
  })

  test('G11: sending one by one is no way round: what was dear is paid for although the line was empty in between', () => {
    const { push, take } = open()
    push('b1 b2 b3 b4 b5 b6')
    push('a1', { cost: 4 })
    expect(take(2)).toBe('b1 a1')
    push('a2', { cost: 4 })
    expect(take(4)).toBe('b2 b3 b4 a2')
    expect(take(2)).toBe('b5 b6')
  })
})

describe('a party', () => {
  test('S35, G11: has one turn between its holders, however many, and they take turns in it', () => {
    const { push, take } = open()
    push('a1 a2 a3 b1 c1', { party: 'x' })
    push('n1 n2 n3 n4')
    expect(take(100)).toBe('a1 n1 b1 n2 c1 n3 a2 n4 a3')
  })

  test('S35, G11: pays for all of its holders: one that comes new to it owes what the others cost', () => {
    const { push, take } = open()
    push('n1 n2 n3 n4')
    push('a1', { party: 'x', cost: 4 })
    expect(take(2)).toBe('n1 a1')
    push('b1', { party: 'x' })
    expect(take(4)).toBe('n2 n3 n4 b1')
  })

  test('S35: loses no more than what waits of the holder that leaves it', () => {
    const { queue, push, take } = open()
    push('a1 b1 a2 b2', { party: 'x' })
    queue.move('a', { lane: 'known', party: 'a' })
    queue.move('nobody', { lane: 'known', party: 'nobody' })
    expect([queue.load('known').length, queue.load('other').length, queue.loadOfParty({ lane: 'other', party: 'x' }).length]).toEqual([
      2, 2, 2,
    ])
    expect(take(3, 1)).toBe('a1 a2 b1')
    queue.move('b', { lane: 'known', party: 'b' })
    expect([queue.loadOfParty({ lane: 'other', party: 'x' }).length, take(3)]).toEqual([0, 'b2'])
    push('c1', { party: 'x' })
    expect(take(3)).toBe('c1')
  })
})

/** Four of the known send very much, of whom two have had their turn of three; then came one of another. */
function openBusy() {
  const { push, take } = open()
  for (const holder of 'abcd') push(Array.from({ length: 9 }, (_, index) => `${holder}${index}`).join(' '), { lane: 'known' })
  expect(take(6, 1, 3)).toBe('a0 a1 a2 b0 b1 b2')
  push('n1', { lane: 'known' })
  expect(take(1, 1, 3)).toBe('n1')
  return { push, take }
}

describe('between the lanes', () => {
  test('G11: the known go first, and of the others some go with each step', () => {
    const { push, take } = open()
    push('a1 a2 a3 a4')
    push('k1 k2 k3 k4 k5', { lane: 'known' })
    expect(take(4, 2)).toBe('k1 k2 k3 a1')
    expect(take(4, 2)).toBe('k4 k5 a2 a3')
    expect(take(4, 2)).toBe('a4')
    expect(take(4, 2)).toBe('')
  })

  test('G11: some places are theirs however many of the known wait: who is new becomes known though there is more than can be done', () => {
    const { push, take } = open()
    push('k1 k2 k3 k4 k5 k6 k7 k8', { lane: 'known' })
    push('a1 a2 a3')
    expect([take(5, 10, 1, 2), take(5, 10, 1, 2)]).toEqual(['k1 k2 k3 a1 a2', 'k4 k5 k6 k7 a3'])
  })

  test('G11: of the others goes what the step has for them, and one at least, however dear', () => {
    const { push, take } = open()
    push('a1 b1 c1 d1', { cost: 8 })
    expect([take(10, 16), take(10, 4), take(10, 4)]).toEqual(['a1 b1', 'c1', 'd1'])
  })

  test('S35, G11: of those with few turns a step has little, and they hold up nobody behind them; each of them goes in the end', () => {
    const { push, take } = open()
    const slow = 'abcdefgh'.split('').flatMap((holder) => [`${holder}1`, `${holder}2`])
    push(slow.join(' '), { weight: 1 / 16 })
    push('n1 n2 n3')
    push('m1', { cost: 40 })
    expect(take(20, 32)).toBe('n1 m1 a1 b1')
    push('k1 k2 k3 k4 k5', { lane: 'known' })
    expect(take(5, 32, 1, 3)).toBe('k1 k2 n2 n3 c1')
    const rest = Array.from({ length: 7 }, () => take(20, 32).replace(/k./g, '').trim())
    expect(rest).toEqual(['d1 e1', 'f1 g1', 'h1 a2', 'b2 c2', 'd2 e2', 'f2 g2', 'h2'])
  })

  test('S35, G11: keep no place for slow ones that are gone, by their turns or to the known', () => {
    const { queue, push, take } = open()
    push('a1 b1', { party: 'x', weight: 1 / 16 })
    push('c1', { weight: 1 / 16 })
    queue.move('c', { lane: 'known', party: 'c' })
    expect(take(9, 32)).toBe('c1 a1 b1')
    push('n1 n2')
    expect(take(2)).toBe('n1 n2')
  })

  test('S35: whose items are slow no more owes nothing of what it was behind with', () => {
    const { push, take } = open()
    push('a1', { weight: 1 / 16 })
    expect(take(5)).toBe('a1')
    push('n1 n2')
    push('a2')
    expect(take(5)).toBe('n1 a2 n2')
  })

  test('S35, G11: places that the others’ cost leaves go to the known', () => {
    const { push, take } = open()
    push('k1 k2 k3 k4 k5 k6', { lane: 'known' })
    push('a1 a2 a3', { cost: 4 })
    expect(take(5, 4, 1, 3)).toBe('k1 k2 a1 k3 k4')
  })

  test('G11: a known holder has some served in one turn, and pays for all of them: who had one goes before what it has left', () => {
    const { push, take } = open()
    push('k1 k2 k3 k4 k5 k6 k7', { lane: 'known' })
    push('m1', { lane: 'known' })
    push('a1 a2')
    expect(take(5, 2, 3)).toBe('k1 k2 k3 m1 a1')
    push('m2', { lane: 'known' })
    expect(take(9, 2, 3)).toBe('m2 k4 k5 k6 k7 a2')
  })

  test('G11: a known holder that sends now and then does not wait until all who send very much have had their turn of many', () => {
    const { push, take } = openBusy()
    push('n2', { lane: 'known' })
    expect(take(1, 1, 3)).toBe('n2')
    // No more than the others have: then it takes turns with them.
    push('n3 n4 n5 n6', { lane: 'known' })
    expect(take(9, 1, 3)).toBe('c0 c1 c2 d0 d1 d2 n3 n4 n5')
    expect(take(3, 1, 3)).toBe('a3 a4 a5')
  })

  test('G11: who goes before others for having had less is ahead by no more than the rest of a turn, though one before it was', () => {
    const { push, take } = openBusy()
    push('m1 m2 m3 m4 m5', { lane: 'known' })
    expect(take(6, 1, 3)).toBe('m1 m2 m3 c0 c1 c2')
  })

  test('a holder that changes lanes takes along what waits, so its items stay in their order', () => {
    const { queue, push, take } = open()
    push('a1 a2 b1')
    push('a3', { lane: 'known' })
    expect([queue.load('known').length, queue.load('other').length, queue.loadOf('a').length]).toEqual([3, 1, 3])
    expect(take(2)).toBe('a1 b1')
    push('a4')
    push('k1', { lane: 'known' })
    expect(take(10)).toBe('k1 a2 a3 a4')
  })
})

describe('of the known, some with very much and some that send now and then', () => {
  const turnMax = 4
  const step = { lengthMax: 6, otherCostMax: 1, otherLengthMin: 2, knownTurnMax: turnMax }
  const sends = fc.record({ who: fc.nat(2), count: fc.integer({ min: 1, max: 12 }), steps: fc.nat(6) })

  function createCrowd(busyCount: number, others = 0) {
    const queue = createFairQueue<Placed & { readonly from: string }>()
    const waiting = new Map<string, number>()
    const served = new Map<string, number>()
    const count = (counts: Map<string, number>, from: string): number => counts.get(from) ?? 0
    const busy = Array.from({ length: busyCount }, (_, index) => `busy ${index}`)
    for (let index = 0; index < others; index += 1)
      queue.push(`other ${index}`, { from: 'other', lane: 'other', party: 'other', cost: 1, weight: 1, bytes: 0 })
    function push(from: string): void {
      queue.push(from, { from, lane: 'known', party: from, cost: 1, weight: 1, bytes: 0 })
      waiting.set(from, count(waiting, from) + 1)
    }
    return {
      push,
      servedOf: (from: string): number => count(served, from),
      waitingOf: (from: string): number => count(waiting, from),
      busyServed: (): number[] => busy.map((from) => count(served, from)),
      take(): string[] {
        for (const from of busy) while (count(waiting, from) < 20) push(from)
        const taken = queue.take(step).map(({ from }) => from)
        for (const from of taken) {
          waiting.set(from, count(waiting, from) - 1)
          served.set(from, count(served, from) + 1)
        }
        return taken
      },
    }
  }

  test('G11: none has much more than another while both have something, and none waits for more than some turns of each', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(sends, { maxLength: 40 }), (busyCount, bursts) => {
        const { push, servedOf, waitingOf, busyServed, take } = createCrowd(busyCount)
        const names = [0, 1, 2].map((who) => `now and then ${who}`)
        /** By how much each was behind the one with the most when it last had nothing. */
        const behind = new Map<string, number>()
        for (const { who, count, steps } of bursts) {
          for (let index = 0; index < count; index += 1) push(names[who] as string)
          for (let index = 0; index < steps; index += 1) {
            for (const name of names) if (waitingOf(name) === 0) behind.delete(name)
            for (const name of names)
              if (waitingOf(name) > 0 && !behind.has(name)) behind.set(name, Math.max(...busyServed()) - servedOf(name))
            take()
            const most = Math.max(...busyServed())
            expect(most - Math.min(...busyServed())).toBeLessThanOrEqual(2 * turnMax)
            for (const [name, before] of behind) expect(Math.abs(before - (most - servedOf(name)))).toBeLessThanOrEqual(3 * turnMax)
          }
        }
      }),
      replay,
    )
  })

  test('G11: to be forgotten while nothing of it waits changes nobody’s turn', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(sends, { maxLength: 12 }), (busyCount, bursts) => {
        const [remembering, forgetting] = [createCrowd(busyCount, 100), createCrowd(busyCount, 50_100)]
        for (const { who, count, steps } of bursts) {
          for (const crowd of [remembering, forgetting]) for (let index = 0; index < count; index += 1) crowd.push(`now and then ${who}`)
          for (let index = 0; index < steps; index += 1) expect(forgetting.take()).toEqual(remembering.take())
        }
      }),
      { ...replay, numRuns: 8 },
    )
  })
})

test('whatever comes in whatever way: each item goes once, in the order of its holder, and the counts are right', () => {
  const lane = fc.constantFrom<Lane>('known', 'other')
  const pushes = fc.record({
    holder: fc.integer({ min: 0, max: 5 }),
    lane,
    party: fc.option(fc.constantFrom('x', 'y')),
    cost: fc.integer({ min: 1, max: 64 }),
    weight: fc.constantFrom(1 / 4, 1 / 2, 1, 2, 5),
    bytes: fc.integer({ min: 0, max: 1_000 }),
  })
  const step = fc.record({
    lengthMax: fc.integer({ min: 1, max: 8 }),
    otherCostMax: fc.integer({ min: 1, max: 64 }),
    otherLengthMin: fc.integer({ min: 1, max: 4 }),
    knownTurnMax: fc.integer({ min: 1, max: 4 }),
  })
  type Item = Placed & { readonly holder: string; readonly number: number }
  const loadOf = (items: Item[]): Load => ({ length: items.length, bytes: items.reduce((sum, { bytes }) => sum + bytes, 0) })
  fc.assert(
    fc.property(fc.array(fc.oneof(pushes, step), { maxLength: 200 }), (actions) => {
      const queue = createFairQueue<Item>()
      const waiting: Item[] = []
      /** Where each holder stands by its last item. */
      const places = new Map<string, Place>()
      function take(step: Step): void {
        const got = queue.take(step)
        expect(got.length > 0).toBe(waiting.length > 0)
        expect(got.length).toBeLessThanOrEqual(step.lengthMax)
        for (const item of got) {
          const index = waiting.findIndex(({ holder }) => holder === item.holder)
          expect(waiting.splice(index, 1)).toEqual([item])
        }
      }
      function compare(): void {
        for (const lane of ['known', 'other'] as const) {
          const standing = waiting.filter(({ holder }) => places.get(holder)?.lane === lane)
          expect(queue.load(lane)).toMatchObject(loadOf(standing))
          for (const party of ['0', 'x', 'y'])
            expect(queue.loadOfParty({ lane, party })).toMatchObject(
              loadOf(standing.filter(({ holder }) => places.get(holder)?.party === party)),
            )
        }
        expect(queue.loadOf('0')).toMatchObject(loadOf(waiting.filter(({ holder }) => holder === '0')))
      }
      for (const [number, action] of actions.entries()) {
        if ('holder' in action) {
          const holder = String(action.holder)
          const item = { ...action, number, holder, party: action.party ?? holder }
          queue.push(holder, item)
          waiting.push(item)
          places.set(holder, item)
        } else take(action)
        compare()
      }
      while (waiting.length > 0) take({ lengthMax: 3, otherCostMax: 1, otherLengthMin: 1, knownTurnMax: 1 })
      compare()
    }),
    replay,
  )
})

test('G7: lines of holders that are gone are forgotten', () => {
  const { queue } = open()
  for (let holder = 0; holder < 120_000; holder += 1) {
    queue.push(`holder ${holder}`, { name: 'x', lane: 'other', party: `holder ${holder}`, cost: 64, weight: 1, bytes: 1 })
    queue.take({ lengthMax: 1, otherCostMax: 1, otherLengthMin: 1, knownTurnMax: 1 })
  }
  expect([queue.load('other').length, queue.lineCount() <= 50_000]).toEqual([0, true])
})
