import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { createFakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import { createAccountNode, hex, refuse } from '#io/chain/rpc/scripted.test-node.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { type HeliaNode, startHeliaNode } from '#io/ipfs/helia.ts'
import { parseCid } from '#io/ipfs/unixfs.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { anchorChain, anchorRpc, ipfsPlace, sourceChain } from './adapters.ts'
import { createPools, OWN_POOLS } from './pools.ts'
import type { RoleHome } from './home.ts'
import { createNotes } from './notes.ts'
import { protocolSender } from './sender.ts'
import type { Settings } from './settings/settings.ts'
import { createStarted } from './stop.ts'

vi.mock('#io/ipfs/helia.ts', { spy: true })

const EMPTY = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

/** A role that starts, while its endpoints do what they like. */

const settings = {
  anchorRpcUrl: 'http://anchor.test',
  anchorChainId: 1,
  protocolState: `0x${'50'.repeat(20)}`,
  dataMarket: `0x${'da'.repeat(20)}`,
  pollMs: 50,
  signerUrl: '',
  signerKey: new Secret('07'.repeat(32)),
  feePerGasMax: 0,
  gasPerTransactionMax: 16_777_216,
  proofs: 'off',
  proofSamplePercent: 0,
} as unknown as Settings
const MANAGER = `0x${'e0'.repeat(20)}` as Address
const chain = createFakeChain({ clock: createVirtualClock(), market: marketOf({ epochManager: MANAGER }), signers: [] })

let told: [string, Readonly<Record<string, unknown>>][]
let home: RoleHome
beforeEach(() => {
  told = []
  const report = (event: string, facts: Readonly<Record<string, unknown>>): void => void told.push([event, facts])
  home = { report, store: createFakeStore(), notes: createNotes(() => 0), pools: OWN_POOLS } as unknown as RoleHome
})
afterEach(() => vi.unstubAllGlobals())

const hanging = () => vi.stubGlobal('fetch', () => new Promise(() => undefined))

test('parts of one process ask the same endpoints through one pool, and others through their own', () => {
  const together = { ...home, pools: createPools() }
  const rpc = anchorRpc(settings, together)
  expect(anchorRpc(settings, together)).toBe(rpc)
  expect(anchorRpc({ ...settings, anchorRpcUrl: 'http://other.test' }, together)).not.toBe(rpc)
  expect(anchorRpc({ ...settings, proofs: 'on', proofSamplePercent: 5 }, together)).not.toBe(rpc)
  expect(anchorRpc(settings, home)).not.toBe(rpc)
})

test('parts of one process that share a pool all hear that its endpoint does not answer', async () => {
  vi.stubGlobal('fetch', async () => {
    throw new TypeError('fetch failed')
  })
  const pools = createPools()
  const parts = ['/collector', '/snapshotter'].map((directory) => ({ ...home, notes: createNotes(() => 20_000), directory, pools }))
  const [rpc] = parts.map((part) => anchorRpc(settings, part))
  await expect(rpc?.rpc.call('eth_chainId', [])).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
  expect(parts.map(({ notes }) => notes.anchor.unready())).toEqual([[{ reason: 'anchor_unreachable' }], [{ reason: 'anchor_unreachable' }]])
  expect(told.filter(([event]) => event === 'endpoint_trouble')).toHaveLength(2)
})

describe('G12: an endpoint that never answers', () => {
  test('of the anchor chain holds up nobody who stops', async () => {
    hanging()
    const stopping = new AbortController()
    const starting = anchorChain(settings, home, { rpc: anchorRpc(settings, home), signal: stopping.signal })
    stopping.abort(new Error('enough'))
    await expect(starting).rejects.toThrow('enough')
  })

  test('of the source chain neither', async () => {
    hanging()
    const stopping = new AbortController()
    const starting = sourceChain(
      { sourceRpcUrl: 'http://source.test', proofs: 'off', proofSamplePercent: 0 },
      { chain, home },
      stopping.signal,
    )
    stopping.abort(new Error('enough'))
    await expect(starting).rejects.toThrow('enough')
  })
})

test('G12: what fails right after the start is tried again: the market, and the source chain', async () => {
  const node = createAccountNode()
  const answer = node.fetch
  let failures = 0
  vi.stubGlobal('fetch', async (...args: Parameters<typeof fetch>) => {
    failures += 1
    return failures <= 3 ? new Response('no', { status: 500 }) : answer(...args)
  })
  let reads = 0
  const flaky = {
    ...chain,
    async market() {
      reads += 1
      if (reads === 1) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'x', method: 'eth_call' })
      return chain.market()
    },
  }
  const source = await sourceChain(
    { sourceRpcUrl: 'http://source.test', proofs: 'off', proofSamplePercent: 0 },
    { chain: flaky, home },
    new AbortController().signal,
  )
  expect(await source.head()).toMatchObject({ number: node.head() })
  expect(told.find(([event]) => event === 'will_try_again')?.[1]).toMatchObject({ code: 'CHAIN_UNREACHABLE', doing: 'read_market' })
})

