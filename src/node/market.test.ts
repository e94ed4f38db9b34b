import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { uniswapV2 } from 'weft/computes/uniswap-v2'
import type { Address, BlockNumber, EpochId } from '#domain/ids.ts'
import { createFakeChain, type FakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import type { ManifestRef } from '#io/chain/port.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import { createFakeIpfsNetwork, type FakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { completeManifest, encodeManifest, rulesOf } from '#wire/manifest.ts'
import { openComputes } from './computes.ts'
import { keepManifest } from './manifest-files.ts'
import { type Market, openMarket } from './market.ts'

const owner = `0x${'01'.repeat(20)}` as Address
const MARKET = marketOf({ epochManager: owner })
const address = `0x${'ab'.repeat(20)}`
const CONTRACTS = ['factory', 'router', 'weth', 'dai', 'usdc', 'usdt', 'daiWethPair', 'usdcWethPair', 'wethUsdtPair']
const UNISWAP = { ...Object.fromEntries(CONTRACTS.map((name) => [name, address])), whitelist: [address], pairs: [address], feeOn: 'trade' }
const NO_FLAGS = { network: '', manifest: '' }
const manifestOf = (changes: object) =>
  completeManifest(new TextEncoder().encode(JSON.stringify({ namespace: 'NS', ...changes })), MARKET, 'it')

let folder: string
let clock: VirtualClock
let ipfs: FakeIpfsNetwork
let chain: FakeChain
let told: (readonly [string, unknown])[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-market-'))
  clock = createVirtualClock()
  ipfs = createFakeIpfsNetwork({ clock })
  told = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const home = () => ({ directory: join(folder, 'home'), report: (event: string, facts: unknown) => void told.push([event, facts]) })
const networkFolder = () => join(folder, 'network')

async function written(changes: object) {
  const bytes = encodeManifest(manifestOf(changes))
  return { bytes, cid: await snapshotCidOf(bytes), rules: rulesOf(manifestOf(changes)) }
}
const from = (epochId: number, { cid }: { readonly cid: string }): ManifestRef => ({ cid, fromEpochId: epochId as EpochId })

function open(manifests: readonly ManifestRef[], flags: Partial<Parameters<typeof openMarket>[0]> = {}): Promise<Market> {
  chain = createFakeChain({ clock, market: MARKET, signers: [], manifests })
  return openThere(flags)
}

/** By a role that starts later. */
function openThere(flags: Partial<Parameters<typeof openMarket>[0]> = {}): Promise<Market> {
  const given = { ...NO_FLAGS, network: join(networkFolder(), 'network.json'), ...flags }
  return clock.runUntil(openMarket(given, { home: home(), chain, clock, ipfs: ipfs.node('me') }), { limitMs: 60_000 })
}

async function release(): Promise<EpochId> {
  const { end } = await chain.currentEpoch()
  const sender = chain.sender({ address: owner, journal: createFakeStore() })
  const begin = (end === 0 ? 100 : end + 1) as BlockNumber
  const released = sender.send(`${begin}`, { kind: 'releaseEpoch', begin, end: (begin + 9) as BlockNumber }, new AbortController().signal)
  await clock.runUntil(async () => chain.pendingCount() > 0, { limitMs: 1_000 })
  chain.mine()
  await clock.runUntil(released, { limitMs: 60_000 })
  return (await chain.currentEpoch()).epochId
}

describe('a market’s rules come', () => {
  test('from its manifest, found beside the network file', async () => {
    const manifest = await written({ tally: { minVotes: 3 } })
    keepManifest(networkFolder(), manifest)
    const market = await open([from(0, manifest)])
    expect(market.terms.rules).toEqual(manifest.rules)
    expect(market.terms.computes()).toMatchObject({ sets: [] })
    expect(await market.termsAt(await release())).toBe(market.terms)
  })

  test('from a file of any name, when it has the bytes', async () => {
    const manifest = await written({})
    writeFileSync(join(folder, 'mine.json'), manifest.bytes)
    expect((await open([from(0, manifest)], { manifest: join(folder, 'mine.json') })).terms.rules).toEqual(manifest.rules)
  })

  test('from a peer; then they are kept for the next start, and served', async () => {
    const manifest = await written({})
    await ipfs.node('peer').add(manifest.bytes)
    expect((await open([from(0, manifest)])).terms.rules).toEqual(manifest.rules)
    ipfs.node('peer').setConnected(false)
    expect(await ipfs.node('me').has(manifest.cid)).toBe(true)
    ipfs.node('me').setConnected(false)
    ipfs = createFakeIpfsNetwork({ clock })
    expect((await open([from(0, manifest)])).terms.rules).toEqual(manifest.rules)
  })

  test('never from bytes that hash to another CID', async () => {
    const [manifest, other] = [await written({}), await written({ tally: { minVotes: 1 } })]
    keepManifest(networkFolder(), { cid: manifest.cid, bytes: other.bytes })
    await expect(open([from(0, manifest)])).rejects.toMatchObject({
      code: 'MANIFEST_UNAVAILABLE',
      facts: {
        cid: manifest.cid,
        lookedIn: `${join(folder, 'home')}, ${networkFolder()} (its manifests/${manifest.cid}.json does not hash to the CID)`,
      },
    })
  })

  test('from the draft that its owner wrote, completed as it was when it was set', async () => {
    const manifest = await written({ tally: { minVotes: 3 } })
    const path = join(folder, 'draft.json')
    writeFileSync(path, '{ "tally": { "minVotes": 3 }, "namespace": "NS" }')
    expect((await open([from(0, manifest)], { manifest: path })).terms.rules).toEqual(manifest.rules)
  })

  test.each([
    ['whose manifest is another one', '{"namespace":"OTHER"}', /draft\.json \(whose manifest is another one: bafk[a-z2-7]+\)$/],
    [
      'which is none',
      '{"namespace":"N S","epochSize":0}',
      /draft\.json \(which is none: namespace: "N S" is not .*; epochSize: 0 is not .*\)$/,
    ],
    ['that cannot be read', undefined, /draft\.json \(which cannot be read\)$/],
  ])('not from a file %s: it is named, with what it is', async (_name, content, lookedIn) => {
    const path = join(folder, 'draft.json')
    if (content !== undefined) writeFileSync(path, content)
    const manifest = await written({})
    await expect(open([from(0, manifest)], { manifest: path })).rejects.toMatchObject({
      code: 'MANIFEST_UNAVAILABLE',
      facts: { cid: manifest.cid, lookedIn: expect.stringMatching(lookedIn) },
    })
  })

  test('after a search that is told of, and that ends when the role is told to stop', async () => {
    const manifest = await written({})
    chain = createFakeChain({ clock, market: MARKET, signers: [], manifests: [from(0, manifest)] })
    const stopping = new AbortController()
    const opened = openMarket(NO_FLAGS, { home: home(), chain, clock, ipfs: ipfs.node('me'), signal: stopping.signal })
    opened.catch(() => undefined)
    await clock.runUntil(async () => told.length > 0, { limitMs: 1_000 })
    expect(told).toEqual([['manifest_sought', { cid: manifest.cid, fromEpochId: 0, lookedIn: join(folder, 'home') }]])
    stopping.abort(new Error('enough'))
    await expect(opened).rejects.toThrow('enough')
  })

  test('from flags where it has none, as deployed networks count', async () => {
    const { terms } = await open([], { namespace: 'NS' })
    expect(terms.rules).toEqual({
      namespace: 'NS',
      windowUnit: 'seconds',
      deadlineBufferMaxBlocks: 1_000,
      tally: { minVotes: 0, minShareBp: 0 },
      voting: 'open',
      batchForm: 'json',
      batchTree: 'either',
      anchoring: 'projects',
      projectsPerBatch: 50,
      projectsPerSlotMax: 1_000,
      availability: 'none',
      completeness: 'none',
    })
    expect(() => terms.computes()).toThrow(/--market \(WEFT_MARKET\) is needed/)
    const computes = openComputes([{ name: 'uniswap-v2', config: UNISWAP }])
    expect((await open([], { namespace: 'NS', market: computes })).terms.computes()).toBe(computes)
    const chosen = await open([], { namespace: 'NS', windowUnit: 'blocks', projectsPerBatch: 7 })
    expect(chosen.terms.rules).toMatchObject({ windowUnit: 'blocks', projectsPerBatch: 7 })
  })

  test('from nowhere when there is neither: then nothing starts', async () => {
    await expect(open([])).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      facts: { problems: [expect.stringContaining('--namespace')] },
    })
  })
})

