import { expect, test } from 'vitest'
import { createDoor, DOOR_LIMITS, type DoorLimits } from './door.ts'

const HERE = '127.0.0.1'
const THERE = '203.0.113.7'

function open(limits: Partial<DoorLimits> = {}) {
  let nowMs = 0
  const door = createDoor({ ...DOOR_LIMITS, ...limits }, () => nowMs)
  const turnedAway: string[] = []
  const knock = (name: string, address: string | undefined) => door.knock(address, () => void turnedAway.push(name))
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
  for (const name of ['a', 'b', 'c', 'd']) expect(knock(name, HERE)).toBeDefined()
  expect(turnedAway).toEqual(['a', 'b'])
  knock('e', THERE)
  expect(turnedAway).toEqual(['a', 'b'])
})

test('G11: when all places are taken the address with the most makes room', () => {
  const { knock, turnedAway } = open({ pendingMax: 3 })
  for (const [name, address] of [
    ['x', '192.0.2.1'],
    ['a', THERE],
    ['b', THERE],
  ] as const)
    knock(name, address)
  expect(turnedAway).toEqual([])
  knock('y', '192.0.2.2')
  expect(turnedAway).toEqual(['a'])
})

test('G11: one whose time is over gives way before anybody else', () => {
  const { knock, turnedAway, pass } = open({ handshakeMs: 1_000 })
  knock('a', HERE)
  pass(999)
  knock('b', HERE)
  expect(turnedAway).toEqual([])
  pass(1)
  knock('c', THERE)
  expect(turnedAway).toEqual(['a'])
})

test('who has entered or gone takes no place any more, and is not turned away', () => {
  const { knock, turnedAway } = open({ pendingPerAddressMax: 2 })
  expect(knock('a', HERE)?.enter()).toBe(true)
  const gone = knock('b', HERE)
  gone?.leave()
  gone?.leave()
  for (const name of ['c', 'd']) knock(name, HERE)
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
  const { knock } = open({ connectionsPerAddressMax: 1, knocks: { tokensPerSecond: 0, tokensMax: 1 } })
  const entered = [HERE, HERE, undefined, undefined].map((address) => knock('a', address)?.enter())
  expect(entered).toEqual([true, true, true, true])
})
