import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Address, BlockNumber, EpochId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { createFakeChain, type FakeChain } from '#io/chain/fake/anchor.ts'
import { createFakeSourceChain } from '#io/chain/fake/source.ts'
import type { MarketState } from '#io/chain/port.ts'
import type { ProvenRpc } from '#io/chain/proof/proven-rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import type { Signer } from '#io/keys/port.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { serveWeb3Signer } from '#io/keys/web3signer.test-server.ts'
import { createFakeServers } from '#io/log/fake.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { startNode } from '#io/p2p/libp2p.ts'
import type { Judge } from '#io/p2p/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import type { SequencerDeps } from '#roles/sequencer/sequencer.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { SUBMIT_PROTOCOL } from '#wire/submit-frame.ts'
import { completeManifest, encodeManifest, rulesOf } from '#wire/manifest.ts'
import { serveGateway } from './gateway.ts'
import { keepManifest } from './manifest-files.ts'
import { marketText } from './market-file.ts'
import { readSettings } from './read-settings.ts'
import type { RunningRole } from './role.ts'
import { readRun } from './run-file.ts'
import type { Role } from './settings/roles.ts'
import { startRole } from './start.ts'
// What `startRole` loads when it is needed takes seconds on a busy machine: here it is loaded before any test begins.
import './api.ts'
import './collector.ts'
import type { Collector, CollectorDeps } from '#roles/collector/collector.ts'
import { isServing } from '#io/grpc/serving.ts'
import { submission } from '#io/grpc/suite.ts'
import './epochs.ts'
import './relay.ts'
import './scale-out.ts'
import './sequencer.ts'
import './snapshotter.ts'
import './validator.ts'

/** Every role as the command line starts it, with real sockets and disks; only the chains are fakes. */

const KEY = '11'.repeat(32)
const account = createSigner(parsePrivateKey(KEY)).address
const MARKET: MarketState = {
  epochSize: 10,
  sourceChainId: 1,
  sourceBlockTimeSeconds: 12,
  snapshotWindowBlocks: 10,
  batchWindowBlocks: 40,
  attestationWindowBlocks: 60,
  attestationsMin: 1,
  epochManager: account,
  sequencers: [account],
  validators: [account],
}
const PEER = '12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn'

