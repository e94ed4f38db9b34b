import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, SlotId } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { createFakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import type { AnchorChain, MarketState } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { serveSubmissions } from '#io/grpc/server.ts'
import { encryptKeystore } from '#io/keys/keystore.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { serveWeb3Signer } from '#io/keys/web3signer.test-server.ts'
import { startHealth } from '#node/health.ts'
import { holdSlots } from '#node/hold.ts'
import { MAINNET_PRICES } from '#node/mainnet.ts'
import { keepManifest } from '#node/manifest-files.ts'
import { createUnlocker, newKey } from '#node/key-files.ts'
import { createNotes } from '#node/notes.ts'
import { writeRun } from '#node/run-file.ts'
import type { Given } from '#node/settings/settings.ts'
import { createStarted } from '#node/stop.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { completeManifest, encodeManifest } from '#wire/manifest.ts'
import { examine, examineNode } from './doctor.ts'
import type { Finding } from './finding.ts'

/** The chains are fakes; peers, disk and ports are real. */
const given = vi.hoisted(() => ({
  chain: undefined as unknown,
  reports: [] as unknown[],
  balance: '0x1',
  price: '0x1',
  counts: {} as Record<string, string>,
}))
vi.mock('#io/chain/read/anchor.ts', () => ({ connectAnchorChain: async () => given.chain }))
vi.mock('#io/chain/rpc/rpc.ts', async (original) => ({
  ...(await original<typeof import('#io/chain/rpc/rpc.ts')>()),
  createRpc: () => ({
    all: async () => [given.balance, given.price],
    ask: async (_method: string, [, block]: readonly string[]) => {
      const result = given.counts[block === 'latest' ? 'now' : 'before']
      return result === undefined ? { isOk: false, refusal: {} } : { isOk: true, result }
    },
  }),
}))
vi.mock('#operator/rpc-check.ts', () => ({ checkEndpoints: async () => given.reports }))

const KEY = '11'.repeat(32)
const account = createSigner(parsePrivateKey(KEY)).address
const stranger = `0x${'99'.repeat(20)}` as Address
const FLAGS = {
  anchorRpcUrl: 'http://127.0.0.1:1',
  anchorChainId: '7869',
  protocolState: `0x${'01'.repeat(20)}`,
  dataMarket: `0x${'02'.repeat(20)}`,
  signerKey: KEY,
}
/** Of a market without a manifest; the file is written for each test. */
const RULES = { namespace: 'NS', market: join(tmpdir(), `weft-doctor-market-${process.pid}.json`) }
const good = { anchor: [], 'source of epochs': [], 'source of a snapshotter': [] }
const report = (change: object = {}) => ({
  endpoint: 'http://a',
  chainId: 1,
  head: 100,
  headAgeSeconds: 1,
  lagBlocks: 0,
  problems: good,
  ...change,
})

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'weft-doctor-'))
  const computes = [{ name: 'eth-price', version: '1.0.0', config: { ...MAINNET_PRICES, dataSources: ['e'] } }]
  writeFileSync(RULES.market, JSON.stringify({ computes }))
  vi.stubGlobal('fetch', fetched())
  Object.assign(given, {
    chain: world(),
    reports: [report(), report({ endpoint: 'http://b' })],
    balance: '0xde0b6b3a7640000',
    price: '0x1',
    counts: {},
  })
})
afterEach(() => {
  vi.unstubAllGlobals()
  rmSync(dataDir, { recursive: true, force: true })
  rmSync(RULES.market)
})

/** An endpoint whose clock is that much ahead of ours. */
const fetched =
  (aheadMs = 0) =>
  async () =>
    new Response('', { headers: { date: new Date(Date.now() + aheadMs).toUTCString() } })

const world = (change: Partial<MarketState> = {}, signers: readonly Address[] = [account]) =>
  createFakeChain({
    clock: createVirtualClock(),
    market: marketOf({ epochManager: account, sequencers: [account], sourceChainId: 1, ...change }),
    signers,
  })

