import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CID } from 'multiformats/cid'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { serveGateway } from '#node/gateway.ts'
import { createGateways, type GatewayNotice, type GatewaysDeps } from './gateways.ts'
import type { HeliaNode } from './helia.ts'
import { blockFile, flipByte } from './helia.test-world.ts'
import { BLOCK_BYTES_MAX } from './port.ts'
import { describeIpfs, hastyMs } from './suite.ts'
import { importContent, parseCid, type Wait, wait } from './unixfs.ts'

/** Gateways as the second place beside peers: real servers, real nodes. */

beforeAll(() => import('./helia-node.ts'), 60_000)

/** Nobody is late, however busy the machine is. */
const patient: Wait = (_durationMs, until) => untilAborted(new Promise(() => undefined), until)
const hasty: Wait = (durationMs, signal) => wait(hastyMs(durationMs), signal)
const { signal } = new AbortController()
const LIMITS = { bytesMax: 4 * 1024 * 1024, timeoutMs: 20_000 }
const text = (value: string) => new TextEncoder().encode(value)

const ends: (() => Promise<unknown>)[] = []
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-gateways-'))
  ends.unshift(() => rm(root, { recursive: true, force: true }))
})
afterEach(async () => {
  vi.restoreAllMocks()
  // What was opened last goes first.
  for (const end of ends.splice(0).reverse()) await end()
})

