import { describe, expect, test } from 'vitest'
import { CIRCUIT_LIMITS, type CircuitLimits, createCircuits } from './circuits.ts'
import { ScriptedStream } from './scripted.test-stream.ts'

class End extends ScriptedStream {
  readBufferLength = 0
  carry(bytes: number): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: new Uint8Array(bytes) }))
  }
}

function setUp(limits: Partial<CircuitLimits> = {}) {
  let nowMs = 0
  const circuits = createCircuits({ ...CIRCUIT_LIMITS, ...limits }, () => nowMs)
  return {
    circuits,
    open(peer: string, address: string | undefined = peer) {
      const [near, far] = [new End(), new End()]
      const between = { bytes: 0 }
      const ends = { near: near.asStream(), far: far.asStream(), heldBytes: () => between.bytes }
      return { near, far, between, isTaken: circuits.add({ peer, address }, ends) }
    },
    pass(ms: number) {
      nowMs += ms
      circuits.sweep()
    },
  }
}

describe('R2: circuits', () => {
  test.each([
    ['in all', { circuitsMax: 2 }, ['a', 'b', 'c']],
    ['of one peer', { circuitsPerPeerMax: 2 }, ['a', 'a', 'a']],
  ] as const)('are bounded %s, and one that ends makes room', (_, limits, peers) => {
    const { circuits, open } = setUp(limits)
    const [first, second, third] = peers.map((peer) => open(peer))
    expect([first?.isTaken, second?.isTaken, third?.isTaken, circuits.count()]).toEqual([true, true, false, 2])
    expect(circuits.isFull({ peer: peers[2], address: peers[2] })).toBe(true)
    first?.far.abort()
    expect([circuits.count(), open(peers[2]).isTaken]).toEqual([1, true])
  })

  test('of one address are bounded, whatever peers come from there', () => {
    const { open } = setUp({ circuitsPerAddressMax: 2 })
    expect(['a', 'b', 'c'].map((peer) => open(peer, 'flat').isTaken)).toEqual([true, true, false])
    expect(open('c', 'house').isTaken).toBe(true)
    const { circuits } = setUp({ circuitsPerAddressMax: 1 })
    const ends = () => ({ near: new End().asStream(), far: new End().asStream(), heldBytes: () => 0 })
    const own = () => circuits.add({ peer: 'd', address: undefined }, ends())
    expect([own(), own()]).toEqual([true, true])
  })

  test('of which both ends close are counted out once', () => {
    const { circuits, open } = setUp()
    const [one] = [open('a'), open('a')]
    one.near.abort()
    one.far.abort()
    expect([circuits.count(), [...circuits.callers()]]).toEqual([1, ['a']])
  })
})

describe('R2, G11: what waits in circuits for peers that do not read', () => {
  test('ends those of the address with the most when there is more than there is room for, wherever it waits, and no others', () => {
    const { circuits, open, pass } = setUp({ circuitHeldBytesMax: 1_000 })
    const greedy = ['a', 'b', 'c', 'd'].map((peer) => open(peer, 'flat'))
    const modest = open('e', 'house')
    for (const { near, far, between } of greedy) {
      near.readBufferLength = 100
      far.writeBufferLength = 50
      between.bytes = 50
    }
    modest.near.readBufferLength = 200
    pass(1_000)
    expect([circuits.count(), circuits.endedCount()]).toEqual([5, 0])
    modest.between.bytes = 1
    pass(1_000)
    expect([modest.near.status, circuits.count(), circuits.endedCount()]).toEqual(['open', 4, 1])
    expect(greedy.map(({ far }) => far.status)).toEqual(['open', 'open', 'open', 'aborted'])
  })

  test('is the network’s of one who has many addresses, and gone with the circuit', () => {
    const { circuits, open, pass } = setUp({ circuitHeldBytesMax: 1_000 })
    const [one, other] = [open('a', '2001:db8:1:1'), open('b', '2001:db8:1:2')]
    const modest = open('c', 'house')
    for (const { between } of [one, other]) between.bytes = 400
    modest.between.bytes = 400
    pass(1_000)
    expect([one, other, modest].map(({ near }) => near.status)).toEqual(['open', 'aborted', 'open'])
    one.near.abort()
    const again = open('a', '2001:db8:1:1')
    again.between.bytes = 400
    pass(1_000)
    expect([again.near.status, circuits.endedCount()]).toEqual(['open', 1])
  })
})

describe('R1, G11: a circuit', () => {
  test('may carry what it likes for as long as it likes', () => {
    const { circuits, open, pass } = setUp()
    const { near } = open('a')
    for (let minute = 0; minute < 1_000; minute += 1) {
      near.carry(1_000)
      pass(60_000)
    }
    expect([near.status, circuits.endedCount(), circuits.relayedBytes()]).toEqual(['open', 0, 1_000_000])
  })

  test('that carries nothing ends, whichever way: bytes of either side keep it', () => {
    const { circuits, open, pass } = setUp({ circuitIdleMsMax: 1_000 })
    const [busy, idle] = [open('a'), open('b')]
    pass(600)
    busy.far.carry(1)
    pass(399)
    expect(idle.near.status).toBe('open')
    pass(1)
    expect([busy.near.status, idle.near.status, idle.far.status, circuits.count()]).toEqual(['open', 'aborted', 'aborted', 1])
    pass(600)
    expect([busy.near.status, circuits.endedCount()]).toEqual(['aborted', 2])
  })

  test('ends with the byte that is one too many, both ways counted together, where an operator limits it', () => {
    const { circuits, open } = setUp({ circuitBytesMax: 100 })
    const { near, far } = open('a')
    near.carry(60)
    far.carry(40)
    expect(near.status).toBe('open')
    near.carry(1)
    expect([near.status, far.status, circuits.endedCount()]).toEqual(['aborted', 'aborted', 1])
  })

  test('ends after its time, where an operator limits it', () => {
    const { open, pass } = setUp({ circuitMsMax: 5_000 })
    const { near } = open('a')
    for (let second = 1; second < 5; second += 1) {
      near.carry(1)
      pass(1_000)
    }
    pass(999)
    expect(near.status).toBe('open')
    pass(1)
    expect(near.status).toBe('aborted')
  })
})
