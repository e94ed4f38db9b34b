import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { type BlockReader, createGatewayReader, type Gateway, serveGateway } from './gateway.ts'
import { importContent, parseCid } from './unixfs.ts'

const LIMITS = { bytesMax: 2 * 1024 * 1024, timeoutMs: 10_000 }
const gateways: Gateway[] = []
const servers: Server[] = []
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()))
  for (const server of servers.splice(0)) server.close()
})

function createStore(): BlockReader & {
  add(bytes: Uint8Array): Promise<Cid>
  damage(cid: string): void
  readonly blocks: Map<string, Uint8Array>
} {
  const blocks = new Map<string, Uint8Array>()
  return {
    blocks,
    add: (bytes) =>
      importContent(bytes, async (cid, block) => {
        blocks.set(cid.toString(), block.slice())
      }),
    block: async (cid) => blocks.get(parseCid(cid).toString()),
    damage(cid) {
      const block = blocks.get(cid) as Uint8Array
      block[0] = (block[0] ?? 0) ^ 1
    },
  }
}

async function serve(blocks: BlockReader): Promise<string> {
  const gateway = await serveGateway({ blocks })
  gateways.push(gateway)
  return gateway.url
}
const readerOf = (...urls: string[]) => createGatewayReader({ urls, timeoutMs: 2_000 })
const filled = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 7) & 255)

test('content of many blocks is read and checked', async () => {
  const store = createStore()
  const bytes = filled(1_000_000)
  const cid = await store.add(bytes)
  expect(Buffer.compare(await readerOf(await serve(store)).get(cid, LIMITS), bytes)).toBe(0)
})

test('a port that is taken is LISTEN_FAILED', async () => {
  const { host, port } = new URL(await serve(createStore()))
  await expect(serveGateway({ blocks: createStore(), port: Number(port) })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    facts: { address: host, detail: 'EADDRINUSE' },
  })
})

test('a damaged block is served as it is, and noticed', async () => {
  const store = createStore()
  const cid = await store.add(filled(10))
  const got = await createStore().add(Uint8Array.from(filled(10), (byte, index) => (index === 0 ? byte ^ 1 : byte)))
  store.damage(cid)
  await expect(readerOf(await serve(store)).get(cid, LIMITS)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG', facts: { cid, got } })
})

test('a damaged leaf deep in the file is noticed', async () => {
  const store = createStore()
  const cid = await store.add(filled(1_000_000))
  const leaf = [...store.blocks.keys()].find((key) => key !== cid) as string
  store.damage(leaf)
  await expect(readerOf(await serve(store)).get(cid, LIMITS)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG', facts: { cid: leaf } })
})

test('wrong bytes of one gateway do not hurt when another has the right ones', async () => {
  const [bad, good, empty] = [createStore(), createStore(), createStore()]
  const cid = await bad.add(filled(100))
  await good.add(filled(100))
  bad.damage(cid)
  const urls = [await serve(empty), await serve(bad), 'http://127.0.0.1:1', await serve(good)]
  expect(await readerOf(...urls).get(cid, LIMITS)).toEqual(filled(100))
  await expect(readerOf(...urls.slice(0, 3)).get(cid, LIMITS)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
  await expect(readerOf(urls[0] as string, urls[2] as string).get(cid, LIMITS)).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND' })
})

test('more than the caller accepts is refused, also from a gateway that never stops sending', async () => {
  const store = createStore()
  const cid = await store.add(filled(300_000))
  await expect(readerOf(await serve(store)).get(cid, { ...LIMITS, bytesMax: 299_999 })).rejects.toMatchObject({
    code: 'IPFS_CONTENT_TOO_LARGE',
  })
  const endless = createServer((_request, response) => {
    const more = () => {
      if (response.write(filled(65_536))) setImmediate(more)
    }
    response.on('drain', more)
    more()
  })
  servers.push(endless)
  await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(endless.address() as AddressInfo).port}`
  // It is the size that ends it, however slowly a busy machine sends.
  const patient = createGatewayReader({ urls: [url], timeoutMs: 25_000 })
  await expect(patient.get(cid, { ...LIMITS, timeoutMs: 25_000 })).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
})

test('the gateway speaks raw blocks and nothing else', async () => {
  const store = createStore()
  const cid = await store.add(filled(10))
  const url = await serve(store)
  const ask = (path: string, init: RequestInit = {}) => fetch(`${url}${path}`, init)
  const answer = await ask(`/ipfs/${cid}`, { headers: { accept: 'application/vnd.ipld.raw' } })
  expect([answer.status, answer.headers.get('content-type'), answer.headers.get('content-length'), answer.headers.get('etag')]).toEqual([
    200,
    'application/vnd.ipld.raw',
    '10',
    `"${cid}.raw"`,
  ])
  const head = await ask(`/ipfs/${cid}?format=raw`, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', ''])
  const statuses: [string, RequestInit | undefined, number][] = [
    [`/ipfs/${cid}?format=raw`, { headers: { 'if-none-match': `"${cid}.raw"` } }, 304],
    [`/ipfs/${cid}`, undefined, 406],
    [`/ipfs/${cid}?format=raw`, { method: 'POST' }, 405],
    [`/ipfs/${await createStore().add(filled(11))}?format=raw`, undefined, 404],
    ['/ipfs/', undefined, 400],
    ['/ipfs/nonsense?format=raw', undefined, 400],
    ['/ipfs/%2e%2e%2f%2e%2e%2fetc%2fpasswd?format=raw', undefined, 400],
    [`/ipfs/${cid}/file?format=raw`, undefined, 400],
    ['/', undefined, 404],
    [`/ipfs/${'a'.repeat(1_000)}?format=raw`, undefined, 414],
  ]
  for (const [path, init, status] of statuses) expect([path, (await ask(path, init)).status]).toEqual([path, status])
})
