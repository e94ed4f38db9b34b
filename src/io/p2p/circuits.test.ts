import { describe, expect, test } from 'vitest'
import { CIRCUIT_LIMITS, type CircuitLimits, createCircuits } from './circuits.ts'
import { ScriptedStream } from './scripted.test-stream.ts'

class End extends ScriptedStream {
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
      const isTaken = circuits.add({ peer, address }, { near: near.asStream(), far: far.asStream() })
      return { near, far, isTaken }
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
    const own = () => circuits.add({ peer: 'd', address: undefined }, { near: new End().asStream(), far: new End().asStream() })
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