/** What the adapters and roles were given. */
const given = vi.hoisted(() => ({ chain: undefined as unknown, options: new Map<string, unknown>() }))
vi.mock('#io/chain/read/anchor.ts', () => ({
  connectAnchorChain: async (options: unknown) => {
    given.options.set('anchor chain', options)
    return given.chain
  },
}))
vi.mock('#io/chain/source/source.ts', () => ({
  connectSourceChain: async (options: unknown) => {
    given.options.set('source chain', options)
    return createFakeSourceChain({ blocks: 5 })
  },
}))
// Names of this machine, which other runs of this test would take.
vi.mock('./hold.ts', () => ({
  async holdSlots(slotIds: unknown) {
    given.options.set('slots held', slotIds)
    return 'a market'
  },
  holdValidator: async (address: unknown) => void given.options.set('validator held', address),
}))
vi.mock('#io/chain/send/sender.ts', () => ({
  createProtocolSender: (options: { journal: never; signer: Signer }) => {
    given.options.set('sender', options)
    return (given.chain as FakeChain).sender({ address: options.signer.address, journal: options.journal })
  },
}))
vi.mock('#roles/sequencer/sequencer.ts', async (original) => {
  const real = await original<typeof import('#roles/sequencer/sequencer.ts')>()
  return {
    ...real,
    createSequencer: (...args: Parameters<typeof real.createSequencer>) => {
      given.options.set('sequencer', args[0])
      given.options.set('deps of the sequencer', args[1])
      given.options.set("sequencer's rules", args[1].rules.present)
      return real.createSequencer(...args)
    },
  }
})
vi.mock('#io/log/jetstream.ts', () => ({
  openJetStream: async (options: { readonly holder: string }) => {
    given.options.set('log', options)
    return createFakeServers({ clock: systemClock }).connect(options.holder)
  },
}))
vi.mock('#io/p2p/relay.ts', async (original) => {
  const real = await original<typeof import('#io/p2p/relay.ts')>()
  return {
    ...real,
    createRelay: (options: Parameters<typeof real.createRelay>[0]) => {
      given.options.set('relay', options)
      return real.createRelay(options)
    },
  }
})
vi.mock('#roles/relay/relay.ts', async (original) => {
  const real = await original<typeof import('#roles/relay/relay.ts')>()
  return {
    ...real,
    createRelayRole: (...args: Parameters<typeof real.createRelayRole>) => {
      given.options.set('relay role', args[0])
      return real.createRelayRole(...args)
    },
  }
})
vi.mock('#io/p2p/host.ts', async (original) => {
  const real = await original<typeof import('#io/p2p/host.ts')>()
  return {
    ...real,
    createSubmissionHost: (options: Parameters<typeof real.createSubmissionHost>[0]) => {
      given.options.set('host', options)
      return real.createSubmissionHost(options)
    },
  }
})
vi.mock('#io/p2p/dialer.ts', async (original) => {
  const real = await original<typeof import('#io/p2p/dialer.ts')>()
  return {
    ...real,
    createSubmissionDialer: (options: Parameters<typeof real.createSubmissionDialer>[0]) => {
      given.options.set('dialer', options)
      return real.createSubmissionDialer(options)
    },
  }
})
vi.mock('#roles/collector/collector.ts', async (original) => {
  const real = await original<typeof import('#roles/collector/collector.ts')>()
  return {
    ...real,
    createCollector: (...args: Parameters<typeof real.createCollector>) => {
      given.options.set('collector', args[0])
      given.options.set('deps of the collector', args[1])
      return real.createCollector(...args)
    },
  }
})
vi.mock('#roles/validator/validator.ts', async (original) => {
  const real = await original<typeof import('#roles/validator/validator.ts')>()
  return {
    ...real,
    createValidator: (...args: Parameters<typeof real.createValidator>) => {
      given.options.set('validator', args[0])
      given.options.set("validator's rules", args[1].rules.present)
      return real.createValidator(...args)
    },
  }
})
vi.mock('#roles/epochs/epochs.ts', async (original) => {
  const real = await original<typeof import('#roles/epochs/epochs.ts')>()
  return {
    ...real,
    createEpochs: (...args: Parameters<typeof real.createEpochs>) => {
      given.options.set('epochs', args[0])
      return real.createEpochs(...args)
    },
  }
})

const folder = mkdtempSync(join(tmpdir(), 'weft-wire-'))
const marketPath = join(folder, 'market.json')
const address = `0x${'ab'.repeat(20)}`
const contracts = ['factory', 'router', 'weth', 'dai', 'usdc', 'usdt', 'daiWethPair', 'usdcWethPair', 'wethUsdtPair']
writeFileSync(
  marketPath,
  marketText([
    {
      name: 'uniswap-v2',
      config: {
        ...Object.fromEntries(contracts.map((name) => [name, address])),
        whitelist: [address],
        pairs: [address],
        feeOn: 'trade',
      },
    },
  ]),
)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let chain: FakeChain
let running: RunningRole | undefined
let homes = 0
beforeEach(() => {
  chain = createFakeChain({ clock: systemClock, market: MARKET, signers: [account as Address], blockTimeMs: 200, pollMs: 20 })
  given.chain = chain
  given.options.clear()
})
afterEach(async () => {
  await running?.stop().catch(() => undefined)
  running = undefined
  chain.stop()
})

const CHAIN_FLAGS = {
  anchorRpcUrl: 'http://127.0.0.1:1',
  anchorChainId: '7869',
  protocolState: `0x${'01'.repeat(20)}`,
  dataMarket: `0x${'02'.repeat(20)}`,
  signerKey: KEY,
  pollMs: '50',
}
const SOURCE_FLAGS = { sourceRpcUrl: 'http://127.0.0.1:2', sourceChainId: '1' }
const FLAGS: Readonly<Record<Role, Readonly<Record<string, string>>>> = {
  epochs: { ...CHAIN_FLAGS, ...SOURCE_FLAGS, headOffset: '3', firstBlock: '1' },
  snapshotter: {
    ...CHAIN_FLAGS,
    ...SOURCE_FLAGS,
    namespace: 'NS',
    slots: '1',
    collector: '127.0.0.1:1',
    market: marketPath,
    signedDir: join(folder, 'signed'),
  },
  collector: { grpcListen: '127.0.0.1:0', sequencers: `/ip4/127.0.0.1/tcp/1/p2p/${PEER}` },
  relay: {},
  sequencer: { ...CHAIN_FLAGS, namespace: 'NS', windowUnit: 'blocks', projectsPerBatch: '7' },
  validator: { ...CHAIN_FLAGS, namespace: 'NS', windowUnit: 'blocks' },
  api: { ...CHAIN_FLAGS, namespace: 'NS' },
}

