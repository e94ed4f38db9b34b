import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { openEndpoints, type WorldNode } from './endpoints.test-world.ts'
import { hashOf, headerOf, hex, reverts } from './scripted.test-node.ts'

/** Who knows of a block is not answered from before it. */

afterEach(() => void vi.unstubAllGlobals())

const KNOWN = { number: 100 as BlockNumber, hash: headerOf(100).hash }
const LATEST = [{ to: '0x11', data: '0x22' }, 'latest']

/** Endpoint `a` is asked first, and refuses what is on chain from block 100 on; `b` has the block. */
function lagging() {
  const world = openEndpoints({
    names: ['a', 'b'],
    suffixes: { a: ';weight=1000' },
    scripts: {
      a: { eth_estimateGas: () => reverts('E26'), eth_call: () => '0xa1' },
      b: { eth_estimateGas: () => hex(100_000), eth_call: () => '0xb1' },
    },
  })
  const { a, b } = world.nodes as { readonly a: WorldNode; readonly b: WorldNode }
  a.head = 98
  return { ...world, a, b }
}

describe('an endpoint that lacks a block which is known of', () => {
  test('is not believed in what it refuses, nor in what it says of the newest state', async () => {
    const { rpc, run, told } = lagging()
    expect(await run(rpc.ask('eth_estimateGas', LATEST))).toMatchObject({ isOk: false })
    rpc.reach?.come(KNOWN)
    expect(await run(rpc.ask('eth_estimateGas', LATEST))).toEqual({ isOk: true, result: hex(100_000) })
    expect(await run(rpc.all([{ method: 'eth_call', params: LATEST }]))).toEqual(['0xb1'])
    expect(told(), 'two blocks are no trouble').toEqual([])
  })

  test('is asked as before for what is of a block that it has, in the same request and alone', async () => {
    const { rpc, run, a } = lagging()
    rpc.reach?.come(KNOWN)
    const before = a.requests.length
    expect(await run(rpc.call('eth_call', [LATEST[0], hex(90)]))).toBe('0xa1')
    expect(a.requests.slice(before).filter(({ calls }) => calls.some(({ method }) => method === 'eth_call'))).toMatchObject([
      { calls: [{ method: 'eth_call' }] },
    ])
  })

  test('does not say of it, or of one below, that there is none', async () => {
    const { rpc, run } = lagging()
    rpc.reach?.come({ number: KNOWN.number })
    expect(await run(rpc.call('eth_getBlockByNumber', [hex(99), false]))).toMatchObject({ number: hex(99) })
    expect(await run(rpc.call('eth_getBlockByNumber', [hex(101), false])), 'above it, there may be none').toBe(null)
  })

  test('but another one in its place is not believed either: it is of another fork', async () => {
    const { rpc, run, a } = lagging()
    a.head = 101
    a.scripts['eth_getBlockByNumber'] = (block: string) => headerOf(Number(block), ' of another fork')
    expect(await run(rpc.call('eth_call', LATEST))).toBe('0xa1')
    rpc.reach?.come(KNOWN)
    expect(await run(rpc.call('eth_call', LATEST))).toBe('0xb1')
  })

  test('where its hash is not known, any block of that height will do', async () => {
    const { rpc, run, nodes } = openEndpoints({ names: ['a'], scripts: { a: { eth_call: () => '0xa1' } } })
    const a = nodes['a'] as WorldNode
    a.scripts['eth_getBlockByNumber'] = (block: string) => headerOf(Number(block), ' of another fork')
    rpc.reach?.come({ number: KNOWN.number })
    expect(await run(rpc.call('eth_call', LATEST))).toBe('0xa1')
  })
})

