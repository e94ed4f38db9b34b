import { afterEach, describe, expect, test, vi } from 'vitest'
import type { WeftError } from '#domain/errors.ts'
import { openEndpoints, status, type WorldNode } from './endpoints.test-world.ts'
import { hex } from './scripted.test-node.ts'

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