async function start(role: Role, flags: Readonly<Record<string, string>> = {}) {
  homes += 1
  const dataDir = join(folder, `${role}-${homes}`)
  const settings = readSettings(role, { ...FLAGS[role], dataDir, ...flags }, {})
  running = await startRole(role, settings, { logTo: join(folder, 'log') })
  return { role: running, dataDir }
}

/** `host:port` of everything that listens. An index is a file. */
function listening({ places: { index: _, ...places } }: RunningRole): [string, number][] {
  return Object.values(places).flatMap((list) =>
    list.map((where): [string, number] => {
      const [, host, port] = /(?:\/ip4\/|http:\/\/|^)([0-9.]+)(?:\/tcp\/|:)(\d+)/.exec(where) as unknown as [string, string, string]
      return [host, Number(port)]
    }),
  )
}
async function isOpen([host, port]: [string, number]): Promise<boolean> {
  const socket = connect(port, host)
  try {
    await once(socket, 'connect')
    return true
  } catch (failure) {
    expect(failure).toMatchObject({ code: 'ECONNREFUSED' })
    return false
  } finally {
    socket.destroy()
  }
}

const OWN_METRICS: Readonly<Record<Role, string>> = {
  epochs: 'releases_total',
  snapshotter: 'snapshotter_epochs_open',
  collector: 'collector_linked',
  relay: 'relay_circuits',
  sequencer: 'sequencer_unfinished_epochs',
  validator: 'validator_late_total',
  api: 'api_leading',
}

describe.each<[Role, string[]]>([
  ['epochs', []],
  ['snapshotter', ['ipfs', 'gateway']],
  ['collector', ['grpc']],
  ['relay', ['p2p']],
  ['sequencer', ['p2p', 'ipfs', 'gateway', 'http']],
  ['validator', ['ipfs', 'gateway']],
  ['api', ['http', 'index', 'ipfs', 'gateway']],
])('%s', (name, places) => {
  test('listens where it says, and nowhere when it is stopped; its home is free again', async () => {
    const { role, dataDir } = await start(name)
    expect(Object.keys(role.places)).toEqual(places)
    const sockets = listening(role)
    expect(sockets.length).toBeGreaterThanOrEqual(places.filter((place) => place !== 'index').length)
    for (const socket of sockets) expect([socket, await isOpen(socket)]).toEqual([socket, true])
    const { healthUrl = '' } = role
    expect((await fetch(`${healthUrl}/livez`)).status).toBe(200)
    const metrics = await (await fetch(`${healthUrl}/metrics`)).text()
    expect(metrics).toContain(`weft_info{role="${name}"`)
    // What the role itself says, beside what is the same for all.
    expect(metrics).toMatch(new RegExp(`^weft_(${OWN_METRICS[name]})`, 'm'))
    const purposes = [...metrics.matchAll(/^weft_peers\{purpose="(\w+)"\} 0$/gm)].map(([, purpose]) => purpose)
    expect(purposes).toEqual([...(places.includes('ipfs') ? ['ipfs'] : []), ...(name === 'sequencer' ? ['submissions'] : [])])
    expect(readRun(dataDir)).toMatchObject({ role: name, url: healthUrl })
    running = undefined
    await role.stop()
    for (const socket of sockets) expect([socket, await isOpen(socket)]).toEqual([socket, false])
    await openSqliteStore({ path: join(dataDir, 'state.sqlite') }).close()
    expect(await role.ended).toBeUndefined()
    expect([await isOpen(['127.0.0.1', Number(new URL(healthUrl).port)]), readRun(dataDir)]).toEqual([false, undefined])
  })
})

test('what a snapshotter and a validator sign for is held by one process of the machine', async () => {
  const { role } = await start('snapshotter', { slots: '1' })
  expect(given.options.get('slots held')).toEqual([1])
  running = undefined
  await role.stop()
  await start('validator')
  expect(given.options.get('validator held')).toBe(account)
})