/** There is no terminal to ask for a password at. */
const unlock = createUnlocker(async () => {
  throw new WeftError('SETTINGS_INVALID', { problems: ['a password is needed'] })
})
const around = { env: {}, unlock }
const found = (role: Parameters<typeof examine>[0], flags: Given): Promise<Finding[]> =>
  Array.fromAsync(examine(role, { ...flags, dataDir }, around))
const wrong = (findings: readonly Finding[]) => findings.filter(({ state }) => state !== 'good')

test('settings that are wrong are found all at once, each with where they are listed, and nothing else is looked at', async () => {
  const findings = await found('collector', { grpcListen: 'nowhere' })
  expect(findings).toEqual([
    expect.objectContaining({
      check: 'settings',
      state: 'bad',
      detail: expect.stringContaining('--grpc-listen'),
      mend: expect.stringContaining('./weft settings collector'),
    }),
  ])
})

test('whoever would be told of nothing hears so beforehand', async () => {
  const findings = await found('relay', { p2pListen: '/ip4/127.0.0.1/tcp/0', alertTo: 'webhook:http://127.0.0.1:1/hook' })
  expect(findings.filter(({ check }) => check === 'alerts')).toMatchObject([
    { state: 'bad', detail: expect.stringContaining('ECONNREFUSED') },
  ])
})

test('a remote signer is asked for a signature: one that has the key, one that has not, and one that lies', async () => {
  const [key, stranger] = [parsePrivateKey(KEY), parsePrivateKey('22'.repeat(32))]
  const there = await serveWeb3Signer([key, stranger])
  const { signerKey: _, ...keyless } = FLAGS
  const look = async (signerUrl: string) =>
    (await found('sequencer', { ...keyless, namespace: 'NS', signerUrl })).filter(({ check }) =>
      ['remote signer', 'account'].includes(check),
    )
  try {
    expect(await look(there.urlOf(key))).toMatchObject([{ state: 'good', detail: expect.stringContaining(account) }, { state: 'good' }])
    const unknown = there.urlOf(parsePrivateKey('33'.repeat(32)))
    expect(await look(unknown)).toMatchObject([
      { state: 'bad', detail: expect.stringContaining('404'), mend: expect.any(String) },
      { state: 'bad' },
    ])
    there.lie('signs with another key')
    expect(await look(there.urlOf(key))).toMatchObject([
      { state: 'bad', detail: expect.stringContaining('SIGNER_LIED') },
      { state: 'good' },
    ])
  } finally {
    await there.stop()
  }
})

test('a keystore is looked at without its password: the account that it names is that of the role', async () => {
  const path = join(dataDir, 'key.json')
  writeFileSync(path, await encryptKeystore(parsePrivateKey(KEY), { password: new Secret('p'), cost: { n: 2, r: 1, p: 1 } }))
  const findings = await found('sequencer', { ...FLAGS, signerKey: `file:${path}`, namespace: 'NS' })
  expect(findings.filter(({ check }) => ['market', 'account'].includes(check))).toMatchObject([{ state: 'good' }, { state: 'good' }])
})

