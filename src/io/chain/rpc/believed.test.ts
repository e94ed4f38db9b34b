import { afterEach, describe, expect, test, vi } from 'vitest'
import type { WeftError } from '#domain/errors.ts'
import { openEndpoints, status, type WorldNode } from './endpoints.test-world.ts'
import { headerOf, hex } from './scripted.test-node.ts'

/** What one of several endpoints says alone. */

afterEach(() => void vi.unstubAllGlobals())

const requestsOf = (nodes: Readonly<Record<string, WorldNode>>): number =>
  Object.values(nodes).reduce((sum, { requests }) => sum + requests.length, 0)

describe('G11: a head', () => {
  test('far above those of all others makes nobody lag, and draws no work to who names it', async () => {
    const { run, rpc, told } = openEndpoints({
      names: ['a', 'b', 'c'],
      scripts: { c: { eth_blockNumber: () => '0x38d7ea4c68000', name: () => 'liar' } },
    })
    await run(rpc.call('name', []))
    expect(await run(rpc.call('name', []))).not.toBe('liar')
    expect(told()).toEqual(['https://c.test invents'])
  })

  const farther = (number: number) => hex(number + 100_000)
  /** Of two endpoints the one that is asked first names a head that is none. */
  function twoWithLiar() {
    const world = openEndpoints({ names: ['a', 'b'], suffixes: { a: ';weight=1000' } })
    const { a, b } = world.nodes as { readonly a: WorldNode; readonly b: WorldNode }
    const lie = () => {
      a.scripts['eth_blockNumber'] = () => farther(a.head)
      a.scripts['eth_getBlockByNumber'] = (block: string) => {
        if (block === 'latest') return { ...headerOf(a.head), number: farther(a.head) }
        return Number(block) > a.head ? null : headerOf(Number(block))
      }
    }
    return { ...world, a, b, lie, head: () => world.run(world.rpc.call('eth_blockNumber', [])) }
  }

  test('that its endpoint cannot show is not believed while another answers, and named once', async () => {
    const { run, rpc, told, lie, head, clock } = twoWithLiar()
    expect(await head()).toBe(hex(100))
    lie()
    expect(await head()).toBe(hex(100))
    expect(await run(rpc.call('eth_getBlockByNumber', ['latest', false]))).toEqual(headerOf(100))
    await clock.advance(61_000)
    expect(await head()).toBe(hex(100))
    expect(told()).toEqual(['https://a.test invents'])
  })

  test('is believed of one that can show it, though all others are hours behind', async () => {
    const { a, b, head, told, clock, run, rpc } = twoWithLiar()
    await head()
    a.head = 5_000
    expect(await head()).toBe(hex(5_000))
    b.head = 200
    await clock.advance(31_000)
    await head()
    await clock.advance(1_000)
    expect(await head()).toBe(hex(5_000))
    expect(told()).toEqual(['https://b.test lagging'])
    expect(await run(rpc.call('name', []))).toBe('a')
  })

  test('is no lie where the others have come so far since they were asked', async () => {
    const { a, b, head, told } = twoWithLiar()
    await head()
    a.head = 5_000
    b.head = 5_000
    a.scripts['eth_getBlockByNumber'] = () => null
    expect(await head()).toBe(hex(5_000))
    expect(told()).toEqual([])
  })

  test('of a single endpoint is the head', async () => {
    const { nodes, run, rpc, told } = openEndpoints({ names: ['a'] })
    await run(rpc.call('eth_blockNumber', []))
    ;(nodes['a'] as WorldNode).head = 1e6
    expect(await run(rpc.call('eth_blockNumber', []))).toBe(hex(1e6))
    expect(told()).toEqual([])
  })

  test('that nobody names any more is forgotten', async () => {
    const { nodes, run, rpc, clock } = openEndpoints({ names: ['a', 'b'] })
    const { b } = nodes as { readonly b: WorldNode }
    await run(rpc.call('eth_blockNumber', []))
    for (const head of [1e12, 100]) {
      b.head = head
      await clock.advance(31_000)
      await run(rpc.call('eth_blockNumber', []))
      await clock.advance(1_000)
    }
    const before = requestsOf(nodes)
    expect(await run(rpc.call('eth_getBlockByNumber', [hex(101), false]))).toBe(null)
    expect(requestsOf(nodes) - before).toBe(1)
  })
})

describe('a block that one lacks, below the head', () => {
  async function lackedByOne() {
    const world = openEndpoints({ names: ['a', 'b', 'c'] })
    const { a, b, c } = world.nodes as { readonly [name: string]: WorldNode } & Record<'a' | 'b' | 'c', WorldNode>
    await world.run(world.rpc.call('eth_blockNumber', []))
    a.head = 90
    for (const node of [b, c]) node.reply = status(503)
    return world
  }

  test('is not absent while the others only fail', async () => {
    const { run, rpc } = await lackedByOne()
    const asking = run(rpc.call('eth_getBlockByNumber', [hex(95), false]))
    await expect(asking.catch((failure: WeftError) => Promise.reject(failure.code))).rejects.toBe('CHAIN_UNREACHABLE')
  })

  test('is absent when the others are down for good: nobody waits for them for ever', async () => {
    const { run, rpc, clock } = await lackedByOne()
    const ask = () => run(rpc.call('eth_getBlockByNumber', [hex(95), false])).catch(({ code }: WeftError) => code)
    const answers: unknown[] = []
    for (let attempt = 0; attempt < 4; attempt += 1) {
      answers.push(await ask())
      await clock.advance(1_000)
    }
    expect(answers.at(-1)).toBe(null)
  })
})