test.each([
  ['insufficient funds for gas * price + value', 'call_needs_person', { code: 'CALL_UNFUNDED', haveWei: '12' }],
  ['txpool is full', 'call_held', { code: 'CALL_POOL_FULL', detail: 'txpool is full' }],
])('"%s" is told as %s, with the account', async (words, event, facts) => {
  const node = createAccountNode()
  node.scripts['eth_sendRawTransaction'] = () => refuse(-32_000, words)
  node.scripts['eth_getBalance'] = () => hex(12)
  vi.stubGlobal('fetch', node.fetch)
  const sender = protocolSender(settings, home, anchorRpc(settings, home))
  const stopping = new AbortController()
  const call = { kind: 'releaseEpoch', begin: 100 as BlockNumber, end: 109 as BlockNumber } as const
  const sending = sender.send('release', call, stopping.signal).catch(() => undefined)
  await vi.waitFor(() => expect(told.map(([name]) => name)).toContain(event))
  stopping.abort()
  await sending
  expect(told.find(([name]) => name === event)?.[1]).toMatchObject({ ...facts, call: 'release', account: sender.address })
})

test('an IPFS node that was told of no peers is alone until somebody comes by himself', async () => {
  const peers = vi.fn(() => 0)
  vi.mocked(startHeliaNode).mockResolvedValue({ peers, stop: async () => undefined } as unknown as HeliaNode)
  const started = createStarted()
  const places = { ipfsListen: '/ip4/127.0.0.1/tcp/0', ipfsPeers: [], gateways: [], gatewayPort: 0, pinPlaces: [] }
  try {
    const ipfs = await ipfsPlace(places as unknown as Settings, { ...home, directory: '/nowhere' }, started)
    expect(ipfs.isAlone()).toBe(true)
    peers.mockReturnValue(2)
    expect([ipfs.isAlone(), home.notes.peers.get('ipfs')?.()]).toEqual([false, 2])
  } finally {
    await started.stop()
  }
})

test('an IPFS node whose peers are all away is alone, which is told with each attempt; one that is reached is enough', async () => {
  const node = { stop: async () => undefined } as unknown as HeliaNode
  const starting = vi.mocked(startHeliaNode).mockResolvedValue(node)
  const started = createStarted()
  const places = { ipfsListen: '/ip4/127.0.0.1/tcp/0', ipfsPeers: ['/a', '/b'], gateways: [], gatewayPort: 0, pinPlaces: [] }
  try {
    const ipfs = await ipfsPlace(places as unknown as Settings, { ...home, directory: '/nowhere' }, started)
    const dialled = starting.mock.calls[0]?.[1]?.onDialled
    const fails = (address: string) => dialled?.(address, new WeftError('LINK_FAILED', { address, detail: 'refused' }))
    fails('/a')
    expect(ipfs.isAlone()).toBe(false)
    dialled?.('/b')
    fails('/b')
    expect(ipfs.isAlone()).toBe(true)
    dialled?.('/b')
    expect(ipfs.isAlone()).toBe(false)
    expect(told.map(([event, { address, code }]) => [event, address, code])).toEqual([
      ['ipfs_peer_away', '/a', 'LINK_FAILED'],
      ['ipfs_peer_away', '/b', 'LINK_FAILED'],
      ['ipfs_peer_reached', '/b', undefined],
    ])
  } finally {
    await started.stop()
  }
})

test('gateways that are named are what an IPFS node has beside its peers: what they do is counted, and told where they should not', async () => {
  const starting = vi.mocked(startHeliaNode).mockResolvedValue({ stop: async () => undefined } as unknown as HeliaNode)
  starting.mockClear()
  const started = createStarted()
  const place = { ipfsListen: '/ip4/127.0.0.1/tcp/0', ipfsPeers: [], gatewayPort: 0, pinPlaces: [] }
  const depsWith = async (gateways: readonly string[]) => {
    await ipfsPlace({ ...place, gateways } as unknown as Settings, { ...home, directory: '/nowhere' }, started)
    return starting.mock.lastCall?.[1]
  }
  try {
    expect((await depsWith([]))?.gateways).toBeUndefined()
    const deps = await depsWith(['http://gateway.test/key'])
    deps?.onFetched?.('gateways')
    const { signal } = new AbortController()
    vi.stubGlobal('fetch', async () => new Response('<html>'))
    await expect(deps?.gateways?.fetch(parseCid(EMPTY), signal)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
    expect(told).toEqual([
      [
        'gateway_trouble',
        { gateway: 'http://gateway.test', trouble: 'lies', detail: expect.stringMatching(`^asked for ${EMPTY}, gave baf`) },
      ],
    ])
    expect(home.notes.recorder.read()).toEqual(
      expect.arrayContaining([
        { metric: 'weft_ipfs_blocks_total', labels: { from: 'gateways' }, value: 1 },
        { metric: 'weft_gateway_requests_total', labels: { gateway: 'http://gateway.test', outcome: 'lies' }, value: 1 },
      ]),
    )
  } finally {
    await started.stop()
  }
})
