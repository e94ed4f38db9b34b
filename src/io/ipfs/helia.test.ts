import { connect } from 'node:net'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { serveGateway } from '#node/gateway.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createGatewayReader } from './gateway-reader.ts'
import { type HeliaNode, startHeliaNode } from './helia.ts'
import { blockFile, flipByte } from './helia.test-world.ts'
import { describeIpfs, hastyMs } from './suite.ts'
import { type Wait, wait } from './unixfs.ts'

const LIMITS = { bytesMax: 4 * 1024 * 1024, timeoutMs: 20_000 }

// Loading the libraries behind the node is no part of any test.
beforeAll(() => import('./helia-node.ts'), 60_000)

describeIpfs('helia', async () => {
  const root = await mkdtemp(join(tmpdir(), 'weft-ipfs-'))
  const { startNode } = await import('./helia-node.ts')
  const hasty: Wait = (durationMs, signal) => wait(hastyMs(durationMs), signal)
  const left = await startNode({ directory: join(root, 'left') }, { wait: hasty, store: createFakeStore() })
  const right = await startNode({ directory: join(root, 'right') }, { wait: hasty, store: createFakeStore() })
  await right.connect(left.addresses()[0] as string)
  return {
    left,
    right,
    corruptLeft: (cid) => flipByte(blockFile(join(root, 'left'), cid)),
    async close() {
      await Promise.all([left.stop(), right.stop()])
      await rm(root, { recursive: true })
    },
  }
})

let root: string
const started: HeliaNode[] = []
async function start(
  name: string,
  options: { readonly listen?: readonly string[]; readonly peers?: readonly string[] } = {},
): Promise<HeliaNode> {
  const node = await startHeliaNode({ directory: join(root, name), ...options })
  started.push(node)
  return node
}
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-ipfs-'))
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((node) => node.stop()))
  await rm(root, { recursive: true })
})

test('the CID is the one that wire/cid.ts computes, and the file holds the bytes unchanged', async () => {
  const node = await start('a')
  for (const length of [1, 262_144, 262_145, 1_048_576]) {
    const bytes = new Uint8Array(length).fill(7)
    expect(await node.add(bytes)).toBe(await snapshotCidOf(bytes))
  }
  const bytes = new TextEncoder().encode('{"a":1}')
  expect(new Uint8Array(await readFile(blockFile(join(root, 'a'), await node.add(bytes))))).toEqual(bytes)
})

test('a restart keeps content and identity', async () => {
  const before = await start('a')
  const cid = await before.add(new Uint8Array(300_000).fill(1))
  await before.stop()
  const after = await start('a')
  expect(after.peerId).toBe(before.peerId)
  expect((await after.get(cid, LIMITS)).length).toBe(300_000)
})

test('a port that is taken is LISTEN_FAILED', async () => {
  const listen = [((await start('a')).addresses()[0] as string).replace(/\/p2p\/.*/, '')]
  await expect(start('b', { listen })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    facts: { address: listen[0], detail: 'EADDRINUSE' },
  })
})

test('a peer whose address is none is LINK_FAILED, and nothing of the node stays', async () => {
  const listen = [((await start('a')).addresses()[0] as string).replace(/\/p2p\/.*/, '')]
  await started.pop()?.stop()
  const peers = ['/ip4/127.0.0.1/tcp/99999/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5']
  await expect(start('b', { listen, peers })).rejects.toMatchObject({ code: 'LINK_FAILED' })
  // The port is free again.
  await start('c', { listen })
})

test('a lost peer is dialled again when it is back', async () => {
  const first = await start('server')
  const address = first.addresses()[0] as string
  const reader = await start('reader', { peers: [address] })
  const cid = await first.add(new TextEncoder().encode('one'))
  expect((await reader.get(cid, LIMITS)).length).toBe(3)
  expect([first.peers(), reader.peers()], 'whoever dialled').toEqual([1, 1])
  await first.stop()
  await expect.poll(() => reader.peers()).toBe(0)
  const again = await start('server', { listen: [address.slice(0, address.indexOf('/p2p/'))] })
  const next = await again.add(new TextEncoder().encode('three'))
  expect((await reader.get(next, LIMITS)).length).toBe(5)
})

