import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { createFakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import type { MarketState } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { serveSubmissions } from '#io/grpc/server.ts'
import { encryptKeystore } from '#io/keys/keystore.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { serveWeb3Signer } from '#io/keys/web3signer.test-server.ts'
import { startHealth } from '#node/health.ts'
import { createUnlocker, newKey } from '#node/key-files.ts'
import { createNotes } from '#node/notes.ts'
import type { Given } from '#node/settings/settings.ts'
import { examine, examineNode } from './doctor.ts'
import type { Finding } from './finding.ts'

/** The chains are fakes; peers, disk and ports are real. */
const given = vi.hoisted(() => ({ chain: undefined as unknown, reports: [] as unknown[], balance: '0x1', answers: [] as string[] }))
vi.mock('#io/chain/read/anchor.ts', () => ({ connectAnchorChain: async () => given.chain }))
vi.mock('#io/chain/rpc/rpc.ts', async (original) => ({
  ...(await original<typeof import('#io/chain/rpc/rpc.ts')>()),
  createRpc: () => ({ all: async () => [given.balance, '0x1'] }),
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
  vi.stubGlobal('fetch', fetched())
  Object.assign(given, { chain: world(), reports: [report(), report({ endpoint: 'http://b' })], balance: '0xde0b6b3a7640000' })
})
afterEach(() => {
  vi.unstubAllGlobals()
  rmSync(dataDir, { recursive: true, force: true })
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

  test('whose IPFS peer is not there', async () => {
    const peer = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn'
    expect(wrong(await found('sequencer', { ...FLAGS, namespace: 'NS', ipfsPeers: peer }))).toEqual([
      expect.objectContaining({ check: 'IPFS peer', state: 'bad', detail: expect.stringContaining(peer) }),
    ])
  })
})

describe('a snapshotter', () => {
  const look = async (collector: string, slots = '1') =>
    found('snapshotter', { ...FLAGS, sourceRpcUrl: 'http://127.0.0.1:2', collector, slots })

  test('whose collector is away, starts, serves; and a slot that is somebody else’s, or nobody’s', async () => {
    given.chain = world({}, [account, stranger])
    const away = wrong(await look('127.0.0.1:1', '1,2,3'))
    expect(away).toEqual([
      expect.objectContaining({ check: 'slot 2', state: 'bad', mend: expect.stringContaining(`./weft slots assign 2=${account}`) }),
      expect.objectContaining({ check: 'slot 3', state: 'bad', detail: expect.stringContaining('no such slot') }),
      expect.objectContaining({ check: 'collector', state: 'bad', detail: expect.stringMatching(/UNAVAILABLE .*127\.0\.0\.1:1$/) }),
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
