import { describe, expect, test } from 'vitest'
import type { Rejection } from '#domain/rejection.ts'
import { createPlaces, PLACE_LIMITS, type PlaceLimits } from './places.ts'
import type { Claim, Judge } from './port.ts'

const claim = (peer: string, slotId = 1): Claim => ({ slotId, peer, relay: 'r', nonce: new Uint8Array(32), signature: '' })
const holders = (...some: [peer: string, address: string][]) => new Map(some)

function setUp(limits: Partial<PlaceLimits> = {}, judge?: Judge) {
  let nowMs = 0
  const places = createPlaces({ ...PLACE_LIMITS, ...limits }, { judge, nowMs: () => nowMs })
  return {
    places,
    pass(ms: number) {
      nowMs += ms
    },
  }
}

describe('R2: reservations', () => {
  test('are bounded in all and per address; who holds one renews it on a full relay (R3)', () => {
    const { places } = setUp({ reservationsMax: 2, reservationsPerAddressMax: 1 })
    const there = holders(['a', 'x'])
    expect(places.mayReserve({ peer: 'b', address: 'x' }, there)).toBe(false)
    expect(places.mayReserve({ peer: 'b', address: 'y' }, there)).toBe(true)
    const full = holders(['a', 'x'], ['b', 'y'])
    expect(places.mayReserve({ peer: 'c', address: 'z' }, full)).toBe(false)
    expect(places.mayReserve({ peer: 'a', address: 'x' }, full)).toBe(true)
  })

  test('G11: are not asked for without end, by one peer or by the free identities of one address', () => {
    const { places, pass } = setUp()
    const greedy = Array.from({ length: 20 }, () => places.mayReserve({ peer: 'a', address: 'x' }, holders(['a', 'x'])))
    expect(greedy.filter(Boolean)).toHaveLength(10)
    const many = Array.from({ length: 400 }, (_, index) => places.mayReserve({ peer: `free ${index}`, address: 'y' }, holders()))
    expect(many.filter(Boolean)).toHaveLength(200)
    // Those of another address, and one of the flooded address that holds its place, notice nothing.
    expect(places.mayReserve({ peer: 'b', address: 'z' }, holders())).toBe(true)
    expect(places.mayReserve({ peer: 'c', address: 'y' }, holders(['c', 'y']))).toBe(true)
    pass(1_000)
    expect(places.mayReserve({ peer: 'a', address: 'x' }, holders(['a', 'x']))).toBe(true)
  })
})

test('R2: a network of IPv6 has as many places as four addresses, however many of its addresses ask', () => {
  const { places } = setUp({ reservationsPerAddressMax: 1 })
  const there = [1, 2, 3, 4].map((last) => [`peer ${last}`, `2001:db8:1:${last}`] as const)
  const mayReserve = (address: string) => places.mayReserve({ peer: address, address }, new Map(there))
  expect(['2001:db8:1:5', '2001:db8:2:1', '2001:db8:2:1'].map(mayReserve)).toEqual([false, true, true])
})

describe('R6: where peers are asked for whom they come', () => {
  /** For slot 0 the sequencer signs whose name it is. */
  const judge: Judge = ({ slotId, signature }) => {
    if (slotId >= 10) return 'slot_unknown'
    return slotId === 0 ? { by: signature, isSequencer: true } : { by: `slot ${slotId}`, isSequencer: false }
  }

  test('one that nobody vouches for gets nothing, one that somebody does gets what all get elsewhere', () => {
    const { places } = setUp({}, judge)
    const mayReserve = (peer: string) => places.mayReserve({ peer, address: 'x' }, holders())
    expect([places.isAdmitted('a'), mayReserve('a')]).toEqual([false, false])
    expect(places.admit(claim('a', 99), 'x')).toBe('slot_unknown')
    expect([places.isAdmitted('a'), mayReserve('a')]).toEqual([false, false])
    expect(places.admit(claim('a', 1), 'x')).toBeUndefined()
    expect([places.isAdmitted('a'), mayReserve('a'), places.isAdmitted('b')]).toEqual([true, true, false])
    places.forget('a')
    expect(places.isAdmitted('a')).toBe(false)
  })

  test('one slot speaks for so many peers; those that are there keep their place, and say so again as often as they like', () => {
    const { places } = setUp({ peersPerSlotMax: 2 }, judge)
    const told = ['a', 'b', 'c', 'a'].map((peer) => places.admit(claim(peer), 'x'))
    expect(told).toEqual([undefined, undefined, 'quota_exceeded', undefined])
    expect(places.admit(claim('c', 2), 'x')).toBeUndefined()
    places.forget('a')
    expect(places.admit(claim('d'), 'x')).toBeUndefined()
  })

  test('each sequencer of a market speaks for so many, whatever others have taken; slots and addresses take no place of theirs', () => {
    const { places } = setUp({ peersPerSlotMax: 2, reservationsMax: 2, reservationsPerAddressMax: 1 }, judge)
    const ofSequencer = (peer: string, signature: string) => places.admit({ ...claim(peer, 0), signature }, 'x')
    expect(['a', 'b', 'c'].map((peer) => ofSequencer(peer, 'first'))).toEqual([undefined, undefined, 'quota_exceeded'])
    expect(['d', 'e', 'f'].map((peer) => ofSequencer(peer, 'second'))).toEqual([undefined, undefined, 'quota_exceeded'])
    expect(places.admit(claim('g'), 'x')).toBeUndefined()
    const full = holders(['one', 'x'], ['other', 'y'])
    expect(['a', 'e', 'g', 'c'].map((peer) => places.mayReserve({ peer, address: 'x' }, full))).toEqual([true, true, false, false])
    const ofSequencers = holders(['one', 'x'], ['a', 'y'], ['e', 'z'])
    expect(places.mayReserve({ peer: 'g', address: 'z' }, ofSequencers)).toBe(true)
  })

  test('a slot that has another signer by now speaks for nobody any more', () => {
    let why: Rejection | undefined
    const { places } = setUp({}, (claim) => why ?? judge(claim))
    places.admit(claim('a'), 'x')
    expect(places.isAdmitted('a')).toBe(true)
    why = 'signer_mismatch'
    expect([places.isAdmitted('a'), places.mayReserve({ peer: 'a', address: 'x' }, holders(['a', 'x']))]).toEqual([false, false])
  })

  test('G7: claims of one address cost so many recoveries a second and no more', () => {
    let recoveries = 0
    const { places, pass } = setUp({}, () => {
      recoveries += 1
      return 'signer_mismatch'
    })
    const flood = () => Array.from({ length: 3_000 }, (_, index) => places.admit(claim(`free ${index}`), 'x'))
    expect(new Set(flood())).toEqual(new Set(['signer_mismatch', 'rate_limited']))
    expect(recoveries).toBe(1_000)
    pass(1_000)
    flood()
    expect(recoveries).toBe(1_050)
    expect(places.admit(claim('honest'), 'y')).toBe('signer_mismatch')
  })
})

test('where nobody is asked, all are served', () => {
  expect(setUp().places.isAdmitted('anyone')).toBe(true)
})