/** Blocks in memory, and a gateway of anybody's before them: it does as `answer` does, or gives what it has. */
async function gatewayOf(contents: readonly Uint8Array[], answer?: (right: Uint8Array) => RequestListener, codec?: 'dag-cbor') {
  const blocks = new Map<string, Uint8Array>()
  const cids: Cid[] = []
  for (const each of contents) cids.push(await importContent(each, async (cid, block) => void blocks.set(cid.toString(), block), codec))
  const asked: string[] = []
  const server: Server = createServer((request, response) => {
    const cid = /^\/ipfs\/(\w+)\?format=raw$/.exec(request.url ?? '')?.[1] ?? ''
    asked.push(cid)
    const right = blocks.get(cid)
    if (right === undefined) response.writeHead(404).end('not here')
    else if (answer === undefined) response.end(right)
    else answer(right)(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(async () => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cids, asked }
}

/** What a gateway may do in place of its work, and what it is told to do. */
const LIES: Readonly<Record<string, readonly [string, (right: Uint8Array) => RequestListener]>> = {
  'gives other bytes': ['lies', (right) => (_request, response) => void response.end(right.map((byte) => byte ^ 1))],
  'gives a part': ['lies', (right) => (_request, response) => void response.end(right.subarray(1))],
  'gives a page': ['lies', () => (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
  'never ends its body': [
    'lies',
    () => (_request, response) => {
      const more = (): void => void (response.write(new Uint8Array(262_144)) ? setImmediate(more) : response.once('drain', more))
      more()
    },
  ],
  'sends in a circle': ['redirects', () => (request, response) => void response.writeHead(302, { location: request.url }).end()],
  'has had enough': ['refuses', () => (_request, response) => void response.writeHead(429).end()],
  'breaks off': ['unreachable', () => (_request, response) => void response.destroy()],
  'breaks off in the middle': [
    'unreachable',
    (right) => (_request, response) =>
      void response.writeHead(200, { 'content-length': right.length }).write(right.subarray(0, 1), () => response.destroy()),
  ],
  'never answers': ['slow', () => () => undefined],
  'gives a byte and then nothing': ['slow', (right) => (_request, response) => void response.write(right.subarray(0, 1))],
}

function watched() {
  const told: GatewayNotice[] = []
  const uses: string[] = []
  let nowMs = 0
  const deps: GatewaysDeps = {
    onTrouble: (notice) => void told.push(notice),
    onUse: ({ gateway, outcome }) => void uses.push(`${gateway} ${outcome}`),
    nowMs: () => nowMs,
  }
  return {
    deps,
    told,
    uses,
    pass(ms: number): void {
      nowMs += ms
    },
  }
}

describe('G7: of two gateways the first', () => {
  test.each(Object.entries(LIES))(
    '%s: the other gives the block, and it is noticed, told once and asked last',
    async (_how, [trouble, lie]) => {
      const contents = Array.from({ length: 4 }, (_, index) => text(`content ${index}`))
      const [bad, good] = [await gatewayOf(contents, lie), await gatewayOf(contents)]
      const { deps, told, uses } = watched()
      const gateways = createGateways({ urls: [bad.url, good.url], timeoutMs: 30_000 }, deps)
      for (const [index, cid] of good.cids.entries()) expect(await gateways.fetch(parseCid(cid), signal)).toEqual(contents[index])
      expect(told).toEqual([{ gateway: bad.url, trouble, detail: expect.any(String) }])
      expect([bad.asked.length, good.asked.length]).toEqual([1, 4])
      expect(uses.toSorted()).toEqual([`${bad.url} ${trouble}`, ...good.cids.map(() => `${good.url} ok`)].toSorted())
    },
  )

  test('that has not got it is no liar, and is asked again', async () => {
    const [empty, good] = [await gatewayOf([]), await gatewayOf([text('one'), text('two')])]
    const { deps, told, uses } = watched()
    const gateways = createGateways({ urls: [empty.url, good.url], timeoutMs: 30_000 }, { ...deps, wait: patient })
    for (const cid of good.cids) await gateways.fetch(parseCid(cid), signal)
    expect([told, empty.asked]).toEqual([[], good.cids])
    expect(uses.filter((use) => use === `${empty.url} absent`)).toHaveLength(2)
  })

  test('that lied is first again after its minute, has recovered when it gives what is right, and waits longer when it lies again', async () => {
    let isLying = true
    const contents = Array.from({ length: 6 }, (_, index) => text(`content ${index}`))
    const lie =
      (right: Uint8Array): RequestListener =>
      (_request, response) =>
        void response.end(isLying ? text('no') : right)
    const [bad, good] = [await gatewayOf(contents, lie), await gatewayOf(contents)]
    const { deps, told, pass } = watched()
    const gateways = createGateways({ urls: [bad.url, good.url], timeoutMs: 30_000 }, { ...deps, wait: patient })
    const fetch = async (index: number) => gateways.fetch(parseCid(good.cids[index] as Cid), signal)
    await fetch(0)
    pass(59_999)
    await fetch(1)
    expect(bad.asked).toHaveLength(1)
    pass(1)
    isLying = false
    await fetch(2)
    expect([bad.asked.length, told.at(-1)]).toEqual([2, { gateway: bad.url, trouble: 'lies', detail: 'no more', times: 1 }])
    isLying = true
    await fetch(3)
    pass(119_999)
    await fetch(4)
    expect([bad.asked.length, told.length]).toEqual([3, 3])
    pass(1)
    await fetch(5)
    expect(bad.asked).toHaveLength(4)
  })
})

test('G7: where none gives it, it is wrong when one gave something else, and otherwise not found', async () => {
  const content = [text('content')]
  const [liar, empty] = [await gatewayOf(content, (LIES['gives a page'] as (typeof LIES)[string])[1]), await gatewayOf([])]
  const cid = parseCid(liar.cids[0] as string)
  const fetch = (...urls: string[]) => createGateways({ urls, timeoutMs: 30_000 }).fetch(cid, signal)
  for (const urls of [[liar.url], [empty.url, liar.url], [liar.url, empty.url]])
    await expect(fetch(...urls)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
  for (const urls of [[empty.url], [empty.url, 'http://127.0.0.1:1'], []])
    await expect(fetch(...urls)).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND' })
})

describe('G7: a block that is right and larger than any that is taken', () => {
  const blockOf = (length: number) => gatewayOf([new Uint8Array(length)], undefined, 'dag-cbor')

  test('is told as what it is, by whoever has it: no gateway is held to blame, and no other one asked', async () => {
    const [holder, other] = [await blockOf(BLOCK_BYTES_MAX + 1), await blockOf(BLOCK_BYTES_MAX + 1)]
    const { deps, told, uses } = watched()
    const { fetch } = createGateways({ urls: [holder.url, other.url], timeoutMs: 30_000 }, { ...deps, wait: patient })
    const [cid] = holder.cids as [Cid]
    for (let again = 0; again < 2; again += 1)
      await expect(fetch(parseCid(cid), signal)).rejects.toMatchObject({
        code: 'IPFS_CONTENT_TOO_LARGE',
        facts: { cid, bytesMax: BLOCK_BYTES_MAX },
      })
    expect([told, uses, other.asked]).toEqual([[], Array(2).fill(`${holder.url} ok`), []])
  })

  test('is so from one byte more on; of what is longer than anybody reads nobody knows what it is', async () => {
    const taken = await blockOf(BLOCK_BYTES_MAX)
    const longer = await blockOf(2 * BLOCK_BYTES_MAX + 1)
    const { deps, told } = watched()
    const { fetch } = createGateways({ urls: [taken.url, longer.url], timeoutMs: 30_000 }, { ...deps, wait: patient })
    expect(await fetch(parseCid(taken.cids[0] as Cid), signal)).toHaveLength(BLOCK_BYTES_MAX)
    await expect(fetch(parseCid(longer.cids[0] as Cid), signal)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
    expect(told).toEqual([{ gateway: longer.url, trouble: 'lies', detail: expect.stringContaining('more than') }])
  })

  test('is told at once by a node too, which keeps nothing of it', async () => {
    const holder = await blockOf(BLOCK_BYTES_MAX + 1)
    const reader = await nodeWith('reader', { urls: [holder.url], wait: patient })
    const [cid] = holder.cids as [Cid]
    await expect(reader.get(cid, { ...LIMITS, bytesMax: 2 * BLOCK_BYTES_MAX })).rejects.toMatchObject({ code: 'IPFS_CONTENT_TOO_LARGE' })
    expect(await reader.has(cid)).toBe(false)
  })
})

test('one that had not answered when its reader had to go is no liar, and the next reader asks another one first', async () => {
  const contents = [text('one'), text('two')]
  const [silent, good] = [await gatewayOf(contents, LIES['never answers']?.[1]), await gatewayOf(contents)]
  const { deps, told } = watched()
  const { fetch } = createGateways({ urls: [silent.url, good.url], timeoutMs: 30_000 }, { ...deps, wait: patient })
  const [first, second] = good.cids.map(parseCid) as [CID, CID]
  const hurried = new AbortController()
  const fetching = fetch(first, hurried.signal)
  await expect.poll(() => silent.asked.length).toBe(1)
  hurried.abort(new Error('no time'))
  await expect(fetching).rejects.toThrow('no time')
  expect(await fetch(second, signal)).toEqual(text('two'))
  expect([silent.asked.length, told]).toEqual([1, []])
})

test('one alone that begins a block and does not end it is slow; that it says nothing of one may be because nobody has it', async () => {
  const told = async (how: string) => {
    const { url, cids } = await gatewayOf([text('content')], LIES[how]?.[1])
    const { deps, told, uses } = watched()
    const { fetch } = createGateways({ urls: [url], timeoutMs: 2_000 }, deps)
    await expect(fetch(parseCid(cids[0] as string), signal)).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND' })
    return [told.map(({ trouble }) => trouble), uses.map((use) => use.replace(`${url} `, ''))]
  }
  expect(await Promise.all([told('gives a byte and then nothing'), told('never answers')])).toEqual([
    [['slow'], ['slow']],
    [[], ['silent']],
  ])
})

test('G7: who waits for a place at gateways that are all silent waits no longer than he likes', async () => {
  const contents = Array.from({ length: 40 }, (_, index) => text(`content ${index}`))
  const silent = await gatewayOf(contents, () => () => undefined)
  const { fetch } = createGateways({ urls: [silent.url], timeoutMs: 60_000 })
  const impatient = new AbortController()
  const fetching = Promise.allSettled(silent.cids.map((cid) => fetch(parseCid(cid), impatient.signal)))
  await expect.poll(() => silent.asked.length).toBe(32)
  impatient.abort(new Error('enough'))
  for (const settled of await fetching) expect(settled).toMatchObject({ status: 'rejected', reason: { message: 'enough' } })
  expect(silent.asked).toHaveLength(32)
})

async function nodeWith(
  name: string,
  { urls = [], wait = hasty, onFetched }: { urls?: readonly string[]; wait?: Wait; onFetched?: (from: string) => void } = {},
): Promise<HeliaNode> {
  const { startNode } = await import('./helia-node.ts')
  const gateways = urls.length > 0 ? createGateways({ urls, timeoutMs: 30_000 }) : undefined
  const node = await startNode(
    { directory: join(root, name) },
    { wait, store: createFakeStore(), gateways, ...(onFetched && { onFetched }) },
  )
  ends.push(() => node.stop())
  return node
}

/** A way to a node, on which from some moment on nothing goes any more, as to a machine that sleeps; it stays open. */
async function wayTo(address: string) {
  const port = /(?<=\/tcp\/)\d+/
  const sockets: Socket[] = []
  const server = createTcpServer((near) => {
    const far = connect(Number(port.exec(address)?.[0]), '127.0.0.1')
    near.pipe(far).pipe(near)
    // Its ends are closed one by one.
    for (const socket of [near, far]) socket.on('error', () => undefined)
    sockets.push(near, far)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return {
    address: address.replace(port, String((server.address() as AddressInfo).port)),
    hang(): void {
      for (const socket of sockets) socket.unpipe().pause()
    },
  }
}

describe('a node with peers and gateways', () => {
  test.each(Object.entries(LIES))('whose one gateway %s has the content from its peer', async (_how, [, lie]) => {
    const bytes = new Uint8Array(600_000).fill(3)
    const [bad, holder] = [await gatewayOf([bytes], lie), await nodeWith('holder')]
    const from: string[] = []
    const reader = await nodeWith('reader', { urls: [bad.url], onFetched: (way) => void from.push(way) })
    // Nobody is connected: its gateway is asked first.
    const reading = reader.get(bad.cids[0] as Cid, LIMITS)
    await expect.poll(() => bad.asked.length).toBeGreaterThan(0)
    await holder.add(bytes)
    await reader.connect(holder.addresses()[0] as string)
    expect(await reading).toEqual(bytes)
    expect(new Set(from)).toEqual(new Set(['peers']))
  })

  test('asks no gateway for what its peers bring at once', async () => {
    const bytes = text('content')
    const [holder, idle] = [await nodeWith('holder'), await gatewayOf([bytes])]
    const from: string[] = []
    const reader = await nodeWith('reader', { urls: [idle.url], wait: patient, onFetched: (way) => void from.push(way) })
    await reader.connect(holder.addresses()[0] as string)
    await holder.add(bytes)
    expect(await reader.get(idle.cids[0] as Cid, LIMITS)).toEqual(bytes)
    expect([from, idle.asked]).toEqual([['peers'], []])
  })

  test('has from gateways what its peers have not got, keeps it and gives it to others', async () => {
    const bytes = Uint8Array.from({ length: 600_000 }, (_, index) => (index >> 10) ^ (index >> 18))
    const [silent, good] = [await nodeWith('silent'), await gatewayOf([bytes])]
    const from: string[] = []
    const reader = await nodeWith('reader', { urls: [good.url], onFetched: (way) => void from.push(way) })
    await reader.connect(silent.addresses()[0] as string)
    const [cid] = good.cids as [Cid]
    expect(await reader.get(cid, LIMITS)).toEqual(bytes)
    expect([await reader.has(cid), new Set(from), from.length, good.asked.length]).toEqual([true, new Set(['gateways']), 4, 4])
    await reader.pin(cid)
    expect([await silent.get(cid, LIMITS), good.asked.length]).toEqual([bytes, 4])
  })

  test('G11: is held up by no peer that hangs where a gateway brings what it asks for', async () => {
    const [small, bytes] = [text('content'), Uint8Array.from({ length: 600_000 }, (_, index) => (index >> 10) ^ (index >> 18))]
    const [holder, good] = [await nodeWith('holder'), await gatewayOf([bytes])]
    const from: string[] = []
    const reader = await nodeWith('reader', { urls: [good.url], onFetched: (way) => void from.push(way) })
    const way = await wayTo(holder.addresses()[0] as string)
    await reader.connect(way.address)
    await reader.get(await holder.add(small), LIMITS)
    // What the library has for a peer would otherwise be over after three seconds.
    const timeout = AbortSignal.timeout.bind(AbortSignal)
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => (ms === 3_000 ? new AbortController().signal : timeout(ms)))
    way.hang()
    expect(await reader.get(good.cids[0] as Cid, LIMITS)).toEqual(bytes)
    expect(from).toEqual(['peers', ...Array(4).fill('gateways')])
  })

  test('G11: asks gateways for nobody else, who might be one of them', async () => {
    const good = await gatewayOf([text('content')])
    const reader = await nodeWith('reader', { urls: [good.url] })
    const gateway = await serveGateway({ blocks: reader }, { wait: async () => undefined })
    ends.push(() => gateway.stop())
    expect((await fetch(`${gateway.url}/ipfs/${good.cids[0]}?format=raw`)).status).toBe(504)
    expect(good.asked).toEqual([])
  })
})

describeIpfs('helia over gateways alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'weft-ipfs-'))
  const { startNode } = await import('./helia-node.ts')
  const nodes: Record<string, HeliaNode> = {}
  const served = (name: string) => {
    const node = () => nodes[name] as HeliaNode
    // What they serve is there once they have started, and each is told of the other first.
    return serveGateway({ blocks: { block: (cid) => node().block(cid), find: (cid, until) => node().find(cid, until) } })
  }
  const sides = { left: await served('left'), right: await served('right') }
  for (const [name, other] of [
    ['left', sides.right],
    ['right', sides.left],
  ] as const)
    nodes[name] = await startNode(
      { directory: join(folder, name) },
      { wait: hasty, store: createFakeStore(), gateways: createGateways({ urls: [other.url], timeoutMs: 10_000 }) },
    )
  const { left, right } = nodes as Record<'left' | 'right', HeliaNode>
  return {
    left,
    right,
    corruptLeft: (cid) => flipByte(blockFile(join(folder, 'left'), cid)),
    async close() {
      await Promise.all([left.stop(), right.stop(), sides.left.stop(), sides.right.stop()])
      await rm(folder, { recursive: true })
    },
  }
})
