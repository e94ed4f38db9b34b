import { channel } from 'node:diagnostics_channel'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { createGatewayReader } from './gateway-reader.ts'
import { type BlockReader, type Gateway, serveGateway } from './gateway.ts'
import { importContent, parseCid } from './unixfs.ts'

const LIMITS = { bytesMax: 2 * 1024 * 1024, timeoutMs: 10_000 }
const gateways: Gateway[] = []
const servers: Server[] = []
const sockets: Socket[] = []
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()))
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
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
const readerOf = (...urls: string[]) => createGatewayReader({ urls, timeoutMs: 10_000 })

/** A gateway of somebody else's, which answers as the test wants. */
async function hostile(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Rejects, with what was awaited, when it does not come. */
async function soon<Value>(what: string, promise: Promise<Value>): Promise<Value> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`${what}: not within 10 s`)), 10_000)
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => late.signal.addEventListener('abort', () => reject(late.signal.reason))),
    ])
  } finally {
    clearTimeout(timer)
  }
}
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

test('G7: more than the caller accepts is refused, also from a gateway that never stops sending', async () => {
  const store = createStore()
  const cid = await store.add(filled(300_000))
  await expect(readerOf(await serve(store)).get(cid, { ...LIMITS, bytesMax: 299_999 })).rejects.toMatchObject({
    code: 'IPFS_CONTENT_TOO_LARGE',
  })
  const url = await hostile((_request, response) => {
    const more = () => {
      if (response.write(filled(65_536))) setImmediate(more)
    }
    response.on('drain', more)
    more()
  })
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

describe('G7: a gateway that is not what it should be', () => {
  test('G7: that sends its reader elsewhere is not followed', async () => {
    const asked: string[] = []
    const target = await hostile((request, response) => {
      asked.push(request.url ?? '')
      response.end(filled(10))
    })
    const cid = await createStore().add(filled(10))
    for (const status of [301, 302, 303, 307, 308]) {
      const url = await hostile((request, response) => response.writeHead(status, { location: `${target}${request.url}` }).end())
      await expect(readerOf(url).get(cid, LIMITS)).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND' })
    }
    expect(asked).toEqual([])
  })

  test('G7: that never answers is left for the next when its time is over', async () => {
    const store = createStore()
    const cid = await store.add(filled(10))
    const silent = await hostile(() => undefined)
    const reader = createGatewayReader({ urls: [silent, await serve(store)], timeoutMs: 200 })
    expect(await soon('the answer of the second gateway', reader.get(cid, { ...LIMITS, timeoutMs: 60_000 }))).toEqual(filled(10))
  })

  test('G7: that begins and never ends is left for the next as well', async () => {
    const store = createStore()
    const cid = await store.add(filled(10))
    const stuck = await hostile((_request, response) => void response.write(filled(1)))
    const reader = createGatewayReader({ urls: [stuck, await serve(store)], timeoutMs: 200 })
    expect(await soon('the answer of the second gateway', reader.get(cid, { ...LIMITS, timeoutMs: 60_000 }))).toEqual(filled(10))
  })

  test('G7: may keep nobody longer than the whole read may take', async () => {
    const cid = await createStore().add(filled(10))
    const reader = createGatewayReader({ urls: [await hostile(() => undefined)], timeoutMs: 60_000 })
    await expect(soon('the end of the read', reader.get(cid, { ...LIMITS, timeoutMs: 100 }))).rejects.toMatchObject({
      code: 'IPFS_NOT_FOUND',
      facts: { cid, waitedMs: 100 },
    })
  })

  test('G7: cannot keep a caller who has had enough', async () => {
    const cid = await createStore().add(filled(10))
    const caller = new AbortController()
    const silent = await hostile(() => caller.abort(new Error('enough')))
    const asked: string[] = []
    const next = await hostile((request) => void asked.push(request.url ?? ''))
    const reader = createGatewayReader({ urls: [silent, next], timeoutMs: 60_000 })
    await expect(soon('the end of the read', reader.get(cid, { ...LIMITS, signal: caller.signal }))).rejects.toThrow('enough')
    expect(asked).toEqual([])
  })

  test('G7: that says nothing of its size is cut off at the largest block, to the byte', async () => {
    const largest = 4 * 1024 * 1024
    const limits = { bytesMax: 2 * largest, timeoutMs: 25_000 }
    for (const length of [largest, largest + 1]) {
      const bytes = new Uint8Array(length)
      const { cid } = await rawBlock(bytes)
      const url = await hostile((_request, response) => {
        response.write(bytes)
        response.end()
      })
      const read = createGatewayReader({ urls: [url], timeoutMs: 25_000 }).get(cid, limits)
      if (length === largest) expect((await read).length).toBe(largest)
      else await expect(read).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG', facts: { cid, got: `more than ${largest} bytes` } })
    }
  })

  test('G8: that claims the CID and has other bytes is found out, and its bytes go nowhere', async () => {
    const cid = await createStore().add(filled(10))
    const lying = await hostile((_request, response) =>
      response
        .writeHead(200, { 'content-type': 'application/vnd.ipld.raw', etag: `"${cid}.raw"`, 'x-ipfs-path': `/ipfs/${cid}` })
        .end(filled(11)),
    )
    await expect(readerOf(lying).get(cid, LIMITS)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG', facts: { cid } })
  })

  test.each([204, 206, 400, 404, 429, 500, 503])('that answers %i has not got it', async (status) => {
    const cid = await createStore().add(filled(10))
    const url = await hostile((_request, response) => response.writeHead(status).end(status === 204 ? undefined : filled(10)))
    await expect(readerOf(url).get(cid, LIMITS)).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND' })
  })

  test('is asked for one raw block at its place, however its address is written', async () => {
    const requests: Pick<IncomingMessage, 'url' | 'method' | 'headers'>[] = []
    const url = await hostile((request, response) => {
      requests.push(request)
      response.end(filled(10))
    })
    const cid = await createStore().add(filled(10))
    await readerOf(`${url}//`).get(cid, LIMITS)
    expect(requests.map(({ url: path, method, headers }) => [method, path, headers.accept])).toEqual([
      ['GET', `/ipfs/${cid}?format=raw`, 'application/vnd.ipld.raw'],
    ])
    await expect(readerOf(url).get('../../etc/passwd' as Cid, LIMITS)).rejects.toMatchObject({ code: 'ID_MALFORMED' })
    expect(requests).toHaveLength(1)
  })
})

/** One raw block, larger than `ipfs add` makes them. */
async function rawBlock(bytes: Uint8Array): Promise<{ readonly cid: Cid }> {
  const { CID } = await import('multiformats/cid')
  const { sha256 } = await import('multiformats/hashes/sha2')
  return { cid: CID.createV1(0x55, await sha256.digest(bytes)).toString() as Cid }
}

describe('the gateway', () => {
  const RAW = { headers: { accept: 'application/vnd.ipld.raw' } }

  test('G7: asks its store for nothing but what is written as a CID, and says 400 to what is none', async () => {
    const asked: string[] = []
    const url = await serve({
      block(cid) {
        asked.push(cid)
        parseCid(cid)
        return Promise.resolve(undefined)
      },
    })
    const dagJson = 'baguqeeraiqjw7i2vwntyuekgvulpp2det2kpwt6cd7tx5ayqybqpmhfk76fa'
    for (const path of ['nonsense', dagJson]) {
      const answer = await fetch(`${url}/ipfs/${path}`, RAW)
      expect([answer.status, await answer.text()]).toEqual([400, 'ID_MALFORMED\n'])
    }
    for (const path of ['..%2f..%2fetc', 'bafkrei.', 'bafkrei%00', 'a b', 'bafkrei/..', '']) {
      expect((await fetch(`${url}/ipfs/${path}`, RAW)).status).toBe(400)
    }
    expect(asked).toEqual(['nonsense', dagJson])
  })

  test('G7: a store that fails is 500 with its code, and the next request is served', async () => {
    const store = createStore()
    const cid = await store.add(filled(10))
    const failures = [
      new WeftError('STORE_FAILED', { path: '/secret/place', doing: 'reading a block' }),
      new Error('/secret/place is gone'),
    ]
    const url = await serve({ block: (each) => (failures.length > 0 ? Promise.reject(failures.shift()) : store.block(each)) })
    for (let count = 0; count < 2; count += 1) {
      const answer = await fetch(`${url}/ipfs/${cid}`, RAW)
      expect([answer.status, await answer.text(), answer.headers.get('cache-control')]).toEqual([500, 'STORE_FAILED\n', 'no-store'])
    }
    expect((await fetch(`${url}/ipfs/${cid}`, RAW)).status).toBe(200)
  })

  test('says what it serves, for ever and to anybody, and what it does not serve, for now', async () => {
    const store = createStore()
    const cid = await store.add(filled(10))
    const url = await serve(store)
    const headersOf = async (path: string, init?: RequestInit) => Object.fromEntries((await fetch(`${url}${path}`, init)).headers)
    expect(await headersOf(`/ipfs/${cid}`, RAW)).toMatchObject({
      'content-type': 'application/vnd.ipld.raw',
      'content-disposition': `attachment; filename="${cid}.bin"`,
      'cache-control': 'public, max-age=29030400, immutable',
      'x-ipfs-path': `/ipfs/${cid}`,
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
    })
    expect(await headersOf('/ipfs/nonsense', RAW)).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'text/plain; charset=utf-8',
    })
    expect(await headersOf('/ipfs/nonsense', { method: 'DELETE' })).toMatchObject({ allow: 'GET, HEAD' })
    const other = await fetch(`${url}/ipfs/${cid}`, { headers: { ...RAW.headers, 'if-none-match': '"other"' } })
    expect([other.status, new Uint8Array(await other.arrayBuffer())]).toEqual([200, filled(10)])
  })

  test('G7: the longest path it reads is longer than any CID, and no longer', async () => {
    const url = await serve(createStore())
    const statusOf = async (length: number) => (await fetch(`${url}/ipfs/${'a'.repeat(length - '/ipfs/'.length)}`, RAW)).status
    expect([await statusOf(512), await statusOf(513)]).toEqual([400, 414])
  })

  const socketTo = async (url: string): Promise<Socket> => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    sockets.push(socket)
    await new Promise((resolve) => socket.once('connect', resolve))
    return socket
  }
  const closed = (socket: Socket) => new Promise<void>((resolve) => void socket.resume().once('close', () => resolve()))

  test('G7: takes so many connections and no more, and more again when one is gone', async () => {
    const store = createStore()
    const cid = await store.add(filled(10))
    const url = await serve(store)
    const open: Socket[] = []
    for (let count = 0; count < 256; count += 1) open.push(await socketTo(url))
    await soon('the end of the connection too many', closed(await socketTo(url)))
    expect(open.filter((socket) => socket.destroyed)).toEqual([])
    for (const socket of open.splice(0)) socket.destroy()
    const served = async (): Promise<number> => (await fetch(`${url}/ipfs/${cid}`, RAW)).status
    expect(await soon('an answer once there is room', served().catch(served).catch(served))).toBe(200)
  })

  test('G7: waits for a request only so long', async () => {
    const limits: unknown[] = []
    const listen = (message: unknown) => {
      const { server } = message as { readonly server: Server }
      limits.push([server.requestTimeout, server.headersTimeout])
    }
    const requests = channel('http.server.request.start')
    requests.subscribe(listen)
    try {
      await fetch(`${await serve(createStore())}/`)
    } finally {
      requests.unsubscribe(listen)
    }
    expect(limits).toEqual([[10_000, 10_000]])
  })

  test('G7: a client that speaks something else is let go of, and nobody else', async () => {
    const store = createStore()
    const cid = await store.add(filled(10))
    const url = await serve(store)
    const socket = await socketTo(url)
    socket.write('\x16\x03\x01 this is no HTTP\r\n\r\n')
    await soon('the end of the connection', closed(socket))
    expect((await fetch(`${url}/ipfs/${cid}`, RAW)).status).toBe(200)
  })

  test('stops at once, whoever is still connected', async () => {
    const gateway = await serveGateway({ blocks: { block: () => new Promise(() => undefined) } })
    const idle = await socketTo(gateway.url)
    const waiting = await socketTo(gateway.url)
    waiting.write(`GET /ipfs/bafkrei?format=raw HTTP/1.1\r\nhost: x\r\n\r\n`)
    const half = await socketTo(gateway.url)
    half.write('GET /ipfs/')
    const ends = [idle, waiting, half].map(closed)
    await soon('the end of the gateway', gateway.close())
    await soon('the end of its connections', Promise.all(ends))
    await expect(fetch(gateway.url)).rejects.toThrow()
  })
})