describe('a role does not start', () => {
  const wrong = { epochSize: 11 }
  test.each<[string, object, object, string]>([
    [
      'a manifest for another source chain',
      { sourceChainId: 137 },
      {},
      "sourceChainId: the manifest CID says 137, the market's contract 1",
    ],
    ['a manifest of another epoch size', wrong, {}, "epochSize: the manifest CID says 11, the market's contract 10"],
    ['another namespace', {}, { namespace: 'OTHER' }, 'namespace: the manifest CID says NS, --namespace (WEFT_NAMESPACE) OTHER'],
    ['another unit', {}, { windowUnit: 'seconds' }, 'window.unit: the manifest CID says blocks, --window-unit (WEFT_WINDOW_UNIT) seconds'],
    [
      'batches of another size',
      {},
      { projectsPerBatch: 7 },
      'batch.projectsPerBatch: the manifest CID says 50, --projects-per-batch (WEFT_PROJECTS_PER_BATCH) 7',
    ],
  ])('with %s: it says what is wrong and where each side is set', async (_name, changes, flags, problem) => {
    const manifest = await written(changes)
    keepManifest(networkFolder(), manifest)
    await expect(open([from(0, manifest)], flags)).rejects.toMatchObject({
      code: 'MARKET_CONTRADICTED',
      facts: { problems: [problem.replace('CID', manifest.cid)] },
    })
  })

  test('with other computes, or the same ones configured otherwise', async () => {
    const choice = { name: 'uniswap-v2', version: uniswapV2.version, config: UNISWAP }
    const manifest = await written({ computes: [choice] })
    keepManifest(networkFolder(), manifest)
    const same = await open([from(0, manifest)], { market: openComputes([choice]) })
    expect(same.terms.computes().sets).toEqual(openComputes([choice]).sets)
    const otherwise = openComputes([{ ...choice, config: { ...UNISWAP, feeOn: 'token1' } }])
    await expect(open([from(0, manifest)], { market: otherwise })).rejects.toMatchObject({
      code: 'MARKET_CONTRADICTED',
      facts: {
        problems: [expect.stringMatching(/^computes: the manifest bafk.* says uniswap-v2 .*, --market \(WEFT_MARKET\) uniswap-v2 /)],
      },
    })
  })

  test('with all contradictions told at once; flags that say the same contradict nothing', async () => {
    const manifest = await written(wrong)
    keepManifest(networkFolder(), manifest)
    const failed = open([from(0, manifest)], { namespace: 'OTHER', windowUnit: 'seconds' })
    await expect(failed).rejects.toMatchObject({ facts: { problems: { length: 3 } } })
    const right = await written({})
    keepManifest(networkFolder(), right)
    await open([from(0, right)], { namespace: 'NS', windowUnit: 'blocks', projectsPerBatch: 50 })
  })

  test.each([
    ['a manifest that nobody has', 'bafkreie5akwyk4thluoy6pcddfwr6o2us66ltllqt2khphrxfect7detcy', 'MANIFEST_UNAVAILABLE'],
    ['a CID that is a path', '../../etc/passwd', 'MANIFEST_INVALID'],
  ])('with %s', async (_name, cid, code) => {
    await expect(open([from(0, { cid })])).rejects.toMatchObject({ code })
  })

  test('while the chain does not answer: that says nothing about manifests', async () => {
    chain = createFakeChain({ clock, market: MARKET, signers: [] })
    chain.setReachable(false)
    let isOpen = false
    const opened = openMarket({ ...NO_FLAGS, namespace: 'NS' }, { home: home(), chain, clock, ipfs: ipfs.node('me') }).then(() => {
      isOpen = true
    })
    await clock.advance(60_000)
    expect(isOpen).toBe(false)
    // Nobody need start it again when it does.
    chain.setReachable(true)
    await clock.runUntil(opened, { limitMs: 60_000 })

    chain.setReachable(false)
    const stopping = new AbortController()
    const options = { home: home(), chain, clock, ipfs: ipfs.node('me'), signal: stopping.signal }
    const stopped = openMarket({ ...NO_FLAGS, namespace: 'NS' }, options)
    stopping.abort(new Error('enough'))
    await expect(stopped).rejects.toThrow('enough')
  })
})