describe('a sequencer', () => {
  const look = () => found('sequencer', { ...FLAGS, namespace: 'NS' })

  test('that lacks nothing', async () => {
    const findings = await look()
    expect(wrong(findings)).toEqual([])
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['settings', 'disk', 'anchor RPC', 'clock', 'market', 'windows', 'account', 'balance', 'IPFS']),
    )
  })

  test('whose account is not appointed and has no ether: with the command that appoints it', async () => {
    Object.assign(given, { chain: world({ sequencers: [stranger] }), balance: '0x0' })
    expect(wrong(await look())).toEqual([
      expect.objectContaining({
        check: 'account',
        state: 'bad',
        mend: expect.stringMatching(/`\.\/weft market set .* --add-sequencer 0x/),
      }),
      expect.objectContaining({ check: 'balance', state: 'bad', mend: `send ether to ${account}` }),
    ])
  })

  test('whose endpoint is behind, whose clock is wrong, whose market leaves no time for batches', async () => {
    const problems = { ...good, anchor: ['9 blocks behind the others'] }
    Object.assign(given, { reports: [report({ problems })], chain: world({ snapshotWindowBlocks: 50, batchWindowBlocks: 40 }) })
    vi.stubGlobal('fetch', fetched(3_600_000))
    const findings = wrong(await look())
    expect(findings.map(({ check, state }) => `${check} ${state}`)).toEqual([
      'anchor RPC bad',
      'anchor RPC doubtful',
      'clock bad',
      'windows bad',
    ])
    expect(findings[3]?.detail).toMatch(
      /; from its release [\d.]+ s for submissions, [\d.]+ s for batches, [\d.]+ s for attestations: batches come too late/,
    )
    expect(findings[0]?.mend, 'the endpoint may be well').toBe('set the clock first (`clock`), and look again')
  })

  test('whose ether does not go far at the price of now', async () => {
    const balances = async () => (await look()).filter(({ check }) => check === 'balance')
    given.price = '0x3b9aca00'
    expect(await balances()).toEqual([{ check: 'balance', state: 'good', detail: '1 ether' }])
    given.price = '0x2540be400'
    expect(await balances()).toEqual([
      { check: 'balance', state: 'doubtful', detail: '1 ether, for some 333 calls at the price of now', mend: `send ether to ${account}` },
    ])
  })

  test('whose account was at work lately, though nobody works here: another has its key', async () => {
    const seen = async () => (await look()).filter(({ check }) => check === 'key elsewhere')
    given.counts = { before: '0x7', now: '0x7' }
    expect(await seen()).toEqual([{ check: 'key elsewhere', state: 'good', detail: 'nobody else was seen to sign with it' }])
    given.counts = { before: '0x7', now: '0xa' }
    expect(await seen()).toEqual([
      expect.objectContaining({ state: 'doubtful', detail: expect.stringContaining(`${account} has sent 3 transactions within`) }),
    ])
    given.counts = { now: '0xa' }
    expect(await seen(), 'nobody knows how many there were').toMatchObject([{ state: 'good' }])
    given.counts = { before: '0x7', now: '0xa' }
    writeRun(dataDir, { role: 'sequencer', processId: process.pid, startedMs: 1, version: '0' })
    expect(await seen(), 'it is this one').toMatchObject([{ state: 'good' }])
  })

  test('of a market that has more epochs open at once than a snapshotter works on', async () => {
    given.chain = world({
      epochSize: 1,
      sourceBlockTimeSeconds: 1,
      snapshotWindowBlocks: 33,
      batchWindowBlocks: 40,
      attestationWindowBlocks: 50,
    })
    expect(wrong(await look())).toEqual([
      expect.objectContaining({
        check: 'windows',
        state: 'doubtful',
        detail: expect.stringMatching(/33 epochs are open at once.* on 32$/),
      }),
    ])
    given.chain = world({
      epochSize: 1,
      sourceBlockTimeSeconds: 1,
      snapshotWindowBlocks: 32,
      batchWindowBlocks: 40,
      attestationWindowBlocks: 50,
    })
    expect(wrong(await look())).toEqual([])
  })

  test('whose IPFS peer is not there', async () => {
    const peer = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn'
    expect(wrong(await found('sequencer', { ...FLAGS, namespace: 'NS', ipfsPeers: peer }))).toEqual([
      expect.objectContaining({ check: 'IPFS peer', state: 'bad', detail: expect.stringContaining(peer) }),
    ])
  })
})

describe('what the market asks for', () => {
  const prices = { name: 'eth-price', version: '1.0.0', config: { ...MAINNET_PRICES, dataSources: ['e'] } }
  const draft = { namespace: 'NS', computes: [prices] }
  const manifest = (of: object) =>
    encodeManifest(completeManifest(new TextEncoder().encode(JSON.stringify(of)), { sourceChainId: 1, epochSize: 10 }, 'it'))
  const bytes = manifest(draft)
  const look = async (flags: Given = {}) =>
    (await found('snapshotter', { ...FLAGS, sourceRpcUrl: 'http://127.0.0.1:2', collector: '127.0.0.1:1', slots: '1', ...flags })).filter(
      ({ check }) => check === 'manifest',
    )

  test('is in the settings where there is no manifest, or they lack it', async () => {
    expect(await look()).toEqual([
      expect.objectContaining({ state: 'bad', detail: expect.stringContaining('--namespace is not given') }),
      expect.objectContaining({ state: 'bad', detail: expect.stringContaining('--market is not given') }),
    ])
    expect(await look(RULES)).toMatchObject([{ state: 'good', detail: 'the market has none; namespace NS' }])
    const collector = await found('collector', {
      ...FLAGS,
      sequencers: '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn',
    })
    const checks = collector.map(({ check }) => check)
    expect(
      checks.filter((check) => ['manifest', 'key elsewhere'].includes(check)),
      'a collector judges and signs nothing',
    ).toEqual([])
  })

  test('is computes that this Weft has, where the role computes', async () => {
    const lacking = manifest({ ...draft, computes: [prices, { name: 'mine', version: '0.1.0', config: {} }] })
    const cid = await snapshotCidOf(lacking)
    given.chain = { ...world(), manifests: async () => ({ current: { cid, fromEpochId: 0 }, pending: undefined }) }
    keepManifest(dataDir, { cid, bytes: lacking })
    const computes = async (...of: Parameters<typeof found>) => (await found(...of)).filter(({ check }) => check === 'computes')
    const snapshotter = { ...FLAGS, sourceRpcUrl: 'http://127.0.0.1:2', collector: '127.0.0.1:1', slots: '1' }
    const told = [{ state: 'bad', detail: expect.stringContaining("no compute set 'mine'"), mend: expect.stringContaining('--computes') }]
    expect(await computes('snapshotter', snapshotter)).toMatchObject(told)
    expect(await computes('validator', { ...FLAGS, level: 'recompute', recomputeRpcUrl: 'http://127.0.0.1:2' })).toMatchObject(told)
    expect(await computes('validator', FLAGS)).toEqual([])
  })

  test('is in a manifest that is here, that peers are asked for, or that nobody has', async () => {
    const cid = await snapshotCidOf(bytes)
    const chain = world()
    given.chain = { ...chain, manifests: async () => ({ current: { cid, fromEpochId: 0 }, pending: undefined }) }
    expect(await look()).toMatchObject([{ state: 'bad', detail: `${cid} is not here`, mend: expect.stringContaining('manifests') }])
    const ipfsPeers = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn'
    for (const asked of [{ ipfsPeers }, { gateways: 'http://127.0.0.1:1' }])
      expect(await look(asked)).toMatchObject([{ state: 'doubtful', detail: expect.stringContaining('peers are asked') }])
    keepManifest(dataDir, { cid, bytes })
    expect(await look()).toEqual([{ check: 'manifest', state: 'good', detail: `${cid} is here, of namespace NS` }])
    given.chain = { ...chain, manifests: async () => ({ current: { cid: 'nonsense', fromEpochId: 0 }, pending: undefined }) }
    expect(await look()).toMatchObject([{ state: 'bad', detail: expect.stringContaining("'nonsense', which is no CID") }])
  })
})

test('why a role has ended by itself is said until it is started again', async () => {
  const failed = { atMs: Date.UTC(2026, 0, 2, 3, 4, 5), why: 'SETTINGS_INVALID (problems: x)' }
  writeRun(dataDir, { role: 'collector', processId: process.pid, startedMs: 1, version: '0', failed })
  const sequencers = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn'
  const last = async () => (await found('collector', { sequencers })).filter(({ check }) => check === 'last end')
  expect(await last()).toMatchObject([{ state: 'doubtful', detail: `it ended by itself at 2026-01-02T03:04:05Z: ${failed.why}` }])
  writeRun(dataDir, { role: 'collector', processId: process.pid, startedMs: 1, version: '0', failed: { ...failed, isStart: true } })
  expect(await last()).toMatchObject([{ detail: `its last start failed at 2026-01-02T03:04:05Z: ${failed.why}` }])
  writeRun(dataDir, { role: 'collector', processId: process.pid, startedMs: 1, version: '0' })
  expect(await last()).toEqual([])
})

describe('epochs', () => {
  const look = async (flags: Given = {}) =>
    (await found('epochs', { ...FLAGS, sourceRpcUrl: 'http://127.0.0.1:2', ...flags })).filter(({ check }) => check === 'finality')
  const reports = (change: object) => [report(change), report({ endpoint: 'http://b', ...change })]

  test('are told how late they are, and what of that the chain calls final', async () => {
    given.chain = world({ epochSize: 10, sourceBlockTimeSeconds: 12 })
    given.reports = reports({ safeBlocksBack: 32, finalizedBlocksBack: 64 })
    expect(await look()).toEqual([
      {
        check: 'finality',
        state: 'good',
        detail: expect.stringMatching(/^epochs end 2 blocks below the source head, 24 s after it; .* final 64 below/),
      },
    ])
    expect(await look({ headTag: 'finalized' })).toEqual([
      { check: 'finality', state: 'good', detail: 'epochs end 64 blocks below the source head, 768 s after it' },
    ])
    expect(await look({ headTag: 'safe', headOffset: '40' })).toMatchObject([{ detail: expect.stringMatching(/^epochs end 40 blocks/) }])
  })

  test('that wait for a tag that an endpoint does not know are never released, and those that come by the dozen are skipped', async () => {
    given.reports = [report({ safeBlocksBack: 32, finalizedBlocksBack: 64 }), report({ endpoint: 'http://b', safeBlocksBack: 3 })]
    expect(await look({ headTag: 'safe' })).toMatchObject([{ state: 'good' }])
    expect(await look({ headTag: 'finalized' })).toMatchObject([
      { state: 'bad', detail: expect.stringMatching(/^http:\/\/b calls no block finalized/) },
    ])
    given.chain = world({ epochSize: 8, sourceBlockTimeSeconds: 12 })
    given.reports = reports({ safeBlocksBack: 32, finalizedBlocksBack: 64 })
    const flags = { headTag: 'finalized', catchUp: 'skip' }
    expect(await look(flags)).toMatchObject([
      { state: 'bad', detail: expect.stringContaining('32 blocks become finalized at once, 4 epochs') },
    ])
    given.chain = world({ epochSize: 9, sourceBlockTimeSeconds: 12 })
    expect(await look(flags)).toMatchObject([{ state: 'good' }])
  })
})

describe('a snapshotter', () => {
  const look = async (collector: string, slots = '1') =>
    found('snapshotter', { ...FLAGS, ...RULES, sourceRpcUrl: 'http://127.0.0.1:2', collector, slots })

  test('whose collector is away, starts, serves; and a slot that is somebody else’s, or nobody’s', async () => {
    given.chain = world({}, [account, stranger])
    const away = wrong(await look('127.0.0.1:1', '1,2,3'))
    expect(away).toEqual([
      expect.objectContaining({ check: 'slot 2', state: 'bad', mend: expect.stringContaining(`./weft slots assign 2=${account}`) }),
      expect.objectContaining({ check: 'slot 3', state: 'bad', detail: expect.stringContaining('no such slot') }),
      expect.objectContaining({ check: 'collector', state: 'bad', detail: expect.stringMatching(/UNAVAILABLE .*127\.0\.0\.1:1$/) }),
    ])
    given.chain = world({}, [account, stranger, account, stranger, stranger])
    const [moved, none] = wrong(await look('127.0.0.1:1', '1-9'))
    expect([moved?.check, moved?.mend, none?.check], 'a hundred that moved are one line').toEqual([
      'slots 2,4-5',
      expect.stringContaining(`\`./weft slots assign 2=${account} 4-5=${account}\``),
      'slots 6-9',
    ])
    const server = await serveSubmissions({ host: '127.0.0.1', port: 0, handler: async () => 'Success' })
    try {
      expect(wrong(await look(server.endpoint))).toMatchObject([
        { check: 'collector', detail: expect.stringContaining('does not serve yet') },
      ])
      server.setServing(true)
      expect(wrong(await look(server.endpoint))).toEqual([])
    } finally {
      await server.close()
    }
  })

  test('of whose slots another process of this machine has one', async () => {
    // Of no other run on this machine.
    given.chain = { ...world({}, [account, account]), dataMarket: crypto.randomUUID() }
    const started = createStarted()
    const holding = { chain: given.chain as AnchorChain, home: { directory: '/theirs', report: () => undefined }, started }
    await holdSlots([2 as SlotId], { ...holding, signal: new AbortController().signal })
    try {
      // The same process, and another data directory.
      const elsewhere = (await look('127.0.0.1:1', '1-2')).filter(({ check }) => check === 'key elsewhere')
      expect(elsewhere).toEqual([
        expect.objectContaining({
          state: 'bad',
          detail: `process ${process.pid} of this machine signs for slots 2 already, and works on /theirs`,
          mend: expect.stringContaining('./weft status --data-dir /theirs'),
        }),
      ])
      writeRun(dataDir, { role: 'snapshotter', processId: process.pid, startedMs: 1, version: '0' })
      expect((await look('127.0.0.1:1', '1-2')).filter(({ check }) => check === 'key elsewhere')).toMatchObject([{ state: 'good' }])
    } finally {
      await started.stop()
    }
  })

  test('whose source endpoint serves another chain than the market’s', async () => {
    given.chain = world({ sourceChainId: 5 })
    const findings = wrong(await look('127.0.0.1:1'))
    expect(findings[0]).toMatchObject({ check: 'source chain', state: 'bad', detail: 'the endpoint serves chain 1, the market is of 5' })
  })
})

