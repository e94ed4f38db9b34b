import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHoldings, type Holding } from './holdings.ts'

const KIB = 1_024

function createWorld(limits = { strangerBytesMax: 64 * KIB, knownBytesMax: 64 * KIB }) {
  const holdings = createHoldings(limits)
  const gaveUp: string[] = []
  return {
    gaveUp,
    open(name: string, owner = name): Holding {
      return holdings.open(owner, () => void gaveUp.push(name))
    },
  }
}

test('G7, G11: where there is no room, of the address with the most the largest gives up first, and no more than is needed', () => {
  const { open, gaveUp } = createWorld()
  open('honest').set(20 * KIB)
  const [small, large, middle] = ['small', 'large', 'middle'].map((name) => open(name, 'there')) as [Holding, Holding, Holding]
  small.set(6 * KIB)
  large.set(24 * KIB)
  middle.set(14 * KIB)
  expect(gaveUp).toEqual([])
  small.set(7 * KIB)
  expect(gaveUp).toEqual(['large'])
  // It holds nothing any more, whatever it says.
  large.set(1_000 * KIB)
  expect(gaveUp).toEqual(['large'])
})

test('G11: of those that hold as much as each other the newest gives up', () => {
  const { open, gaveUp } = createWorld()
  for (let index = 0; index < 9; index += 1) open(`${index}`, 'there').set(8 * KIB)
  expect(gaveUp).toEqual(['8', '7'])
})

test('G11: of many addresses with as much as each other each gives back a little, at once', () => {
  const { open, gaveUp } = createWorld()
  for (let address = 0; address < 8; address += 1) for (let index = 0; index < 8; index += 1) open(`${address}`, `${address}`).set(KIB)
  expect(gaveUp).toEqual([])
  open('more').set(KIB)
  expect(gaveUp.length).toBeLessThanOrEqual(8)
  expect(new Set(gaveUp).size).toBe(gaveUp.length)
  expect(gaveUp).not.toContain('more')
})

test('an address has its share, however many streams another has', () => {
  const { open, gaveUp } = createWorld()
  open('honest').set(27 * KIB)
  for (let index = 0; index < 200; index += 1) open(`${index}`, 'there').set(KIB)
  expect(gaveUp).not.toContain('honest')
})

test('G11: the known have room of their own, in which strangers take none', () => {
  const { open, gaveUp } = createWorld()
  const known = open('known')
  known.set(60 * KIB)
  known.know()
  open('a', 'there').set(30 * KIB)
  open('b', 'there').set(34 * KIB)
  expect(gaveUp).toEqual([])
  const other = open('other')
  other.know()
  other.set(5 * KIB)
  expect(gaveUp).toEqual(['known'])
})

test('G11: one that goes with another that gives up is not asked as well', () => {
  const holdings = createHoldings({ strangerBytesMax: 64 * KIB, knownBytesMax: 0 })
  let count = 0
  function giveUp(): void {
    count += 1
    // As the streams of a connection do.
    for (const one of all) one.end()
  }
  const all = Array.from({ length: 65 }, () => holdings.open('there', giveUp))
  for (const one of all) one.set(KIB)
  expect(count).toBe(1)
})

test('what is gone takes no room', () => {
  const { open, gaveUp } = createWorld()
  for (let index = 0; index < 10; index += 1) {
    const one = open('one')
    one.set(60 * KIB)
    one.end()
    one.set(60 * KIB)
  }
  expect(gaveUp).toEqual([])
})

test('G7: together they never hold more than they may, whoever they are', () => {
  const steps = fc.array(fc.record({ who: fc.nat(30), bytes: fc.nat(20 * KIB), isKnown: fc.boolean() }), { maxLength: 200 })
  fc.assert(
    fc.property(steps, (all) => {
      const holdings = createHoldings({ strangerBytesMax: 64 * KIB, knownBytesMax: 32 * KIB })
      const held = new Map<number, { readonly holding: Holding; bytes: number }>()
      for (const { who, bytes, isKnown } of all) {
        const one = held.get(who) ?? { holding: holdings.open(`${who % 7}`, () => void held.delete(who)), bytes: 0 }
        held.set(who, one)
        one.bytes = bytes
        if (isKnown) one.holding.know()
        one.holding.set(bytes)
        expect(held.values().reduce((sum, other) => sum + other.bytes, 0)).toBeLessThanOrEqual(96 * KIB)
      }
    }),
  )
})
