import { afterEach, expect, test, vi } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import type { EndpointTrouble } from '#io/chain/rpc/health.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { connectAnchorChain } from './anchor.ts'
import { createMarketNode, logOf, MARKET, STATE } from './scene.test-chain.ts'

/** A follower on two endpoints of which one is down, or wrong, at any time. */

afterEach(() => {
  vi.unstubAllGlobals()
})

const BLOCKS = 120
const released = Array.from({ length: BLOCKS }, (_, index) =>
  logOf(
    { block: index + 1, index: 0 },
    { of: STATE, name: 'EpochReleased', args: { dataMarketAddress: MARKET, epochId: BigInt(index + 1), begin: 1n, end: 10n } },
  ),
)

test('each block and event comes once and in order, whichever endpoint is down', async () => {
  const clock = createVirtualClock({ startMs: 0 })
  const head = () => 20 + Math.floor(clock.nowMs() / 1_000)
  const nodes = ['a', 'b'].map(() => createMarketNode({ head: 0 }))
  for (const node of nodes) node.world.logs.push(...released)
  const asked = [0, 0]
  /** They take turns of ten seconds, with three in which both are up; the second is a block behind. */
  const isUp = (index: number): boolean => {
    const second = Math.floor(clock.nowMs() / 1_000) % 26
    return index === 0 ? second < 13 : second >= 10
  }
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const index = new URL(url).hostname === 'a.test' ? 0 : 1
    const node = nodes[index] as (typeof nodes)[0]
    if (!isUp(index)) throw new TypeError('fetch failed')
    asked[index] = (asked[index] ?? 0) + 1
    node.world.head = Math.min(BLOCKS, head() - index)
    return node.fetch(url, init)
  })
  const troubles: string[] = []
  const ofEndpoints: EndpointTrouble[] = []
  const chain = await clock.runUntil(
    connectAnchorChain({
      rpcUrl: 'https://a.test/key, https://b.test/key',
      chainId: 1,
      protocolState: STATE,
      dataMarket: MARKET,
      pollMs: 500,
      reorgDepthMax: 64,
      clock,
      onTrouble: ({ code }) => troubles.push(code),
      onEndpointTrouble: (trouble) => ofEndpoints.push(trouble),
    }),
    { limitMs: 60_000 },
  )
  const seen: string[] = []
  const work = (async () => {
    for await (const step of chain.follow({ from: 1 as BlockNumber, known: [], signal: AbortSignal.timeout(60_000) })) {
      if (step.kind === 'rollback') throw new Error('nothing was rewritten')
      seen.push(`${step.block.number}: ${step.events.map((event) => ('epochId' in event ? event.epochId : '')).join()}`)
      if (step.block.number === BLOCKS) break
    }
  })()
  await clock.runUntil(work, { limitMs: 300_000 })
  expect(seen).toEqual(Array.from({ length: BLOCKS }, (_, index) => `${index + 1}: ${index + 1}`))
  // Within two seconds of the last block on the slower one, though the endpoints went down eight times.
  expect(clock.nowMs()).toBeLessThan((BLOCKS - 20 + 3) * 1_000)
  expect(Math.min(...asked)).toBeGreaterThan(50)
  expect(troubles).toEqual([])
  expect(ofEndpoints.map(({ endpoint, trouble }) => `${endpoint} ${trouble}`)).toContain('https://a.test unreachable')
  expect(JSON.stringify(ofEndpoints)).not.toContain('key')
})