test.each<[Role, string, boolean]>([
  ['validator', '1', true],
  ['validator', '0', false],
  ['sequencer', '1', true],
  ['sequencer', '0', false],
])(
  'a %s listens for %s epochs whether another process signs with its account, and is not ready before',
  async (name, listenEpochs, isListening) => {
    const { role } = await start(name, { listenEpochs })
    const status = await fetch(`${role.healthUrl}/status`, { headers: { connection: 'close' } })
    const { unready } = (await status.json()) as { readonly unready: readonly { readonly reason: string }[] }
    expect(unready.some(({ reason }) => reason === 'twin_listening')).toBe(isListening)
  },
)

describe('settings reach', () => {
  test('the health routes: nowhere when they are off, where they are told otherwise, and never where others ask', async () => {
    const { role } = await start('relay', { healthListen: 'off' })
    expect(role.healthUrl).toBeUndefined()
    running = undefined
    await role.stop()
    await expect(start('relay', { healthListen: '0.0.0.0:0' })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  })

  test('the chains: the very one that was meant, and no other', async () => {
    await start('epochs')
    expect(given.options.get('anchor chain')).toMatchObject({
      rpcUrl: CHAIN_FLAGS.anchorRpcUrl,
      chainId: 7_869,
      protocolState: CHAIN_FLAGS.protocolState,
      dataMarket: CHAIN_FLAGS.dataMarket,
      pollMs: 50,
    })
    expect(given.options.get('source chain')).toMatchObject({ rpcUrl: SOURCE_FLAGS.sourceRpcUrl, chainId: 1 })
    expect(given.options.get('sender')).toMatchObject({ chainId: 7_869, dataMarket: CHAIN_FLAGS.dataMarket, pollMs: 50 })
    // One pool of endpoints for both: a budget of requests is kept by all that they ask together.
    const { rpc } = given.options.get('sender') as { readonly rpc: unknown }
    expect(rpc).toBeDefined()
    expect(rpc).toBe((given.options.get('anchor chain') as { readonly rpc: ProvenRpc }).rpc.rpc)
    expect(given.options.get('epochs')).toMatchObject({ headOffset: 3, firstBlock: 1, pollMs: 50 })
  })

  test('the proofs of both chains, which are on unless they are turned off', async () => {
    const ofAnchor = () => (given.options.get('anchor chain') as { readonly rpc: ProvenRpc }).rpc.proofs
    const { role } = await start('snapshotter')
    expect(given.options.get('source chain')).toMatchObject({ proofs: { receiptsShare: 0.05 } })
    expect(ofAnchor()).toBeDefined()
    running = undefined
    await role.stop()
    const { role: other } = await start('snapshotter', { proofSamplePercent: '100' })
    expect(given.options.get('source chain')).toMatchObject({ proofs: { receiptsShare: 1 } })
    running = undefined
    await other.stop()
    await start('snapshotter', { proofs: 'off' })
    expect(given.options.get('source chain')).not.toHaveProperty('proofs')
    expect(ofAnchor()).toBeUndefined()
  })

  test('the HTTP routes: a token is asked for where there is one, and needed where others can ask', async () => {
    const { role } = await start('sequencer', { httpListen: '127.0.0.1:0', authReadToken: 'a-token-of-24-characters' })
    const [url = ''] = role.places['http'] ?? []
    expect((await fetch(`${url}/v1/epochs`)).status).toBe(401)
    expect((await fetch(`${url}/openapi.json`)).status).toBe(200)
    running = undefined
    await role.stop()
    await expect(start('sequencer', { httpListen: '0.0.0.0:0' })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  })

  test.each<[Role, string, string, Record<string, string>]>([
    ['sequencer', 'http', '/openapi.json', {}],
    ['sequencer', 'gateway', '/ipfs/none', {}],
    ['snapshotter', 'http', '/internal/snapshotter/status', { statusListen: '127.0.0.1:0' }],
  ])('G11: the %s answers at its %s whoever calls this machine by a name of its own', async (role, place, path, flags) => {
    const { role: asked } = await start(role, { ...flags, httpHosts: 'mine.example.org' })
    const by = async (host: string): Promise<number | undefined> => {
      const asking = request(`${asked.places[place]?.[0]}${path}`, { headers: { host, connection: 'close' } }).end()
      const [answer] = (await once(asking, 'response')) as [IncomingMessage]
      answer.resume()
      return answer.statusCode
    }
    expect(await by('evil.example')).toBe(403)
    for (const own of ['127.0.0.1', 'mine.example.org:8080']) expect(await by(own)).not.toBe(403)
  })

  test('a sequencer that has a token answers who knows it, by whatever name: deployed clients come through proxies', async () => {
    const { role: asked } = await start('sequencer', { authReadToken: 'a-token-of-24-characters' })
    const headers = { host: 'sequencer.example.org', authorization: 'Bearer a-token-of-24-characters', connection: 'close' }
    const [answer] = (await once(request(`${asked.places['http']?.[0]}/v1/epochs`, { headers }).end(), 'response')) as [IncomingMessage]
    answer.resume()
    expect(answer.statusCode).toBe(200)
  })

  test('the status routes of a snapshotter: none unless asked for, and only for this machine', async () => {
    const { role } = await start('snapshotter')
    expect(role.places).not.toHaveProperty('http')
    running = undefined
    await role.stop()
    const { role: asked } = await start('snapshotter', { statusListen: '127.0.0.1:0' })
    const [url = ''] = asked.places['http'] ?? []
    expect(await (await fetch(`${url}/internal/snapshotter/status`)).json()).toMatchObject({ totalMissedSubmissions: 0, projects: [] })
    running = undefined
    await asked.stop()
    await expect(start('snapshotter', { statusListen: '0.0.0.0:0' })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  })

  test('sequencer and validator, which judge by the same rules', async () => {
    const { role } = await start('sequencer')
    running = undefined
    await role.stop()
    await start('validator')
    const [sequencer, validator] = ['sequencer', 'validator'].map((role) => given.options.get(`${role}'s rules`)) as [
      MarketRules,
      MarketRules,
    ]
    expect(sequencer).toEqual({
      windowUnit: 'blocks',
      namespace: 'NS',
      deadlineBufferMaxBlocks: 1_000,
      tally: { minVotes: 0, minShareBp: 0 },
      voting: 'open',
      batchForm: 'json',
      batchTree: 'either',
      anchoring: 'projects',
      projectsPerBatch: 7,
      projectsPerSlotMax: 1_000,
      availability: 'none',
      completeness: 'none',
    })
    expect({ ...validator, projectsPerBatch: 7 }).toEqual(sequencer)
    expect(given.options.get('sequencer')).toMatchObject({ batchBytesMax: 8 * 1024 * 1024, epochsKept: 1_000, ipfsEpochsKept: 10_000 })
    expect(given.options.get('validator')).toEqual({
      level: 'tally',
      keepsFinal: false,
      recomputeShareBp: 500,
      epochsKept: 1_000,
      ipfsEpochsKept: 10_000,
    })
  })

  test('a role of a market with a manifest, which needs no flags about it, and starts with none that say otherwise', async () => {
    const manifest = completeManifest(new TextEncoder().encode('{"namespace":"MANIFESTED","tally":{"minVotes":3}}'), MARKET, 'it')
    const bytes = encodeManifest(manifest)
    const cid = await snapshotCidOf(bytes)
    const network = join(folder, 'network.json')
    writeFileSync(
      network,
      JSON.stringify({
        chainId: 7_869,
        ...Object.fromEntries(['protocolState', 'dataMarket', 'nodes', 'factory'].map((name) => [name, account])),
        deploymentBlock: 1,
      }),
    )
    keepManifest(folder, { cid, bytes })
    chain.setManifest({ cid, fromEpochId: 0 as EpochId })
    chain.mine()
    const { namespace: _, windowUnit: _unit, ...flags } = FLAGS.validator as Record<string, string>
    const settings = (change: object) =>
      readSettings('validator', { ...flags, ...change, network, dataDir: join(folder, `manifested-${homes++}`) }, {})
    running = await startRole('validator', settings({}), { logTo: join(folder, 'log') })
    expect(given.options.get("validator's rules")).toEqual(rulesOf(manifest))
    await running.stop()
    running = undefined
    await expect(startRole('validator', settings({ namespace: 'OTHER' }), { logTo: join(folder, 'log') })).rejects.toMatchObject({
      code: 'MARKET_CONTRADICTED',
      facts: { problems: [`namespace: the manifest ${cid} says MANIFESTED, --namespace (WEFT_NAMESPACE) OTHER`] },
    })
  })

  test('places that keep copies: what a role adds is there, and a sequencer can wait for it', async () => {
    const cars = join(folder, 'cars')
    const { role } = await start('sequencer', { pinPlaces: `car:${cars},kubo:http://127.0.0.1:1`, pinMin: '2' })
    expect(role.places['cars']).toEqual([cars])
    const { ipfs, copies } = given.options.get('deps of the sequencer') as SequencerDeps
    const cid = await ipfs.add(new TextEncoder().encode('a batch'), 1 as EpochId)
    await copies?.held(cid, 1 as EpochId, new AbortController().signal)
    expect(existsSync(join(cars, cid.slice(-2), `${cid}.car`))).toBe(true)
    await role.stop()
    running = undefined
    const { role: validator } = await start('validator', { pinPlaces: `car:${cars}` })
    expect(validator.places['cars']).toEqual([cars])
  })

  test('a sequencer signs its receipts with the account that anchors, unless it is not to', async () => {
    const signerIn = () => (given.options.get('deps of the sequencer') as SequencerDeps).receiptSigner as Signer | undefined
    const { role } = await start('sequencer', {})
    expect(signerIn()?.address).toBe(createSigner(parsePrivateKey(KEY)).address)
    await role.stop()
    running = undefined
    await start('sequencer', { signedReceipts: 'off' })
    expect(signerIn()).toBeUndefined()
  })

  test('a remote signer: a sequencer sends and signs as its account, with no key here', async () => {
    const there = await serveWeb3Signer([parsePrivateKey(KEY)])
    const { signerKey: _, ...keyless } = FLAGS.sequencer
    const dataDir = join(folder, 'remote-signer')
    const settings = readSettings('sequencer', { ...keyless, dataDir, signerUrl: there.urlOf(parsePrivateKey(KEY)) }, {})
    running = await startRole('sequencer', settings, { logTo: join(folder, 'log') })
    const { signer } = given.options.get('sender') as { readonly signer: Signer }
    const receiptSigner = (given.options.get('deps of the sequencer') as SequencerDeps).receiptSigner as Signer
    expect([signer.address, receiptSigner.address]).toEqual([account, account])
    await Promise.all([signer, receiptSigner].map((each) => each.signHashOf(new Uint8Array([1]))))
    expect(there.seen.bodies).toEqual(Array(2).fill('{"data":"0x01"}'))
    await there.stop()
  })

  test('a validator that listens: what collectors send it is answered, and it says where', async () => {
    const { role } = await start('validator', { hearListen: '/ip4/127.0.0.1/tcp/0', deliveriesPerPeer: '101', handshakeMs: '503' })
    expect(given.options.get('host')).toMatchObject({ limits: { tokensPerSecond: 101 }, door: { handshakeMs: 503 } })
    const dialer = await createSubmissionDialer({ identity: new Uint8Array(32).fill(7) })
    const link = await dialer.dial(role.places['p2p']?.[0] ?? '', new AbortController().signal)
    const submissionId = '00000000-0000-4000-8000-000000000001'
    expect(await link.send({ submissionId, payload: new Uint8Array([1]) })).toMatchObject({ submissionId, code: 'submission_malformed' })
    await dialer.stop()
  })

  test('a listener of a sequencer in parts: what it refused unread is told with the next release, by the event of one process', async () => {
    const nats = 'nats://127.0.0.1:1,nats://127.0.0.1:2'
    const { role } = await start('sequencer', { mode: 'listen', nats, natsReplicas: '2', partitions: '3' })
    expect(given.options.get('log')).toMatchObject({ servers: nats.split(','), replicas: 2, partitions: 3 })
    const asked = async (path: string) => (await fetch(`${role.healthUrl}${path}`)).text()
    await vi.waitFor(async () => expect(await asked('/readyz')).toContain('"isReady":true'))
    const peer = await startNode(
      { identity: new Uint8Array(32).fill(8), listen: [], streamsPerConnectionMax: 4, writeBufferBytesMax: 1_024 },
      {},
    )
    const stream = await peer.dialProtocol(multiaddr(role.places['p2p']?.[0] ?? ''), SUBMIT_PROTOCOL)
    const refused = once(stream, 'remoteCloseWrite')
    stream.send(new Uint8Array(64).fill(0xff))
    await refused
    expect(await asked('/metrics')).not.toContain('event="frames_refused"')
    const release = { kind: 'releaseEpoch', begin: 1 as BlockNumber, end: 10 as BlockNumber } as const
    await chain.sender({ address: account, journal: createFakeStore() }).send('release', release, new AbortController().signal)
    await vi.waitFor(async () => expect(await asked('/metrics')).toContain('event="frames_refused"'))
    await peer.stop()
  })

  test('no role on a source chain that is not its market’s', async () => {
    await expect(start('epochs', { sourceChainId: '5' })).rejects.toMatchObject({
      code: 'MARKET_CONTRADICTED',
      facts: { problems: [expect.stringMatching(/--source-chain-id \(WEFT_SOURCE_CHAIN_ID\) says 5, the contract of 0xda.* 1$/)] },
    })
    await expect(start('snapshotter', { sourceChainId: '5' })).rejects.toMatchObject({ code: 'MARKET_CONTRADICTED' })
  })

  test('a relay: each is the limit that it names', async () => {
    const limits = {
      reservationsMax: '3',
      reservationsPerAddress: '4',
      reservationSeconds: '65',
      circuitsMax: '6',
      circuitsPerPeer: '7',
      circuitsPerAddress: '8',
      circuitMib: '9',
      circuitSeconds: '10',
      circuitIdleSeconds: '71',
      peersPerSlot: '12',
    }
    const door = { connectionsPerAddress: '13', handshakesPerAddress: '14', handshakeMs: '515' }
    await start('relay', { ...limits, ...door, rendezvous: 'on', drainSeconds: '5', p2pAnnounce: '/dns4/relay.example/tcp/9' })
    expect(given.options.get('relay')).toMatchObject({
      listen: ['/ip4/127.0.0.1/tcp/0'],
      announce: ['/dns4/relay.example/tcp/9'],
      limits: {
        reservationsMax: 3,
        reservationsPerAddressMax: 4,
        reservationTtlMs: 65_000,
        circuitsMax: 6,
        circuitsPerPeerMax: 7,
        circuitsPerAddressMax: 8,
        circuitBytesMax: 9 * 1024 * 1024,
        circuitMsMax: 10_000,
        circuitIdleMsMax: 71_000,
        peersPerSlotMax: 12,
      },
      door: { connectionsPerAddressMax: 13, pendingPerAddressMax: 14, handshakeMs: 515 },
      judge: undefined,
      isRendezvous: true,
    })
    expect(given.options.get('relay role')).toMatchObject({ drainMs: 5_000 })
  })

  test('a relay that serves slots alone judges by the chain as it is; one that nobody told to be found through is not', async () => {
    await start('relay', { ...CHAIN_FLAGS, admission: 'slots' })
    const { judge, isRendezvous } = given.options.get('relay') as { readonly judge: Judge; readonly isRendezvous: boolean }
    const claim = { relay: PEER, peer: PEER, nonce: new Uint8Array(32), signature: 'ff'.repeat(65) }
    await expect.poll(() => judge({ ...claim, slotId: 1 }), { timeout: 10_000 }).toBe('signature_malformed')
    expect([judge({ ...claim, slotId: 2 }), isRendezvous]).toEqual(['slot_unknown', false])
  })

  test('a sequencer: how much it takes, where it is reached, and through whom', async () => {
    const [one, two, three] = [11, 12, 13].map((port) => `/ip4/127.0.0.1/tcp/${port}/p2p/${PEER}`) as [string, string, string]
    const list = join(folder, 'relayers.json')
    writeFileSync(list, JSON.stringify([{ id: PEER, rendezvousPoint: 'meet', maddr: two }]))
    await start('sequencer', {
      ...{ p2pAnnounce: '/dns4/sequencer.example/tcp/9', relays: one, relayers: list, rendezvousAt: three },
      ...{ deliveriesPerPeer: '101', inboxLength: '102', handshakeMs: '503' },
      ...{ deliveriesPerSlot: '10', deliveriesPerSlotEpoch: '200' },
    })
    expect(given.options.get('host')).toMatchObject({
      listen: ['/ip4/127.0.0.1/tcp/0'],
      announce: ['/dns4/sequencer.example/tcp/9'],
      relays: [one, two],
      // Of those in the settings each, of those in the list two.
      relaysHeldMax: 3,
      point: 'meet',
      places: [three],
      claimant: expect.any(Function),
      limits: { tokensPerSecond: 101, lengthMax: 102 },
      door: { handshakeMs: 503 },
    })
    expect(given.options.get('sequencer')).toMatchObject({
      slotLimits: { perSlot: { tokensPerSecond: 10 }, perSlotAndEpoch: { tokensMax: 200 } },
    })
  })
})

describe('a collector', () => {
  test('with an anchor chain checks against it, and says that it serves when it can', async () => {
    const before = Promise.withResolvers<void>()
    const { head } = chain
    chain.head = async () => {
      await before.promise
      return head()
    }
    const { role } = await start('collector', CHAIN_FLAGS)
    expect(given.options.get('anchor chain')).toMatchObject({ dataMarket: CHAIN_FLAGS.dataMarket, pollMs: 50 })
    const { stats, handler } = role.handle as Collector
    const [grpc = ''] = role.places['grpc'] ?? []
    expect([await isServing(grpc, 5_000), stats().isReady]).toEqual([false, false])
    before.resolve()
    await expect.poll(() => isServing(grpc, 5_000), { timeout: 10_000 }).toBe(true)
    expect([stats().isReady, await handler(submission)]).toEqual([true, 'market_unknown'])
  })

  test('has the limits of its outbox, its listeners, and the sequencers of the settings, of the trusted list and of rendezvous servers', async () => {
    const [own, listed, relay, place, listener] = [1, 2, 3, 4, 5].map((port) => `/ip4/127.0.0.1/tcp/${port}/p2p/${PEER}`) as [
      string,
      ...string[],
    ]
    const dataMarket = CHAIN_FLAGS.dataMarket.toUpperCase().replace('X', 'x')
    const [list, relayers] = [join(folder, 'sequencers.json'), join(folder, 'relayers.json')]
    writeFileSync(list, JSON.stringify([{ id: PEER, maddr: listed, dataMarketAddress: dataMarket }]))
    writeFileSync(relayers, JSON.stringify([{ id: PEER, rendezvousPoint: 'meet', maddr: relay }]))
    await start('collector', {
      ...CHAIN_FLAGS,
      ...{ sequencers: own, trustedSequencers: list, relayers, rendezvousAt: place ?? '', alsoTo: listener ?? '', slots: '1' },
      ...{ outboxMax: '11', outboxPerSlotMax: '12', outboxAgeMax: '13' },
    })
    expect(given.options.get('collector')).toEqual({
      addresses: [own, listed],
      alsoTo: [listener],
      limits: { openMax: 11, openPerSlotMax: 12, ageMaxMs: 13_000 },
    })
    expect(given.options.get('deps of the collector')).toMatchObject({
      ipfs: undefined,
      meeting: { places: [place, relay], point: 'meet', peers: [PEER, PEER] },
    })
    expect(given.options.get('dialer')).toMatchObject({ claimant: expect.any(Function) })
  })

  test('goes by the peer that the chain names, whatever a list says', async () => {
    const other = '12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuV'
    const [listed, named] = [PEER, other].map((peer) => `/ip4/127.0.0.1/tcp/2/p2p/${peer}`)
    const list = join(folder, 'sequencers.json')
    const entryOf = (maddr = '') => ({ id: maddr.split('/p2p/')[1], maddr, dataMarketAddress: CHAIN_FLAGS.dataMarket })
    writeFileSync(list, JSON.stringify([listed, named].map(entryOf)))
    chain.sequencerId = async () => other
    await start('collector', { ...CHAIN_FLAGS, sequencers: '', trustedSequencers: list })
    expect(given.options.get('collector')).toMatchObject({ addresses: [named] })
  })

  test('reads batches at its gateways', async () => {
    const bytes = new TextEncoder().encode('{}')
    const there = await serveGateway({ blocks: { block: async () => bytes } })
    await start('collector', { ...CHAIN_FLAGS, gateways: `http://127.0.0.1:1,${there.url}` })
    const { ipfs } = given.options.get('deps of the collector') as CollectorDeps
    const limits = { bytesMax: 100, timeoutMs: 10_000, signal: new AbortController().signal }
    expect(await ipfs?.get(await snapshotCidOf(bytes), limits)).toEqual(bytes)
    await there.stop()
  })
})

test('a role whose port is taken does not start, and leaves nothing open', async () => {
  const { role } = await start('collector')
  const [grpc] = role.places['grpc'] as [string]
  const dataDir = join(folder, 'taken')
  const settings = readSettings('collector', { ...FLAGS.collector, dataDir, grpcListen: grpc }, {})
  await expect(startRole('collector', settings, { logTo: join(folder, 'log') })).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  await openSqliteStore({ path: join(dataDir, 'state.sqlite') }).close()
})
