import { expect, test } from 'vitest'
import { createDoor, DOOR_LIMITS, type DoorLimits } from './door.ts'

const HERE = '127.0.0.1'
const THERE = '203.0.113.7'

function open(limits: Partial<DoorLimits> = {}) {
  let nowMs = 0
  const door = createDoor({ ...DOOR_LIMITS, ...limits }, () => nowMs)
  const turnedAway: string[] = []
  const knock = (name: string, address: string | undefined, isSilent = true) =>
    door.knock(address, { isSilent: () => isSilent, turnAway: () => void turnedAway.push(name) })
  return {
    knock,
    turnedAway,
    pass(durationMs: number) {
      nowMs += durationMs
    },
  }
}

test('G11: silent sockets of an address give way to the next that comes from there, the oldest first', () => {
  const { knock, turnedAway } = open({ pendingPerAddressMax: 2 })
  for (const name of ['a', 'b', 'c', 'd']) expect(knock(name, THERE)).toBeDefined()
  expect(turnedAway).toEqual(['a', 'b'])
  knock('e', '192.0.2.1')
  expect(turnedAway).toEqual(['a', 'b'])
})

test('G11: one that speaks gives way only when half of its time is over; before that the next is refused', () => {
  const { knock, turnedAway, pass } = open({ pendingPerAddressMax: 2, handshakeMs: 1_000 })
  knock('a', THERE, false)
  knock('b', THERE)
  expect([knock('c', THERE, false) !== undefined, turnedAway]).toEqual([true, ['b']])
  pass(499)
  expect([knock('d', THERE), turnedAway]).toEqual([undefined, ['b']])
  pass(1)
  expect([knock('e', THERE, false) !== undefined, turnedAway]).toEqual([true, ['b', 'a']])
})

test('G11: when all places are taken the address with the most makes room', () => {
  const { knock, turnedAway } = open({ pendingMax: 3 })
  const silent = [
    ['x', '192.0.2.1'],
    ['a', THERE],
    ['b', THERE],
  ] as const
  for (const [name, address] of silent) knock(name, address)
  expect(turnedAway).toEqual([])
  knock('y', '192.0.2.2')
  expect(turnedAway).toEqual(['a'])
})

test('who has entered or gone takes no place any more, and is not turned away', () => {
  const { knock, turnedAway } = open({ pendingPerAddressMax: 2 })
  expect(knock('a', THERE)?.enter()).toBe(true)
  const gone = knock('b', THERE)
  gone?.leave()
  gone?.leave()
  for (const name of ['c', 'd']) knock(name, THERE)
  expect(turnedAway).toEqual([])
})

test('G7: an address has so many connections, and has them back', () => {
  const { knock } = open({ connectionsPerAddressMax: 2 })
  const first = knock('a', THERE)
  expect([first?.enter(), knock('b', THERE)?.enter(), knock('c', THERE)?.enter()]).toEqual([true, true, false])
  expect(knock('x', '192.0.2.1')?.enter()).toBe(true)
  first?.leave()
  first?.leave()
  expect([knock('d', THERE)?.enter(), knock('e', THERE)?.enter()]).toEqual([true, false])
})

test('G7: an address opens so many sockets a second', () => {
  const { knock, pass } = open({ knocks: { tokensPerSecond: 10, tokensMax: 2 } })
  expect(['a', 'b', 'c'].map((name) => knock(name, THERE) !== undefined)).toEqual([true, true, false])
  expect(knock('x', '192.0.2.1')).toBeDefined()
  pass(100)
  expect(['d', 'e'].map((name) => knock(name, THERE) !== undefined)).toEqual([true, false])
})

test('this machine, and who comes through a relay, have no limits of an address', () => {
  const { knock, turnedAway } = open({ connectionsPerAddressMax: 1, pendingPerAddressMax: 1, knocks: { tokensPerSecond: 0, tokensMax: 1 } })
  const guests = [HERE, HERE, undefined, undefined].map((address) => knock('a', address))
  expect([guests.map((guest) => guest?.enter()), turnedAway]).toEqual([[true, true, true, true], []])
})

/** Addresses, as limits count them, of one network of IPv6. */
const blockAt = (index: number): string => `2001:db8:1:${index.toString(16)}`

test('G7: a network of IPv6 has so many connections and opens so many sockets as four addresses, however many are in it', () => {
  const { knock } = open({ connectionsPerAddressMax: 2, knocks: { tokensPerSecond: 0, tokensMax: 3 } })
  const guests = Array.from({ length: 13 }, (_, index) => knock('a', blockAt(index)))
  expect(guests.map((guest) => guest !== undefined)).toEqual([...Array(12).fill(true), false])
  expect(guests.slice(0, 9).map((guest) => guest?.enter())).toEqual([...Array(8).fill(true), false])
  expect(knock('x', '2001:db8:2:0')?.enter()).toBe(true)
  guests[0]?.leave()
  expect(guests[9]?.enter()).toBe(true)
})

test('G11: silent sockets of a network of IPv6 give way to its next, and when all places are taken to those of others', () => {
  const { knock, turnedAway } = open({ pendingPerAddressMax: 2, pendingMax: 10 })
  for (let index = 0; index < 8; index += 1) knock(`${index}`, blockAt(index))
  for (const name of ['a', 'b']) knock(name, THERE)
  expect(turnedAway).toEqual([])
  knock('8', blockAt(8))
  expect(turnedAway).toEqual(['0'])
  knock('c', '192.0.2.1')
  expect(turnedAway).toEqual(['0', '1'])
})