test('a peer that is not there is reported and tried again', async () => {
  const server = await start('server')
  const address = server.addresses()[0] as string
  await server.stop()
  const reader = await start('reader')
  await expect(reader.connect(address)).rejects.toMatchObject({ code: 'LINK_FAILED' })
  await expect(reader.connect('no address')).rejects.toMatchObject({ code: 'LINK_FAILED' })
  const again = await start('server', { listen: [address.slice(0, address.indexOf('/p2p/'))] })
  const cid = await again.add(new TextEncoder().encode('here'))
  expect((await reader.get(cid, LIMITS)).length).toBe(4)
})

test('many readers of one content at once, one of them giving up', async () => {
  const server = await start('server')
  const reader = await start('reader', { peers: server.addresses() })
  const cids = await Promise.all(Array.from({ length: 40 }, (_, index) => server.add(new Uint8Array(2_000).fill(index))))
  const impatient = new AbortController()
  const refused = reader.get(cids[0] as Cid, { ...LIMITS, signal: impatient.signal }).catch((failure) => failure)
  const reads = Promise.all([...cids, ...cids].map((cid) => reader.get(cid, LIMITS)))
  impatient.abort(new Error('enough'))
  expect((await refused).message).toBe('enough')
  expect((await reads).every((bytes) => bytes.length === 2_000)).toBe(true)
})

test('G7: what is fetched for somebody else is not kept, and a reader of the same keeps it all the same', async () => {
  const server = await start('server')
  const reader = await start('reader', { peers: server.addresses() })
  const { signal } = new AbortController()
  const [cid, other] = [await server.add(Uint8Array.of(1)), await server.add(Uint8Array.of(2))]
  expect([...(await reader.find(cid, signal))]).toEqual([1])
  expect([await reader.has(cid), await reader.block(cid)]).toEqual([false, undefined])
  await Promise.all([reader.find(other, signal), reader.pin(other), reader.find(other, signal)])
  expect(await reader.has(other)).toBe(true)
  await expect(reader.find('no CID', signal)).rejects.toMatchObject({ code: 'ID_MALFORMED' })
})

test('a search ends with who asked for it, and with the node', async () => {
  const reader = await start('reader')
  const cid = await snapshotCidOf(Uint8Array.of(9))
  const impatient = new AbortController()
  const searches = [reader.find(cid, impatient.signal), reader.find(cid, new AbortController().signal)]
  impatient.abort(new Error('enough'))
  await expect(searches[0]).rejects.toThrow('enough')
  const ended = expect(searches[1]).rejects.toMatchObject({ code: 'STOPPED' })
  await reader.stop()
  await ended
})

test('a gateway gives what only a peer of its node holds, to a reader that checks it', async () => {
  const server = await start('server')
  const gateway = await serveGateway({ blocks: await start('reader', { peers: server.addresses() }) })
  const bytes = Uint8Array.from({ length: 600_000 }, (_, index) => index >> 10)
  const cid = await server.add(bytes)
  expect(await createGatewayReader({ urls: [gateway.url], timeoutMs: 10_000 }).get(cid, LIMITS)).toEqual(bytes)
  expect(new Uint8Array(await (await fetch(`${gateway.url}/ipfs/${cid}`)).arrayBuffer())).toEqual(bytes)
  await gateway.stop()
})

test('G11: sockets that say nothing keep nobody out', async () => {
  const left = await start('left')
  const address = left.addresses()[0] as string
  const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
  const sockets = Array.from({ length: 40 }, () => connect(port, '127.0.0.1'))
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('connect', resolve).on('error', resolve))))
  const cid = await left.add(new TextEncoder().encode('anything'))
  const right = await start('right')
  await right.connect(address)
  expect(await right.get(cid, LIMITS)).toEqual(new TextEncoder().encode('anything'))
  for (const socket of sockets) socket.destroy()
})
