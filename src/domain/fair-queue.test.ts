import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFairQueue, type Lane, type Placed } from './fair-queue.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

function open() {
  const queue = createFairQueue<string>()
  /** `a1 a2 b1` puts three items into the lines of two holders. */
  const push = (items: string, terms: Partial<Placed<string>> = {}): void => {
    for (const item of items.split(' ')) {
      const holder = item[0] as string
      queue.push(holder, { item, lane: 'other', party: holder, cost: 1, weight: 1, ...terms })
    }
  }
  const take = (lengthMax: number, otherCostMax = 1_000, knownTurnMax = 1, otherLengthMin = 1): string =>
    queue.take({ lengthMax, otherCostMax, otherLengthMin, knownTurnMax }).join(' ')
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
    expect([queue.length('known'), queue.length('other'), queue.lengthOfParty({ lane: 'other', party: 'x' })]).toEqual([2, 2, 2])
    expect(take(3, 1)).toBe('a1 a2 b1')
    queue.move('b', { lane: 'known', party: 'b' })
    expect([queue.lengthOfParty({ lane: 'other', party: 'x' }), take(3)]).toEqual([0, 'b2'])
    push('c1', { party: 'x' })
    expect(take(3)).toBe('c1')
  })
})

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

  test('a holder that changes lanes takes along what waits, so its items stay in their order', () => {
    const { queue, push, take } = open()
    push('a1 a2 b1')
    push('a3', { lane: 'known' })
    expect([queue.length('known'), queue.length('other'), queue.lengthOf('a')]).toEqual([3, 1, 3])
    expect(take(2)).toBe('a1 b1')
    push('a4')
    push('k1', { lane: 'known' })
    expect(take(10)).toBe('k1 a2 a3 a4')
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
  })
  const step = fc.record({
    lengthMax: fc.integer({ min: 1, max: 8 }),
    otherCostMax: fc.integer({ min: 1, max: 64 }),
    otherLengthMin: fc.integer({ min: 1, max: 4 }),
    knownTurnMax: fc.integer({ min: 1, max: 4 }),
  })
  fc.assert(
    fc.property(fc.array(fc.oneof(pushes, step), { maxLength: 200 }), (actions) => {
      const queue = createFairQueue<readonly [string, number]>()
      const taken: (readonly [string, number])[] = []
      let count = 0
      for (const action of actions) {
        if ('holder' in action) {
          count += 1
          queue.push(String(action.holder), {
            ...action,
            item: [String(action.holder), count],
            party: String(action.party ?? action.holder),
          })
        } else {
          const waiting = queue.length('known') + queue.length('other')
          const got = queue.take(action)
          expect(got.length > 0).toBe(waiting > 0)
          expect(got.length).toBeLessThanOrEqual(action.lengthMax)
          taken.push(...got)
        }
        expect(queue.length('known') + queue.length('other')).toBe(count - taken.length)
      }
      while (queue.length('known') + queue.length('other') > 0)
        taken.push(...queue.take({ lengthMax: 3, otherCostMax: 1, otherLengthMin: 1, knownTurnMax: 1 }))
      expect(taken.map(([, number]) => number).sort((left, right) => left - right)).toEqual(
        Array.from({ length: count }, (_, index) => index + 1),
      )
      for (const holder of new Set(taken.map(([name]) => name))) {
        const own = taken.filter(([name]) => name === holder).map(([, number]) => number)
        expect(own).toEqual([...own].sort((left, right) => left - right))
      }
    }),
    replay,
  )
})

test('G7: lines of holders that are gone are forgotten', () => {
  const { queue } = open()
  for (let holder = 0; holder < 120_000; holder += 1) {
    queue.push(`holder ${holder}`, { item: 'x', lane: 'other', party: `holder ${holder}`, cost: 64, weight: 1 })
    queue.take({ lengthMax: 1, otherCostMax: 1, otherLengthMin: 1, knownTurnMax: 1 })
  }
  expect([queue.length('other'), queue.lineCount() <= 50_000]).toEqual([0, true])
})
