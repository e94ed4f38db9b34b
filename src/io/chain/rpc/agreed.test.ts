import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Address, BlockNumber } from '#domain/ids.ts'
import { blockScripts, type ProvableBlock, provableChain } from '#io/chain/proof/provable.test-chain.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { createMarketNode, MARKET, STATE } from '#io/chain/read/scene.test-chain.ts'
import { systemClock } from '#io/clock/system.ts'
import type { RpcCall } from './answer.ts'
import type { EndpointTrouble } from './health.ts'
import type { Rpc } from './rpc.ts'
import { hangs, openEndpoints, type WorldNode } from './endpoints.test-world.ts'

/** What a role rests on for long, from endpoints over HTTP of which some say otherwise. */

const HEAD = 30
const blocks: readonly ProvableBlock[] = provableChain(Array.from({ length: HEAD + 1 }, () => []))
const account = (digits: string) => `0x${digits.repeat(20)}` as Address
const HONEST = {
  EPOCH_SIZE: () => 10,
  SOURCE_CHAIN_ID: () => 137n,
  SOURCE_CHAIN_BLOCK_TIME: () => 20_000n,
  snapshotSubmissionWindow: () => 20n,
  batchSubmissionWindow: () => 60n,
  attestationSubmissionWindow: () => 120n,
  minAttestationsForConsensus: () => 2n,
  epochManager: () => account('b1'),
  getSequencers: () => [account('c1')],
  getValidators: () => [account('d1'), account('d2')],
}
/** Whose sequencer is the liar's own. */
const LIE = { ...HONEST, getSequencers: () => [account('ee')] }

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.unstubAllGlobals()
  for (const close of closing.splice(0)) await close()
})