describe('a manifest that is announced', () => {
  const stop = new AbortController()
  const codes = () => told.map(([event, facts]) => [event, (facts as { code?: string }).code])

  test('is fetched before its epoch, and applies from exactly there on', async () => {
    const [first, second] = [await written({}), await written({ tally: { minVotes: 5 } })]
    keepManifest(networkFolder(), first)
    const market = await open([from(0, first)])
    const watching = market.watch(stop.signal)
    await release()
    chain.setManifest(from(3, second))
    chain.mine()
    await ipfs.node('peer').add(second.bytes)
    await clock.runUntil(() => told.some(([, facts]) => (facts as { cid: string }).cid === second.cid), { limitMs: 60_000 })
    ipfs.node('peer').setConnected(false)
    await release()
    await release()
    const minVotes = async (epochId: number) => (await market.termsAt(epochId as EpochId)).rules.tally.minVotes
    expect(await Promise.all([1, 2, 3].map(minVotes))).toEqual([2, 2, 5])
    expect(codes()).toEqual([
      ['manifest_known', undefined],
      ['manifest_known', undefined],
    ])
    stop.abort()
    await watching
  })

  test('and cannot be had is told, and its epochs have no rules until somebody brings it', async () => {
    const [first, second] = [await written({}), await written({ tally: { minVotes: 5 } })]
    keepManifest(networkFolder(), first)
    const market = await open([from(0, first)])
    const stopping = new AbortController()
    const watching = market.watch(stopping.signal)
    await release()
    chain.setManifest(from(2, second))
    chain.mine()
    await release()
    await expect(market.termsAt(2 as EpochId)).rejects.toMatchObject({ code: 'MANIFEST_UNAVAILABLE' })
    await clock.runUntil(() => codes().some(([event]) => event === 'manifest_unknown'), { limitMs: 60_000 })
    expect(codes()).toContainEqual(['manifest_unknown', 'MANIFEST_UNAVAILABLE'])
    keepManifest(networkFolder(), second)
    await clock.runUntil(() => codes().at(-1)?.[0] === 'manifest_known', { limitMs: 60_000 })
    expect((await market.termsAt(2 as EpochId)).rules).toEqual(second.rules)
    stopping.abort()
    await watching
  })

  /** A market whose manifest has been there for a while, and how often the chain was asked for its name. */
  async function watched() {
    const manifest = await written({})
    keepManifest(networkFolder(), manifest)
    const market = await open([from(0, manifest)])
    const [asked, stopping] = [vi.spyOn(chain, 'manifests'), new AbortController()]
    const watching = market.watch(stopping.signal)
    await release()
    await clock.advance(60_000)
    asked.mockClear()
    return {
      ...{ market, asked },
      async stop() {
        stopping.abort()
        await watching
      },
    }
  }

  test('is known fifteen seconds later at the latest, and while there is none the chain is asked four times a minute', async () => {
    const { asked, stop: stopWatching } = await watched()
    await clock.advance(60_000)
    expect(asked).toHaveBeenCalledTimes(4)
    const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
    let minVotes = 10
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 20_000 }), async (laterMs) => {
        await clock.advance(laterMs)
        minVotes += 1
        const manifest = await written({ tally: { minVotes } })
        keepManifest(networkFolder(), manifest)
        chain.setManifest(from(100, manifest))
        chain.mine()
        await clock.advance(15_000)
        expect(told.at(-1)).toEqual(['manifest_known', { cid: manifest.cid, fromEpochId: 100 }])
      }),
      { numRuns: 20, ...replay },
    )
    await stopWatching()
  })

  test('and was missed is fetched as soon as an epoch waits for it', async () => {
    const { market, stop: stopWatching } = await watched()
    const late = await written({ tally: { minVotes: 7 } })
    await ipfs.node('peer').add(late.bytes)
    chain.setManifest(from(2, late))
    chain.mine()
    await release()
    await expect(market.termsAt(2 as EpochId)).rejects.toMatchObject({ code: 'MANIFEST_UNAVAILABLE' })
    await clock.advance(1_000)
    expect((await market.termsAt(2 as EpochId)).rules).toEqual(late.rules)
    await stopWatching()
  })

  test('and begins with the next epoch is what a role starts with', async () => {
    const [first, second] = [await written({}), await written({ tally: { minVotes: 5 } })]
    for (const manifest of [first, second]) keepManifest(networkFolder(), manifest)
    await open([from(0, first)])
    await release()
    chain.setManifest(from(3, second))
    chain.mine()
    expect((await openThere()).terms.rules).toEqual(first.rules)
    await release()
    expect((await openThere()).terms.rules).toEqual(second.rules)
  })

  test('and was that of an epoch which still waits for it is looked for after the next one has begun', async () => {
    const [first, second, third] = [await written({}), await written({ tally: { minVotes: 5 } }), await written({ tally: { minVotes: 6 } })]
    for (const manifest of [first, third]) keepManifest(networkFolder(), manifest)
    const market = await open([from(0, first)])
    await release()
    for (const [epochId, manifest] of [
      [2, second],
      [3, third],
    ] as const) {
      chain.setManifest(from(epochId, manifest))
      chain.mine()
      await release()
    }
    const stopping = new AbortController()
    const watching = market.watch(stopping.signal)
    await expect(market.termsAt(2 as EpochId)).rejects.toMatchObject({ code: 'MANIFEST_UNAVAILABLE' })
    await ipfs.node('peer').add(second.bytes)
    await clock.runUntil(() => told.some(([, facts]) => (facts as { cid: string }).cid === second.cid), { limitMs: 60_000 })
    ipfs.node('me').setConnected(false)
    expect((await market.termsAt(2 as EpochId)).rules).toEqual(second.rules)
    stopping.abort()
    await watching
  })

  test('and replaced before its epoch comes, is not asked for any more', async () => {
    const [first, second, third] = [await written({}), await written({ tally: { minVotes: 5 } }), await written({ tally: { minVotes: 6 } })]
    keepManifest(networkFolder(), first)
    keepManifest(networkFolder(), third)
    const market = await open([from(0, first)])
    await release()
    chain.setManifest(from(4, second))
    chain.mine()
    const stopping = new AbortController()
    const watching = market.watch(stopping.signal)
    await clock.runUntil(() => codes().some(([event]) => event === 'manifest_unknown'), { limitMs: 60_000 })
    chain.setManifest(from(4, third))
    chain.mine()
    await clock.runUntil(() => told.some(([, facts]) => (facts as { cid: string }).cid === third.cid), { limitMs: 60_000 })
    told = []
    await clock.advance(60_000)
    expect(told).toEqual([])
    stopping.abort()
    await watching
  })

  test('and replaced while peers are asked for it: the new one is known with the next look', async () => {
    const [first, second, third] = [await written({}), await written({ tally: { minVotes: 5 } }), await written({ tally: { minVotes: 6 } })]
    for (const manifest of [first, third]) keepManifest(networkFolder(), manifest)
    const market = await open([from(0, first)])
    await release()
    chain.setManifest(from(4, second))
    chain.mine()
    const stopping = new AbortController()
    const watching = market.watch(stopping.signal)
    await clock.advance(1_000)
    chain.setManifest(from(4, third))
    chain.mine()
    await clock.advance(5_000)
    expect(told).toContainEqual(['manifest_known', { cid: third.cid, fromEpochId: 4 }])
    stopping.abort()
    await clock.runUntil(watching, { limitMs: 60_000 })
  })

  test('asks for computes that this program does not have: then nothing is made of them', async () => {
    const manifest = await written({ computes: [{ name: 'uniswap-v2', version: '99.0.0', config: UNISWAP }] })
    keepManifest(networkFolder(), manifest)
    const { terms } = await open([from(0, manifest)])
    expect(() => terms.computes()).toThrow(/version 99\.0\.0 is asked for/)
  })

  test.each<[string, object | string, string]>([
    ['of a version to come', '{"version":2}', 'MANIFEST_INVALID'],
    ['that contradicts the contract', { epochSize: 11 }, 'MARKET_CONTRADICTED'],
  ])('%s is told, and not followed', async (_name, content, code) => {
    const first = await written({})
    keepManifest(networkFolder(), first)
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : (await written(content)).bytes
    const cid = await snapshotCidOf(bytes)
    keepManifest(networkFolder(), { cid, bytes })
    const market = await open([from(0, first)])
    await release()
    chain.setManifest(from(2, { cid }))
    chain.mine()
    const stopping = new AbortController()
    const watching = market.watch(stopping.signal)
    await clock.runUntil(() => codes().some(([event]) => event === 'manifest_unknown'), { limitMs: 60_000 })
    expect(codes()).toContainEqual(['manifest_unknown', code])
    await release()
    await expect(market.termsAt(2 as EpochId)).rejects.toMatchObject({ code })
    expect((await market.termsAt(1 as EpochId)).rules).toEqual(first.rules)
    expect(readdirSync(join(folder, 'home', 'manifests'))).toEqual([`${first.cid}.json`])
    stopping.abort()
    await watching
  })
})

