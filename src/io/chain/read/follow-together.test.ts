import { afterEach, expect, test, vi } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { openProvenRpc } from '#io/chain/proof/proven-rpc.ts'
import type { RpcCall } from '#io/chain/rpc/answer.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { connectAnchorChain } from './anchor.ts'
import { createMarketNode, logOf, MARKET, STATE } from './scene.test-chain.ts'

/** What several cost who follow one chain over one connection, as the parts of a process do. */

afterEach(() => {
  vi.unstubAllGlobals()
})

const [BEGIN, BLOCKS] = [3, 40]

/** What goes to the node while so many follow it from block to block, one of two seconds, and the blocks that each of them got. */
async function follow(followers: number) {
  const node = createMarketNode({ head: BEGIN })
  node.world.logs.push(
    logOf(
      { block: 5, index: 0 },
      { of: STATE, name: 'EpochReleased', args: { dataMarketAddress: MARKET, epochId: 1n, begin: 1n, end: 10n } },
    ),
  )
  const posts: string[] = []
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    posts.push((JSON.parse(String(init.body)) as RpcCall[]).map(({ method }) => method).join(' '))
    return node.fetch(url, init)
  })
  const clock = createVirtualClock({ startMs: 0 })
  const place = { rpcUrl: 'http://node.test', chainId: 1, clock }
  const market = { ...place, rpc: openProvenRpc(place), protocolState: STATE, dataMarket: MARKET, pollMs: 500, reorgDepthMax: 8 }
  const stop = new AbortController()
  const seen = await Promise.all(
    Array.from({ length: followers }, async () => {
      const chain = await connectAnchorChain(market)
      const blocks: string[] = []
      void (async () => {
        for await (const step of chain.follow({ from: BEGIN as BlockNumber, known: [], signal: stop.signal }))
          if (step.kind === 'block') blocks.push(`${step.block.number}: ${step.events.length}`)
      })()
      return blocks
    }),
  )
  await clock.advance(1_000)
  posts.splice(0)
  for (let block = 1; block <= BLOCKS; block += 1) {
    node.world.head += 1
    await clock.advance(2_000)
  }
  stop.abort()
  return { posts, seen }
}

test('each gets every block with its events, and all together cost what one costs', async () => {
  const [one, many] = [await follow(1), await follow(5)]
  const blocks = Array.from({ length: BLOCKS + 1 }, (_, index) => `${BEGIN + index}: ${BEGIN + index === 5 ? 1 : 0}`)
  expect(many.seen).toEqual(Array.from({ length: 5 }, () => blocks))
  expect(many.posts).toEqual(one.posts)
})

test('as long as the head is the same nothing but the head is asked for, and of another one its logs once', async () => {
  const { posts: all } = await follow(1)
  // Every half minute also whether it is the same chain still.
  const posts = all.filter((post) => !post.startsWith('eth_chainId '))
  expect(posts.filter((post) => post === 'eth_getLogs eth_getLogs')).toHaveLength(BLOCKS)
  expect(new Set(posts)).toEqual(new Set(['eth_getBlockByNumber', 'eth_getLogs eth_getLogs']))
  // Four times a block, every half second.
  expect(posts.length).toBeLessThanOrEqual(BLOCKS * 5)
  expect(all.length - posts.length).toBeLessThanOrEqual(4)
})
