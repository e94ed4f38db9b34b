import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { encode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { afterEach, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import type { HttpServer } from '#io/http/server.ts'
import { serveGateway } from '#node/gateway.ts'
import { readCar } from './car.ts'
import { createGatewayReader } from './gateway-reader.ts'
import type { BlockReader } from './searched.ts'
import { importContent, parseCid, type Wait } from './unixfs.ts'

const LIMITS = { bytesMax: 2 * 1024 * 1024, timeoutMs: 10_000 }
const gateways: HttpServer[] = []
const servers: Server[] = []
const sockets: Socket[] = []
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()))
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

async function serve(blocks: BlockReader, wait?: Wait): Promise<string> {
  const gateway = await serveGateway({ blocks }, { wait })
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

test('G11: nobody is answered who calls it by a name that is not this machine’s nor its operator’s', async () => {
  const store = createStore()
  const cid = await store.add(filled(10))
  const gateway = await serveGateway({ blocks: store, hosts: ['ipfs.example.org'] })
  gateways.push(gateway)
  const by = async (host: string) => {
    const asking = request(`${gateway.url}/ipfs/${cid}`, { headers: { host, connection: 'close' } }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    answer.resume()
    return answer.statusCode
  }
  for (const own of ['127.0.0.1', 'localhost:8080', 'ipfs.example.org']) expect([own, await by(own)]).toEqual([own, 200])
  for (const foreign of ['evil.example:8080', 'x.ipfs.example.org']) expect([foreign, await by(foreign)]).toEqual([foreign, 403])
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

  test('G7: that says nothing of its size is read up to twice the largest block and cut off there, to the byte', async () => {
    const largest = 4 * 1024 * 1024
    const limits = { bytesMax: 4 * largest, timeoutMs: 25_000 }
    for (const length of [largest, largest + 1, 2 * largest, 2 * largest + 1]) {
      const bytes = new Uint8Array(length)
      const { cid } = await rawBlock(bytes)
      const url = await hostile((_request, response) => {
        response.write(bytes)
        response.end()
      })
      const read = createGatewayReader({ urls: [url], timeoutMs: 25_000 }).get(cid, limits)
      if (length === largest) expect((await read).length).toBe(largest)
      else if (length <= 2 * largest)
        await expect(read).rejects.toMatchObject({ code: 'IPFS_CONTENT_TOO_LARGE', facts: { cid, bytesMax: largest } })
      else await expect(read).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG', facts: { cid, got: `more than ${2 * largest} bytes` } })
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
  return { cid: CID.createV1(0x55, await sha256.digest(bytes)).toString() as Cid }
}

describe('the gateway', () => {
  const RAW = { headers: { accept: 'application/vnd.ipld.raw' } }
  const encoded = (text: string): Uint8Array => new TextEncoder().encode(text)

  /** Blocks that peers have, what was asked of them, and what never comes until the signal says so. */
  function withPeers(here: BlockReader, peers: BlockReader) {
    const asked: string[] = []
    return {
      asked,
      block: here.block,
      async find(cid: string, signal: AbortSignal): Promise<Uint8Array> {
        asked.push(cid)
        const found = await peers.block(cid)
        if (found !== undefined) return found
        return untilAborted(new Promise(() => undefined), signal)
      },
    }
  }

  test('gives a block raw, whole contents without being asked how, and says of each what it is', async () => {
    const store = createStore()
    const [json, bytes] = [await store.add(encoded('{"price":1}\n')), await store.add(filled(300_000))]
    const url = await serve(store)
    const told = async (path: string, init?: RequestInit) => {
      const answer = await fetch(`${url}/ipfs/${path}`, init)
      const { length } = new Uint8Array(await answer.arrayBuffer())
      return [answer.status, answer.headers.get('content-type'), answer.headers.get('etag'), length]
    }
    expect(await told(`${json}?format=raw`)).toEqual([200, 'application/vnd.ipld.raw', `"${json}.raw"`, 12])
    expect(await told(json, RAW)).toEqual([200, 'application/vnd.ipld.raw', `"${json}.raw"`, 12])
    expect(await told(json)).toEqual([200, 'application/json', `"${json}"`, 12])
    expect(await told(json, { headers: { accept: 'application/json' } })).toEqual([200, 'application/json', `"${json}"`, 12])
    expect(await told(json, { method: 'HEAD' })).toEqual([200, 'application/json', `"${json}"`, 0])
    expect(await told(bytes)).toEqual([200, 'application/octet-stream', `"${bytes}"`, 300_000])
    expect((await told(`${bytes}?format=raw`)).at(-1)).toBeLessThan(300)
    const text = await store.add(encoded('{"price":1} and more'))
    expect((await told(text))[1]).toBe('application/octet-stream')
  })

  test('gives a content with its blocks as one CAR file, each block once', async () => {
    const store = createStore()
    const cid = await store.add(new Uint8Array(600_000))
    const answer = await fetch(`${await serve(store)}/ipfs/${cid}?format=car`)
    expect(answer.headers.get('content-type')).toBe('application/vnd.ipld.car')
    const car = new Uint8Array(await answer.arrayBuffer())
    // Two chunks of the three are the same.
    expect(car.length).toBeLessThan(400_000)
    const limits = { bytesMax: 1_000_000, signal: new AbortController().signal }
    expect(await readCar(parseCid(cid), car, limits)).toEqual(new Uint8Array(600_000))
  })

  test('gives dag-cbor as it is, and as DAG-JSON to who asks for that', async () => {
    const store = createStore()
    const value = { b: [1, -2, 1.5, null, true], a: Uint8Array.of(1, 2, 255), c: 2n ** 60n, link: parseCid(await store.add(filled(1))) }
    const cid = await importContent(encode(value), async (id, block) => void store.blocks.set(id.toString(), block), 'dag-cbor')
    const url = await serve(store)
    const plain = await fetch(`${url}/ipfs/${cid}`)
    expect([plain.headers.get('content-type'), new Uint8Array(await plain.arrayBuffer())]).toEqual([
      'application/vnd.ipld.dag-cbor',
      encode(value),
    ])
    for (const [path, init] of [[`${cid}?format=dag-json`], [cid, { headers: { accept: 'application/vnd.ipld.dag-json' } }]] as const) {
      const answer = await fetch(`${url}/ipfs/${path}`, init)
      expect(answer.headers.get('content-type')).toBe('application/vnd.ipld.dag-json')
      expect(await answer.text()).toBe(
        `{"a":{"/":{"bytes":"AQL/"}},"b":[1,-2,1.5,null,true],"c":1152921504606846976,"link":{"/":"${value.link}"}}`,
      )
    }
    const file = await fetch(`${url}/ipfs/${await store.add(filled(10))}?format=dag-json`)
    expect([file.status, await file.json()]).toMatchObject([400, { code: 'REQUEST_INVALID' }])
  })

  test('answers a part, what is known already, and a page that asks whether it may ask', async () => {
    const store = createStore()
    const cid = await store.add(filled(100))
    const url = `${await serve(store)}/ipfs/${cid}`
    const part = await fetch(url, { headers: { range: 'bytes=10-19' } })
    expect([part.status, part.headers.get('content-range'), new Uint8Array(await part.arrayBuffer())]).toEqual([
      206,
      'bytes 10-19/100',
      filled(100).subarray(10, 20),
    ])
    for (const [path, etag] of [
      [url, `"${cid}"`],
      [`${url}?format=raw`, `W/"${cid}.raw"`],
    ] as const)
      expect((await fetch(path, { headers: { 'if-none-match': etag } })).status).toBe(304)
    expect((await fetch(url, { headers: { 'if-none-match': `"${cid}.raw"` } })).status).toBe(200)
    const asking = { method: 'OPTIONS', headers: { origin: 'https://page.example', 'access-control-request-headers': 'range' } }
    const may = await fetch(url, asking)
    expect([may.status, may.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    expect(may.headers.get('access-control-allow-headers')).toMatch(/if-none-match.*range/)
  })

  test('fetches from peers what is not here, and once as long as it is remembered', async () => {
    const [here, peers] = [createStore(), createStore()]
    const [own, far] = [await here.add(filled(10)), await peers.add(filled(300_000))]
    const blocks = withPeers(here, peers)
    const url = await serve(blocks)
    const lengthOf = async (cid: string) => (await (await fetch(`${url}/ipfs/${cid}`)).arrayBuffer()).byteLength
    expect([await lengthOf(own), blocks.asked]).toEqual([10, []])
    expect([await lengthOf(far), blocks.asked.length]).toEqual([300_000, 3])
    expect([await lengthOf(far), blocks.asked.length]).toEqual([300_000, 3])
  })

  test('says 504 and why when nobody serves it, 404 where nobody is asked, and neither to be kept', async () => {
    const nowhere = await createStore().add(filled(11))
    for (const [blocks, told] of [
      [withPeers(createStore(), createStore()), [504, { code: 'CONTENT_NOT_SERVED', message: expect.stringContaining('no peer') }]],
      [createStore(), [404, { code: 'CONTENT_NOT_HERE', message: expect.stringContaining('Ask another gateway') }]],
    ] as const) {
      const answer = await fetch(`${await serve(blocks, () => Promise.resolve())}/ipfs/${nowhere}`)
      expect([answer.status, await answer.json()]).toMatchObject(told)
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
  })

  test('G11: one address has so many searches and no more, and what is here is answered meanwhile', async () => {
    const here = createStore()
    const own = await here.add(filled(10))
    const blocks = withPeers(here, createStore())
    const isOver = Promise.withResolvers<void>()
    const url = await serve(blocks, () => isOver.promise)
    const lost = await Promise.all(Array.from({ length: 17 }, (_, index) => createStore().add(filled(20 + index))))
    const statusOf = async (cid: string) => (await fetch(`${url}/ipfs/${cid}?format=raw`)).status
    const searches = lost.slice(0, 16).map(statusOf)
    await expect.poll(() => blocks.asked.length).toBe(16)
    expect([await statusOf(lost[16] as string), await statusOf(own)]).toEqual([429, 200])
    isOver.resolve()
    expect(new Set(await Promise.all(searches))).toEqual(new Set([504]))
  })

  test('G7: refuses what is no CID, no form of an answer, or no place of its own, each with its code', async () => {
    const asked: string[] = []
    const store = createStore()
    const cid = await store.add(filled(10))
    const url = await serve({
      block(each) {
        asked.push(each)
        return store.block(each)
      },
    })
    const dagJson = 'baguqeeraiqjw7i2vwntyuekgvulpp2det2kpwt6cd7tx5ayqybqpmhfk76fa'
    const identity = 'bafkqaaik'
    for (const path of ['nonsense', dagJson, identity, '..%2f..%2fetc', 'bafkrei.', 'bafkrei%00', 'a b', `${'a'.repeat(500)}`]) {
      const answer = await fetch(`${url}/ipfs/${path}`, RAW)
      expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'ID_MALFORMED' }])
    }
    for (const [path, init, status, code] of [
      [`/ipfs/${cid}?format=tar`, {}, 400, 'REQUEST_INVALID'],
      [`/ipfs/${cid}?format=raw&format=car`, {}, 400, 'REQUEST_INVALID'],
      [`/ipfs/${'a'.repeat(1_000)}`, {}, 400, 'REQUEST_INVALID'],
      [`/ipfs/${cid}`, { method: 'POST', body: '{}' }, 404, 'ROUTE_UNKNOWN'],
      [`/ipfs/${cid}/file`, {}, 404, 'ROUTE_UNKNOWN'],
      ['/ipfs/', {}, 404, 'ROUTE_UNKNOWN'],
      ['/', {}, 404, 'ROUTE_UNKNOWN'],
    ] as const) {
      const answer = await fetch(`${url}${path}`, init)
      expect([path, answer.status, await answer.json()]).toMatchObject([path, status, { code }])
    }
    expect(asked).toEqual([])
  })

  test('G7: a content that is too large, no file, or made to cost is refused, whatever it claims', async () => {
    const store = createStore()
    const put = async (bytes: Uint8Array, codec: number) => {
      const cid = CID.createV1(codec, await sha256.digest(bytes))
      store.blocks.set(cid.toString(), bytes)
      return cid.toString()
    }
    const deep = Uint8Array.from({ length: 100_000 }, () => 0x81)
    const folder = await put(Uint8Array.of(0x0a, 2, 8, 1), 0x70)
    const url = await serve(store)
    for (const [path, status, code] of [
      [await store.add(new Uint8Array(16 * 1024 * 1024 + 1)), 413, 'IPFS_CONTENT_TOO_LARGE'],
      [folder, 502, 'IPFS_CONTENT_WRONG'],
      [`${folder}?format=car`, 502, 'IPFS_CONTENT_WRONG'],
      [`${await put(deep, 0x71)}?format=dag-json`, 502, 'IPFS_CONTENT_WRONG'],
      [`${await put(new Uint8Array(2 * 1024 * 1024 + 1), 0x71)}?format=dag-json`, 413, 'IPFS_CONTENT_TOO_LARGE'],
    ] as const) {
      const answer = await fetch(`${url}/ipfs/${path}`)
      expect([answer.status, await answer.json()]).toMatchObject([status, { code }])
    }
    expect((await fetch(`${url}/ipfs/${folder}?format=raw`)).status).toBe(200)
  })

  test('G7: a store that fails is 500 and tells no place of the machine, and the next request is served', async () => {
    const store = createStore()
    const cid = await store.add(filled(10))
    const failures = [
      new WeftError('STORE_FAILED', { path: '/secret/place', doing: 'reading a block' }),
      new Error('/secret/place is gone'),
    ]
    const url = await serve({ block: (each) => (failures.length > 0 ? Promise.reject(failures.shift()) : store.block(each)) })
    for (let count = 0; count < 2; count += 1) {
      const answer = await fetch(`${url}/ipfs/${cid}`, RAW)
      const body = await answer.text()
      expect([answer.status, JSON.parse(body), answer.headers.get('cache-control')]).toMatchObject([
        500,
        { code: 'REQUEST_FAILED' },
        'no-store',
      ])
      expect(body).not.toContain('secret')
    }
    expect((await fetch(`${url}/ipfs/${cid}`, RAW)).status).toBe(200)
  })

  test('says what it serves, for ever and to anybody', async () => {
    const store = createStore()
    const cid = await store.add(filled(10))
    const answer = await fetch(`${await serve(store)}/ipfs/${cid}`, RAW)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/vnd.ipld.raw',
      'content-disposition': `attachment; filename="${cid}.bin"`,
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept, accept-encoding',
      'x-ipfs-path': `/ipfs/${cid}`,
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
    })
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

  test('stops, whoever is still connected', async () => {
    const url = await serve({ block: () => new Promise(() => undefined) })
    const idle = await socketTo(url)
    const waiting = await socketTo(url)
    waiting.write(`GET /ipfs/bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri HTTP/1.1\r\nhost: x\r\n\r\n`)
    const half = await socketTo(url)
    half.write('GET /ipfs/')
    const ends = [idle, waiting, half].map(closed)
    await soon('the end of the gateway', (gateways.pop() as HttpServer).stop())
    await soon('the end of its connections', Promise.all(ends))
    await expect(fetch(url)).rejects.toThrow()
  })
})