describe('a market that had a manifest, and has none now as the endpoint says', () => {
  const lying = (): FakeChain => ({
    ...chain,
    manifestAt: async () => undefined,
    manifests: async () => ({ current: undefined, pending: undefined }),
  })

  /** A role that has followed the manifest in an epoch. */
  async function followed(): Promise<EpochId> {
    const manifest = await written({})
    keepManifest(networkFolder(), manifest)
    const market = await open([from(0, manifest)])
    const epochId = await release()
    await market.termsAt(epochId)
    return epochId
  }

  test.each([{}, { namespace: 'OTHER' }])('is not followed by flags: %j', async (flags) => {
    const epochId = await followed()
    chain = lying()
    await expect(openThere(flags)).rejects.toMatchObject({
      code: 'MANIFEST_DENIED',
      facts: { dataMarket: chain.dataMarket, epochId, sinceEpochId: 0 },
    })
  })

  test('is not followed by flags either when the lie begins later', async () => {
    const epochId = await followed()
    const honest = chain
    chain = { ...honest, manifestAt: async () => undefined }
    await expect((await openThere()).termsAt(epochId)).rejects.toMatchObject({ code: 'MANIFEST_DENIED' })
  })

  test('is another one, when its address is another', async () => {
    await followed()
    chain = { ...lying(), dataMarket: `0x${'db'.repeat(20)}` as Address }
    expect((await openThere({ namespace: 'OTHER' })).terms.rules.namespace).toBe('OTHER')
  })
})