describe('is told of once another one has shown the block some times', () => {
  test('as one that lags, and once', async () => {
    const { rpc, run, told } = lagging()
    rpc.reach?.come(KNOWN)
    for (let time = 1; time <= 5; time += 1) {
      expect(await run(rpc.call('eth_call', LATEST))).toBe('0xb1')
      expect(told(), `after ${time} times`).toEqual(time < 3 ? [] : ['https://a.test lagging'])
    }
  })

  test('as one that is on another fork than the others', async () => {
    const { rpc, run, a, told, clock } = lagging()
    a.head = 101
    a.scripts['eth_getBlockByNumber'] = (block: string) => headerOf(Number(block), ' of another fork')
    rpc.reach?.come(KNOWN)
    for (let time = 0; time < 5; time += 1) {
      expect(await run(rpc.call('eth_call', LATEST))).toBe('0xb1')
      await clock.advance(1_000)
    }
    expect(told()).toEqual(['https://a.test other_forks'])
  })
})

describe('a chain that was rewritten', () => {
  /** All endpoints have other blocks from 98 on, and fewer of them. */
  function rewritten() {
    const world = lagging()
    for (let number = 90; number <= 100; number += 1) world.rpc.reach?.come({ number: number as BlockNumber, hash: headerOf(number).hash })
    for (const node of [world.a, world.b]) {
      node.head = 99
      node.scripts['eth_getBlockByNumber'] = (name: string) => {
        const number = name === 'latest' ? node.head : Number(name)
        const block = headerOf(number, number >= 98 ? ' of the other fork' : '')
        if (number > node.head) return null
        return number === 98 ? { ...block, parentHash: headerOf(97).hash } : block
      }
    }
    return world
  }

  test('G11: to a shorter one is read at once, though nobody has followed it there yet', async () => {
    const { rpc, run, clock } = rewritten()
    const beforeMs = clock.nowMs()
    expect(await run(rpc.call('eth_call', LATEST))).toBe('0xa1')
    expect(clock.nowMs() - beforeMs).toBeLessThan(1_000)
  })

  test('is known of up to the last block that is left', async () => {
    const { rpc, run, a } = rewritten()
    await run(rpc.call('eth_call', LATEST))
    a.head = 96
    expect(await run(rpc.call('eth_call', LATEST)), 'block 97 is as it was').toBe('0xb1')
  })

  test('is one that shows other blocks: a lower head alone shows nothing', async () => {
    const { rpc, run, a, b } = lagging()
    for (let number = 90; number <= 100; number += 1) rpc.reach?.come({ number: number as BlockNumber, hash: headerOf(number).hash })
    ;[a.head, b.head] = [97, 97]
    await expect(run(rpc.call('eth_call', LATEST))).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
  })
})

describe('what is known of', () => {
  test('only grows, until it is taken back', async () => {
    const { rpc, run } = lagging()
    rpc.reach?.come(KNOWN)
    rpc.reach?.come({ number: 90 as BlockNumber })
    expect(await run(rpc.call('eth_call', LATEST))).toBe('0xb1')
    rpc.reach?.back({ number: 97 as BlockNumber, hash: headerOf(97).hash })
    expect(await run(rpc.call('eth_call', LATEST))).toBe('0xa1')
    rpc.reach?.come(KNOWN)
    rpc.reach?.back()
    expect(await run(rpc.call('eth_call', LATEST))).toBe('0xa1')
  })

  test('G11: is forgotten when nobody can show it for a minute', async () => {
    const { rpc, run, clock } = lagging()
    rpc.reach?.come({ number: 1_000_000 as BlockNumber, hash: hashOf('made up') })
    const look = () => run(rpc.call('eth_call', LATEST)).catch(({ code }: { readonly code: string }) => code)
    expect(await look()).toBe('CHAIN_ANSWER_INVALID')
    await clock.advance(50_000)
    expect(await look()).toBe('CHAIN_ANSWER_INVALID')
    await clock.advance(10_000)
    await look()
    expect(await look()).toBe('0xa1')
  })

  test('is not forgotten while one endpoint shows it', async () => {
    const { rpc, run, clock } = lagging()
    rpc.reach?.come(KNOWN)
    for (let look = 0; look < 5; look += 1) {
      expect(await run(rpc.call('eth_call', LATEST))).toBe('0xb1')
      await clock.advance(31_000)
    }
  })
})