/** An endpoint on loopback; what `views`, `head` and `reply` are may change while it runs. */
async function serve(views: Readonly<Record<string, (...args: never[]) => unknown>>) {
  const node = { views, head: HEAD, reply: undefined as number | 'never' | undefined, requests: 0 }
  const of = (state: typeof views) => createMarketNode({ head: HEAD, state }).scripts['eth_call'] as (...params: never[]) => unknown
  const made = createMarketNode({ head: HEAD })
  Object.assign(
    made.scripts,
    blockScripts(blocks, () => node.head),
    {
      eth_call: (...params: never[]) => of(node.views)(...params),
    },
  )
  const server = createServer(async (request, response) => {
    node.requests += 1
    const body = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString()) as RpcCall | RpcCall[]
    if (node.reply === 'never') return
    if (node.reply !== undefined) response.writeHead(node.reply)
    const answer = await made.fetch('', { body: JSON.stringify([body].flat()) })
    response.end(node.reply === undefined ? await answer.text() : '')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return Object.assign(node, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

type Endpoint = Awaited<ReturnType<typeof serve>>

async function connect(...endpoints: readonly Endpoint[]) {
  const troubles: EndpointTrouble[] = []
  const chain = await connectAnchorChain({
    rpcUrl: endpoints.map(({ url }) => url).join(', '),
    chainId: 1,
    protocolState: STATE,
    dataMarket: MARKET,
    pollMs: 5,
    reorgDepthMax: 64,
    clock: systemClock,
    onEndpointTrouble: (trouble) => troubles.push(trouble),
  })
  const nameOf = (endpoint: string) => 'abcd'[endpoints.findIndex(({ url }) => url === endpoint)]
  return {
    chain,
    troubles,
    told: () => troubles.map(({ endpoint, trouble, times }) => `${nameOf(endpoint)} ${trouble}${times === undefined ? '' : ' over'}`),
  }
}

const sequencers = [account('c1')]

describe('of three endpoints', () => {
  test.each([0, 1, 2])(
    'number %i alone says otherwise: it is told of, asked no more, and the market is what the others say',
    async (liar) => {
      const endpoints = await Promise.all([0, 1, 2].map((index) => serve(index === liar ? LIE : HONEST)))
      const { chain, told, troubles } = await connect(...endpoints)
      expect(await chain.market()).toMatchObject({ sequencers })
      await expect.poll(told).toEqual([`${'abc'[liar]} contradicts`])
      expect(troubles[0]?.detail).toMatch(/^answers eth_call 0x[0-9a-f]{8} of 0x5a.* at block 30 otherwise than most others$/)
      const before = endpoints[liar]?.requests
      expect(await chain.market()).toMatchObject({ sequencers })
      expect(endpoints[liar]?.requests).toBe(before)
    },
  )
})

test('one that has another ProtocolState, or no contract at all, does not keep a role from its start', async () => {
  const endpoints = await Promise.all([{ snapshotterState: () => `0x${'0'.repeat(40)}` }, HONEST, HONEST].map(serve))
  const { chain, told } = await connect(...endpoints)
  expect(await chain.market()).toMatchObject({ sequencers })
  await expect.poll(told).toEqual(['a contradicts'])
})

test('of three that all say something else nobody is believed', async () => {
  const names = ['a', 'b', 'c']
  const scripts = Object.fromEntries(names.map((name, index) => [name, { eth_call: () => `0x0${index}` }]))
  const { rpc, run } = openEndpoints({ names, scripts })
  const asking = (rpc.agreed as Rpc).call('eth_call', [{ to: STATE, data: '0x12345678' }, 'latest'])
  await expect(run(asking)).rejects.toMatchObject({ code: 'CHAIN_DISPUTED', facts: { endpoint: 'https://b.test, https://c.test' } })
})

describe('of two endpoints', () => {
  test('that differ both are asked again until they agree, and the difference is told with the one that differs', async () => {
    const [a, b] = [await serve(HONEST), await serve(LIE)]
    const { chain, told, troubles } = await connect(a, b)
    const failure: unknown = await chain.market().catch((thrown: unknown) => thrown)
    expect(failure).toMatchObject({ code: 'CHAIN_DISPUTED', kind: 'transient', facts: { endpoint: b.url, method: 'eth_call' } })
    expect((failure as Error).message).toContain(a.url)
    expect(told()).toEqual(['b contradicts'])
    expect(troubles[0]?.detail).toContain(a.url)
    const asking = chain.market()
    b.views = HONEST
    expect(await asking).toMatchObject({ sequencers })
    expect(told()).toEqual(['b contradicts', 'b contradicts over'])
  })

  test.each([
    ['is blocks behind, with what was so then,', (node: Endpoint) => (node.head = 5), 'a lagging'],
    ['answers nothing but failures', (node: Endpoint) => (node.reply = 500), 'a busy'],
  ])('the one that %s is told of, and the word of the other counts', async (_name, spoil, trouble) => {
    const [a, b] = [await serve(LIE), await serve(HONEST)]
    spoil(a)
    const { chain, told } = await connect(a, b)
    expect(await chain.market()).toMatchObject({ sequencers })
    await expect.poll(told).toEqual([trouble])
  })
})

test('the word of a single endpoint counts, of its newest block', async () => {
  const { chain } = await connect(await serve(LIE))
  expect(await chain.market()).toMatchObject({ sequencers: [account('ee')] })
})

describe('an endpoint that hangs', () => {
  test.each([
    ['of two', ['a', 'b'], 30_000],
    ['of three', ['a', 'b', 'c'], 10_000],
  ])('%s does not stop the others, for longer than it takes to see it', async (_name, names, limitMs) => {
    const eth_call = () => '0x01'
    const { rpc, nodes, clock, run } = openEndpoints({ names, scripts: Object.fromEntries(names.map((name) => [name, { eth_call }])) })
    ;(nodes['a'] as WorldNode).reply = hangs
    expect(await run((rpc.agreed as Rpc).call('eth_call', [{ to: STATE, data: '0x12345678' }, 'latest']))).toBe('0x01')
    expect(clock.nowMs()).toBeLessThan(limitMs)
  })
})

test('nothing is answered from before a block that was handed out, also where one has not come so far', async () => {
  const heads = { a: 101, b: 100, c: 99 }
  const scripts = Object.fromEntries(
    Object.keys(heads).map((name) => [name, { eth_call: (_call: unknown, block: string) => `state of ${Number(block)}` }]),
  )
  const { rpc, nodes, run } = openEndpoints({ names: Object.keys(heads), scripts })
  for (const [name, head] of Object.entries(heads)) (nodes[name] as WorldNode).head = head
  rpc.reach?.come({ number: 100 as BlockNumber })
  expect(await run((rpc.agreed as Rpc).call('eth_call', [{ to: STATE, data: '0x12345678' }, 'latest']))).toBe('state of 100')
})
