import { afterEach, expect, test, vi } from 'vitest'
import { openEndpoints, status } from '#io/chain/rpc/endpoints.test-world.ts'
import type { WorldNode } from '#io/chain/rpc/endpoints.test-world.ts'
import { headerOf, hex, refuse } from '#io/chain/rpc/scripted.test-node.ts'
import type { Script } from '#io/chain/rpc/scripted.test-node.ts'
import { checkEndpoints } from './rpc-check.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const HEAD = 200_000
const rangeOf = ({ fromBlock, toBlock }: { readonly fromBlock: string; readonly toBlock: string }) =>
  Number(toBlock) - Number(fromBlock) + 1
/** What a good node says to everything that is asked; its newest block is of now. */
const GOOD: Record<string, Script> = {
  eth_getBlockByNumber: (block: string) => ({ ...headerOf(HEAD - ({ safe: 32, finalized: 64 }[block] ?? 0)), timestamp: hex(0) }),
  eth_getLogs: (filter: { readonly address?: string; readonly fromBlock: string; readonly toBlock: string }) =>
    filter.address === undefined ? Array.from({ length: rangeOf(filter) * 100 }, () => 'log') : [],
  eth_getBalance: () => '0x0',
  eth_getProof: () => ({}),
}

async function check(
  names: readonly string[],
  scripts: Readonly<Record<string, Record<string, Script>>> = {},
  set?: (nodes: Record<string, WorldNode>) => void,
  nowSeconds = 0,
) {
  const world = openEndpoints({ names, scripts: Object.fromEntries(names.map((name) => [name, { ...GOOD, ...scripts[name] }])) })
  for (const node of Object.values(world.nodes)) node.head = HEAD
  set?.(world.nodes)
  const reports = await world.run(
    checkEndpoints(
      names.map((name) => `https://${name}.test/secret-key`),
      { ...world.clock, nowMs: () => 1_000 * nowSeconds + world.clock.nowMs() },
    ),
  )
  expect(JSON.stringify(reports)).not.toContain('secret-key')
  return { reports, requests: Object.values(world.nodes).map(({ requests }) => requests.length) }
}

test('a good endpoint serves every role, and is asked two dozen times at most', async () => {
  const { reports, requests } = await check(['a'])
  expect(reports).toEqual([
    {
      endpoint: 'https://a.test',
      chainId: 1,
      head: HEAD,
      lagBlocks: 0,
      latencyMs: 0,
      headAgeSeconds: 0,
      blockSeconds: 0,
      logsRangeBlocks: 10_000,
      logsResults: 5_000,
      batchLength: 100,
      stateDepthBlocks: 100_000,
      hasProof: true,
      safeBlocksBack: 32,
      finalizedBlocksBack: 64,
      requests: requests[0],
      problems: { anchor: [], 'source of epochs': [], 'source of a snapshotter': [] },
    },
  ])
  expect(requests[0]).toBeLessThanOrEqual(24)
})

test('limits are found, in two dozen requests or little more', async () => {
  const { reports, requests } = await check(
    ['a'],
    {
      a: {
        eth_getLogs: (filter: { readonly address?: string; readonly fromBlock: string; readonly toBlock: string }) =>
          rangeOf(filter) > (filter.address === undefined ? 10 : 500)
            ? refuse(-32_005, 'query returned more than 1000 results')
            : Array(rangeOf(filter)).fill(1),
        eth_getBalance: (_address: string, block: string) => (Number(block) < HEAD - 127 ? refuse(-32_000, 'missing trie node') : '0x0'),
        eth_getProof: () => refuse(-32_601, 'no such method'),
      },
    },
    ({ a }) => {
      ;(a as WorldNode).reply = (calls) => (calls.length > 20 ? new Response('', { status: 413 }) : undefined)
    },
  )
  expect(reports[0]).toMatchObject({
    logsRangeBlocks: 500,
    logsResults: 10,
    logsResultsRefusal: 'query returned more than 1000 results (-32005)',
    batchLength: 20,
    stateDepthBlocks: 120,
    hasProof: false,
    problems: { anchor: [], 'source of epochs': [], 'source of a snapshotter': [] },
  })
  expect(requests[0]).toBeLessThanOrEqual(30)
})

test('what keeps an endpoint from serving is said, by what it is asked for', async () => {
  const none = { eth_getLogs: () => refuse(-32_601, 'no such method') }
  const ahead = { eth_getBlockByNumber: () => ({ ...headerOf(HEAD), timestamp: hex(300) }) }
  const shallow = { eth_getBalance: () => refuse(-32_000, 'header not found') }
  const { reports } = await check(['none', 'shallow', 'late', 'dead', 'ahead'], { none, shallow, ahead }, (nodes) => {
    ;(nodes['late'] as WorldNode).head = HEAD - 5
    ;(nodes['dead'] as WorldNode).reply = status(401)
  })
  expect(reports.map(({ problems }) => problems)).toEqual([
    { anchor: ['no logs by range'], 'source of epochs': [], 'source of a snapshotter': ['no logs by range'] },
    { anchor: [], 'source of epochs': [], 'source of a snapshotter': ['state of 0 blocks only, 120 are needed'] },
    {
      anchor: ['5 blocks behind the others'],
      'source of epochs': ['5 blocks behind the others'],
      'source of a snapshotter': ['5 blocks behind the others'],
    },
    { anchor: ['HTTP 401, no JSON'], 'source of epochs': ['HTTP 401, no JSON'], 'source of a snapshotter': ['HTTP 401, no JSON'] },
    Object.fromEntries(
      ['anchor', 'source of epochs', 'source of a snapshotter'].map((use) => [
        use,
        ["its newest block is 300 seconds ahead of this machine's clock"],
      ]),
    ),
  ])
  expect(reports[3]).toMatchObject({ failure: 'HTTP 401, no JSON' })
})

test('its newest block is old by the pace of its chain', async () => {
  const paced = (blockSeconds: number) => ({
    eth_getBlockByNumber: (number: string) => ({
      ...headerOf(HEAD),
      timestamp: hex(NOW - 200 - (number === 'latest' ? 0 : blockSeconds * (HEAD - Number(number)))),
    }),
  })
  const NOW = 100_000
  const { reports } = await check(['slow', 'fast'], { slow: paced(60), fast: paced(2) }, undefined, NOW)
  expect(reports.map(({ blockSeconds, problems }) => [blockSeconds, problems.anchor])).toEqual([
    [60, []],
    [2, ['its newest block is 200 seconds old, with a block every 2 s']],
  ])
})

test('an endpoint of another chain is behind nobody', async () => {
  const { reports } = await check(['a', 'b'], { b: { eth_chainId: () => hex(2) } }, (nodes) => {
    ;(nodes['b'] as WorldNode).head = 7
  })
  expect(reports.map(({ lagBlocks, chainId }) => [lagBlocks, chainId])).toEqual([
    [0, 1],
    [0, 2],
  ])
})

test('text that names no endpoint is refused before anything is asked', async () => {
  await expect(checkEndpoints(['https://a.test', 'nonsense'])).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    facts: { problems: ['an RPC URL number 2 of 2 is not an http(s) URL'] },
  })
})
