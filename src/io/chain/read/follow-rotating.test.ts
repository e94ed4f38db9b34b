import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { hashOf, refuse } from '#io/chain/rpc/scripted.test-node.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { connectAnchorChain } from './anchor.ts'
import { createMarketNode, MARKET, STATE } from './scene.test-chain.ts'
import type { LogFilter } from './scene.test-chain.ts'

/** One address with several nodes behind it, as most providers have: each request goes to another one, and some lag. */

afterEach(() => {
  vi.unstubAllGlobals()
})

const BLOCK_MS = 1_000
const FIRST = 1_000
const POLL_MS = 500

/** Follows for `blocks` blocks while `isLate(n)` decides whether the n-th request goes to a node that is `lag` blocks behind. */
async function follow(options: { readonly blocks: number; readonly lag: number; readonly isLate: (request: number) => boolean }) {
  const node = createMarketNode({ head: FIRST })
  const clock = createVirtualClock({ startMs: 0 })
  let requests = 0
  const head = () => FIRST + Math.floor(clock.nowMs() / BLOCK_MS)
  const logs = node.scripts['eth_getLogs'] as (filter: LogFilter) => unknown
  node.scripts['eth_getLogs'] = (filter: LogFilter) => {
    const { blockHash } = filter
    // By hash a node says that it does not know the block; by range it says nothing.
    const isKnown =
      blockHash === undefined ||
      Array.from({ length: 40 }, (_, index) => node.world.head - index).some((number) => hashOf(`block ${number}`) === blockHash)
    return isKnown ? logs(filter) : refuse(-32_000, 'unknown block')
  }
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    requests += 1
    node.world.head = head() - (options.isLate(requests) ? options.lag : 0)
    return node.fetch(url, init)
  })
  const troubles: string[] = []
  const chain = await connectAnchorChain({
    rpcUrl: 'http://node.test',
    chainId: 1,
    protocolState: STATE,
    dataMarket: MARKET,
    pollMs: POLL_MS,
    reorgDepthMax: 64,
    clock,
    onTrouble: ({ code }) => troubles.push(code),
  })
  const stop = new AbortController()
  const numbers: number[] = []
  const behind: number[] = []
  const work = (async () => {
    for await (const step of chain.follow({ from: FIRST as BlockNumber, known: [], signal: stop.signal })) {
      numbers.push(step.kind === 'block' ? step.block.number : -1)
    }
  })()
  for (let block = 1; block <= options.blocks; block += 1) {
    await clock.advance(BLOCK_MS)
    const last = numbers.at(-1)
    if (last !== undefined) behind.push(head() - last)
  }
  stop.abort()
  await clock.runUntil(work, { limitMs: 10_000 })
  return { numbers, behind, troubles }
}

/** The same sequence in every run: a third of all, in no order (Numerical Recipes' generator). */
function aThird(seed: number): (request: number) => boolean {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32 < 1 / 3
  }
}

describe('behind one address', () => {
  test.each([1, 2, 3, 4])(
    'a third of the requests go to a node two blocks behind: the follower stays within that of the head (%i)',
    async (seed) => {
      const { numbers, behind, troubles } = await follow({ blocks: 600, lag: 2, isLate: aThird(seed) })
      expect(numbers).toEqual(numbers.map((_, index) => FIRST + index))
      // One more while the newest block is asked for.
      expect(Math.max(...behind)).toBeLessThanOrEqual(3)
      expect(behind.reduce((sum, lag) => sum + lag, 0) / behind.length).toBeLessThan(1.5)
      expect(troubles).toEqual([])
    },
  )

  test('a head that goes backwards and comes again undoes nothing', async () => {
    const { numbers, troubles } = await follow({ blocks: 100, lag: 12, isLate: aThird(5) })
    expect(numbers).toEqual(numbers.map((_, index) => FIRST + index))
    expect(numbers.length).toBeGreaterThan(85)
    expect(troubles).toEqual([])
  })

  test('a block that nobody serves is waited for at the usual pace for a while, then told', async () => {
    const { numbers, troubles } = await follow({ blocks: 60, lag: 60, isLate: (request) => request > 40 && request % 2 === 1 })
    expect(numbers).toEqual(numbers.map((_, index) => FIRST + index))
    expect(new Set(troubles)).toEqual(new Set(['CHAIN_ANSWER_INVALID']))
  })
})