describe('a keystore', () => {
  const cost = { n: 2, r: 8, p: 1 }
  const password = 'correct horse'
  const look = async (signerPassword?: string) => {
    const { path, address } = await newKey({ out: join(dataDir, 'keys/signer.json'), password: new Secret(password), cost })
    given.chain = world({}, [address, address, stranger])
    const flags = {
      ...FLAGS,
      ...RULES,
      signerKey: `file:${path}`,
      ...(signerPassword && { signerPassword }),
      sourceRpcUrl: 'http://127.0.0.1:2',
      slots: '1-3',
    }
    return found('snapshotter', { ...flags, collector: '127.0.0.1:1' })
  }

  test('is opened as the role opens it: its slots are looked at, and many that are well are one line', async () => {
    const slots = (await look(password)).filter(({ check }) => check.startsWith('slot'))
    expect(slots).toMatchObject([
      { check: 'slots', state: 'good', detail: expect.stringMatching(/^1-2 signed by 0x/) },
      { check: 'slot 3', state: 'bad' },
    ])
  })

  test.each([
    ['whose password is wrong', 'battery staple', 'KEYSTORE_PASSWORD_WRONG'],
    ['that nobody has the password of', undefined, 'a password is needed'],
  ])('%s is what is wrong, and all else is looked at', async (_, given, detail) => {
    const findings = await look(given)
    expect(wrong(findings)).toEqual([
      expect.objectContaining({ check: 'key', state: 'bad', detail: expect.stringContaining(detail) }),
      expect.objectContaining({ check: 'slot 3', state: 'bad' }),
      expect.objectContaining({ check: 'collector', state: 'bad' }),
    ])
    expect(findings.map(({ check }) => check)).toEqual(expect.arrayContaining(['market', 'source RPC', 'IPFS']))
  })
})

