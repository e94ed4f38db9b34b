import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { readBlock, readHead } from './block.ts'
import { openEndpoints, status, type WorldNode } from './endpoints.test-world.ts'
import { assertChainId } from './rpc.ts'
import { headerOf, hex } from './scripted.test-node.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const A = 'https://a.test'

/** One endpoint that serves chain 1 up to block 1000. */
function openOne() {
  const world = openEndpoints({ names: ['a'] })
  const node = world.nodes['a'] as WorldNode
  node.head = 1_000
  return { ...world, node }
}

/** One behind whose URL another chain may come. */
async function connected() {
  const { node, ...world } = openOne()
  /** From block `from` on it is another chain; `id` is the chain id. */
  const become = (from: number, { id = 1, head = 1_000 } = {}): void => {
    node.head = head
    node.scripts['eth_chainId'] = () => hex(id)
    node.scripts['eth_getBlockByNumber'] = (block: string) => {
      const number = block === 'latest' ? node.head : Number(block)
      return number > node.head ? null : headerOf(number, number >= from ? ' elsewhere' : '')
    }
  }
  await world.run(assertChainId(world.rpc, 1))
  await world.run(readHead(world.rpc))
  // Looked at once a second, and twice.
  for (const _ of [1, 2]) {
    await world.clock.advance(1_000)
    await world.run(readHead(world.rpc))
  }
  return { ...world, node, become }
}

describe('G11: the chain that one endpoint served, behind whose URL is', () => {
  test.each<[string, Parameters<Awaited<ReturnType<typeof connected>>['become']>, string]>([
    ['one of another id', [0, { id: 5 }], 'chain id 5, not 1'],
    ['the same begun anew', [0, { head: 3 }], `block 0 is ${headerOf(0, ' elsewhere').hash}, and was ${headerOf(0).hash}`],
    [
      'one with another history from the same beginning',
      [500],
      `block 872 is ${headerOf(872, ' elsewhere').hash}, and was ${headerOf(872).hash}`,
    ],
  ])(
    '%s: nothing of it counts after a failure, it is told once, and all goes on when the right one is back',
    async (_what, other, detail) => {
      const { rpc, run, node, become, troubles, told, uses } = await connected()
      node.reply = status(503)
      await expect(run(readHead(rpc))).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
      node.reply = () => undefined
      become(...other)
      for (const _ of [1, 2])
        await expect(run(readHead(rpc))).rejects.toMatchObject({
          code: 'CHAIN_EXCHANGED',
          kind: 'transient',
          facts: { endpoint: A, detail },
        })
      expect(troubles.filter(({ trouble }) => trouble === 'wrong_chain')).toEqual([{ endpoint: A, trouble: 'wrong_chain', detail }])
      expect(uses.at(-1)).toEqual({ endpoint: A, outcome: 'wrong_chain' })
      expect(told().slice(0, 2), 'not both that it does not answer and what it does').toEqual([
        `${A} busy`,
        expect.stringMatching(/ busy is over after/),
      ])
      become(Number.POSITIVE_INFINITY, { head: 1_001 })
      expect((await run(readHead(rpc))).number).toBe(1_001)
      expect(told().filter((line) => line.includes('wrong_chain is over'))).toHaveLength(1)
    },
  )

  test('another one without a sign: it is found within half a minute', async () => {
    const { rpc, run, become, clock } = await connected()
    become(0)
    await clock.advance(30_000)
    await expect(run(rpc.call('name', []))).rejects.toMatchObject({ code: 'CHAIN_EXCHANGED' })
  })

  test('another one, whose next block does not build upon the last one seen: that block does not count', async () => {
    const { rpc, run, become } = await connected()
    become(0, { head: 1_001 })
    await expect(run(readHead(rpc))).rejects.toMatchObject({ code: 'CHAIN_EXCHANGED' })
  })
})

test('G11: of two chains that answer in turn behind one URL, what the other one says does not count', async () => {
  const { rpc, run, become, node } = await connected()
  become(0, { head: 900 })
  // Asked again it would be the right one.
  node.reply = (calls) => {
    if (calls.length > 1) become(Number.POSITIVE_INFINITY)
    return undefined
  }
  const again = run(readBlock(rpc, 872 as BlockNumber))
  expect((await again)?.hash).toBe(headerOf(872).hash)
})

test.each(['the first one', 'the deep one'])(
  'G11: a lie about %s while it is not known yet is not held against the truth',
  async (which) => {
    const { run, rpc, node, clock, told } = openOne()
    await run(assertChainId(rpc, 1))
    await run(readHead(rpc))
    const isLie = (number: number): boolean => (which === 'the first one' ? number === 0 : number === 872)
    const tell = (isLying: boolean): void => {
      node.scripts['eth_getBlockByNumber'] = (block: string) => {
        const number = block === 'latest' ? node.head : Number(block)
        return headerOf(number, isLying && isLie(number) ? ' elsewhere' : '')
      }
    }
    tell(true)
    await clock.advance(1_000)
    await run(readHead(rpc))
    tell(false)
    for (let second = 0; second < 60; second += 1) {
      await clock.advance(1_000)
      await run(readHead(rpc))
    }
    expect(told()).toEqual([])
  },
)

test('a rewrite near the head is none, and an endpoint that has fallen far behind serves the same chain', async () => {
  const { rpc, run, node, become, told, clock } = await connected()
  become(990, { head: 1_001 })
  expect((await run(readHead(rpc))).hash).toBe(headerOf(1_001, ' elsewhere').hash)
  node.head = 600
  await clock.advance(30_000)
  expect((await run(readHead(rpc))).number).toBe(600)
  expect(told()).toEqual([])
})

test('what the chain is known by costs four calls in half a minute', async () => {
  const { rpc, run, node, clock } = await connected()
  const before = node.calls.length
  for (let second = 0; second < 30; second += 1) {
    await run(readBlock(rpc, 990 as BlockNumber))
    await clock.advance(1_000)
  }
  expect(node.calls.length - before).toBeLessThanOrEqual(30 + 4)
})

test('after a failure it is asked in the same request: of an endpoint that fails half of the time every second is answered', async () => {
  const { rpc, run, node } = await connected()
  let requests = 0
  node.reply = (calls) => {
    requests += 1
    return requests % 2 === 1 ? status(503)(calls) : undefined
  }
  for (let time = 0; time < 8; time += 1) await run(readHead(rpc))
  expect(requests).toBe(16)
})

test('of several that all serve another one, the failure is one that passes', async () => {
  const { rpc, run, nodes, clock, whoAnswers, told } = openEndpoints({ names: ['a', 'b'], chainId: 1 })
  await whoAnswers()
  for (const node of Object.values(nodes)) node.scripts['eth_chainId'] = () => hex(5)
  await clock.advance(30_000)
  await run(rpc.call('name', [])).catch(() => undefined)
  await expect(run(rpc.call('name', []))).rejects.toMatchObject({ code: 'CHAIN_EXCHANGED' })
  expect(told().sort()).toEqual([`${A} wrong_chain`, 'https://b.test wrong_chain'])
  for (const node of Object.values(nodes)) node.scripts['eth_chainId'] = () => hex(1)
  expect(await whoAnswers()).toBe('a')
})
