import { expect, test } from 'vitest'
import { createWays } from './ways.ts'

function setUp(addresses: string[] = ['/direct', '/relay', '/far']) {
  let nowMs = 1_000
  const ways = createWays(() => addresses, { nowMs: () => nowMs })
  return {
    ways,
    addresses,
    pass(ms: number) {
      nowMs += ms
    },
  }
}

test('C7: ways come in their order; better are those before', () => {
  const { ways } = setUp()
  expect(ways.all()).toEqual(['/direct', '/relay', '/far'])
  expect([ways.betterThan('/far'), ways.betterThan('/direct'), ways.betterThan('/unknown')]).toEqual([['/direct', '/relay'], [], []])
  expect(ways.besides('/relay')).toEqual(['/direct', '/far'])
})

test('C16: one that is mute goes behind the others for a minute, twice as long each time, until a receipt comes over it', () => {
  const { ways, pass } = setUp()
  const isFirst = () => ways.all()[0] === '/direct'
  for (const forMs of [60_000, 120_000, 240_000]) {
    ways.note('/direct', 'isMute')
    pass(forMs - 1)
    expect([isFirst(), ways.betterThan('/far')]).toEqual([false, ['/relay']])
    expect(ways.all()).toEqual(['/relay', '/far', '/direct'])
    pass(1)
    expect([isFirst(), ways.betterThan('/far')]).toEqual([true, ['/direct', '/relay']])
  }
  ways.note('/direct', 'isMute')
  ways.note('/direct', 'isGood')
  expect(isFirst()).toBe(true)
  ways.note('/direct', 'isMute')
  pass(60_000)
  expect(isFirst()).toBe(true)
})

test('C16: one that is cut before any receipt goes behind for five seconds, since a sequencer that starts anew cuts too', () => {
  const { ways, pass } = setUp()
  ways.note('/direct', 'isCut')
  pass(4_999)
  expect(ways.all()).toEqual(['/relay', '/far', '/direct'])
  pass(1)
  expect(ways.all()).toEqual(['/direct', '/relay', '/far'])
})

test('C16: nothing is behind for more than an hour, and where all are, their order stays', () => {
  const { ways, pass } = setUp()
  for (let time = 0; time < 40; time += 1) for (const address of ways.besides('')) ways.note(address, 'isMute')
  expect(ways.all()).toEqual(['/direct', '/relay', '/far'])
  ways.note('/far', 'isGood')
  expect(ways.all()).toEqual(['/far', '/direct', '/relay'])
  pass(3_600_000)
  expect(ways.betterThan('/far')).toEqual(['/direct', '/relay'])
})

test('C15: addresses come and go', () => {
  const { ways, addresses } = setUp(['/direct'])
  ways.note('/direct', 'isMute')
  addresses.push('/found')
  expect(ways.all()).toEqual(['/found', '/direct'])
})

test('C16: of an address that is not known any more nothing is remembered: when it comes again it is as any other', () => {
  const { ways, addresses } = setUp(['/found', '/direct', '/relay'])
  ways.note('/found', 'isMute')
  addresses.shift()
  ways.note('/relay', 'isCut')
  addresses.unshift('/found')
  expect(ways.all()).toEqual(['/found', '/direct', '/relay'])
})