describe('a node', () => {
  const look = (file: object | string) => {
    const path = join(dataDir, 'weft.json')
    writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file))
    return Array.fromAsync(examineNode(path, around))
  }

  test('is looked at part by part, as its file says, each in its own folder', async () => {
    const sequencers = ['/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn']
    const listening = { healthListen: 'off', grpcListen: '127.0.0.1:2' }
    const findings = await look({
      dataDir: 'data',
      parts: { second: { role: 'collector', sequencers }, collector: { sequencers, ...listening } },
    })
    const told = wrong(findings).map(({ part, check }) => `${part} ${check}`)
    expect(told).toEqual(expect.arrayContaining(['second sequencer', 'collector sequencer']))
    expect(findings.every(({ part }) => part === 'second' || part === 'collector')).toBe(true)
  })

  test('whose collector starts with it, is not told to start one', async () => {
    const sequencers = ['/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn']
    writeFileSync(join(dataDir, 'key'), KEY, { mode: 0o600 })
    const settings = { ...FLAGS, anchorChainId: 7_869, signerKey: 'file:key', healthListen: 'off', sourceRpcUrl: 'http://127.0.0.1:2' }
    const parts = { snapshotter: { slots: [1] }, collector: { sequencers, grpcListen: '127.0.0.1:2' } }
    const findings = await look({ dataDir: 'data', settings, parts })
    expect(
      findings.filter(({ check }) => check === 'collector'),
      JSON.stringify(findings),
    ).toMatchObject([{ part: 'snapshotter', state: 'good', detail: '127.0.0.1:2 is a part of the node, and starts with it' }])
  })

  test('of which two parts send with one account is told so', async () => {
    writeFileSync(join(dataDir, 'key'), KEY, { mode: 0o600 })
    const settings = { ...FLAGS, anchorChainId: 7_869, signerKey: 'file:key', healthListen: 'off', namespace: 'NS' }
    const parts = {
      sequencer: {},
      validator: {},
      snapshotter: { slots: [1], sourceRpcUrl: 'http://127.0.0.1:2', collector: '127.0.0.1:1' },
    }
    const shared = (await look({ dataDir: 'data', settings, parts })).filter(({ detail }) => detail.includes('is the account of'))
    expect(shared).toEqual([
      expect.objectContaining({
        part: 'validator',
        state: 'bad',
        detail: `${account} is the account of sequencer too: the two hold each other up`,
      }),
    ])
  })

  test('whose file breaks off, or is not well: what is wrong with it, in the words of the node', async () => {
    expect(await look('{ "dataDir": "data",\n "parts": {')).toMatchObject([
      { check: 'settings', state: 'bad', detail: expect.stringContaining('line 2') },
    ])
    const findings = await look({ dataDir: 'data', parts: { snapshoter: {}, relay: { slot: '1' } } })
    expect(findings.map(({ state, detail }) => `${state} ${detail}`)).toEqual([
      expect.stringContaining('parts.snapshoter is no role'),
      expect.stringContaining('parts.relay.slot is no setting'),
    ])
  })
})

test('a role that runs: what it says of itself, with what to do', async () => {
  const home = join(dataDir, 'home')
  mkdirSync(home)
  const notes = createNotes(Date.now)
  vi.unstubAllGlobals()
  const health = await startHealth({ role: 'collector', listen: '127.0.0.1:0' }, { directory: home, notes, report: notes.event })
  try {
    notes.event('dial_failed', { address: '/a', detail: String(randomBytes(2).toString('hex')) })
    const sequencers = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn'
    const findings = await Array.fromAsync(examine('collector', { dataDir: home, sequencers }, around))
    expect(wrong(findings)).toEqual([
      expect.objectContaining({ check: 'ready', state: 'bad', detail: 'starting' }),
      expect.objectContaining({
        check: 'trouble',
        state: 'doubtful',
        detail: expect.stringMatching(/^dial_failed, 1 times: address=\/a detail=/),
      }),
      expect.objectContaining({ check: 'sequencer', state: 'bad', detail: expect.stringContaining(sequencers) }),
    ])
  } finally {
    await health.stop()
  }
})
