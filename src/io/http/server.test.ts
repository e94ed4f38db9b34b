import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'
import type { HttpRoute } from './port.ts'
import { type HttpOptions, type HttpServer, serveHttp } from './server.ts'

const TOKEN = 'a-token-of-24-characters'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const opened: HttpServer[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.stop()))
})

const route = (method: HttpRoute['method'], path: string, answer: HttpRoute['answer']): HttpRoute => ({ method, path, answer })
const ROUTES = [
  route('POST', '/echo', (fields) => fields),
  route('GET', '/v1/echo/{name}/of/{other}', (fields) => fields),
  route('GET', '/fine', () => 'fine'),
  route('GET', '/known', () => {
    throw new WeftError('EPOCH_NOT_KEPT', { epochId: 7, newestEpochId: 3 })
  }),
  route('GET', '/disk', () => {
    throw new WeftError('STORE_FAILED', { path: '/home/somebody/state.sqlite', doing: 'reading it' })
  }),
  route('POST', '/bug', () => {
    throw new TypeError('undefined is not a function')
  }),
]

async function serve(options: Partial<HttpOptions> = {}) {
  const told: [string, unknown][] = []
  const time = { nowMs: 0 }
  const all = {
    listen: '127.0.0.1:0',
    isPostEnveloped: true,
    routes: ROUTES,
    pages: { '/page': { type: 'text/html', body: '<h1>' } },
    ...options,
  }
  const server = await serveHttp(all, { nowMs: () => time.nowMs, report: (event, facts) => void told.push([event, facts]) })
  opened.push(server)
  const get = (path: string, init: RequestInit = {}) => fetch(server.url + path, init)
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    get(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...init })
  return { server, told, time, get, post }
}

/** A connection on which anything can be sent, and what has come back on it. */
async function raw({ url }: HttpServer, localAddress?: string) {
  const { hostname, port } = new URL(url)
  const socket: Socket = connect({ port: Number(port), host: hostname, ...(localAddress !== undefined && { localAddress }) })
  let received = ''
  socket.on('data', (part) => {
    received += part.toString()
  })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return { socket, closed: new Promise<string>((resolve) => socket.once('close', () => resolve(received))) }
}

describe('an answer', () => {
  test('to a POST comes in the envelope of deployed servers, with the id of the request and for any origin', async () => {
    const { post } = await serve()
    const response = await post('/echo?includeSlotDetails=true', { slotID: 4 })
    const id = response.headers.get('x-request-id') ?? ''
    expect(id).toMatch(UUID)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toEqual({ info: { success: true, response: { slotID: 4, includeSlotDetails: 'true' } }, requestID: id })
  })

  test('to a GET is the value itself; segments of the path are unescaped and win over the query', async () => {
    const { get } = await serve()
    const response = await get('/v1/echo/pairs%3A0x01%3ATEST/of/%zz?limit=3&name=no')
    expect(response.status).toBe(200)
    expect(response.headers.get('x-request-id')).toMatch(UUID)
    expect(await response.json()).toEqual({ name: 'pairs:0x01:TEST', other: '%zz', limit: '3' })
  })

  test('a browser may ask first whether it may ask', async () => {
    const { get } = await serve({ token: new Secret(TOKEN) })
    const response = await get('/echo', { method: 'OPTIONS' })
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    expect(response.headers.get('access-control-allow-headers')).toContain('authorization')
  })

  test('a page is for everybody', async () => {
    const { get } = await serve({ token: new Secret(TOKEN) })
    const response = await get('/page')
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([200, 'text/html', '<h1>'])
  })
})

describe('what fails is told by code', () => {
  test.each([
    ['a path without a route', '/v1/nothing', 404, 'ROUTE_UNKNOWN'],
    ['an empty segment', '/v1/echo//of/x', 404, 'ROUTE_UNKNOWN'],
    ['one that a POST has', '/echo', 404, 'ROUTE_UNKNOWN'],
    ['a name that objects have', '/constructor', 404, 'ROUTE_UNKNOWN'],
    ['what the role does not have', '/known', 404, 'EPOCH_NOT_KEPT'],
    ['a URL without end', `/${'x'.repeat(3_000)}`, 400, 'REQUEST_INVALID'],
  ])('%s', async (_what, path, status, code) => {
    const { get, told } = await serve()
    const response = await get(path)
    expect([response.status, await response.json()]).toMatchObject([status, { status: 'error', code }])
    expect(told).toEqual([])
  })

  test.each([
    ['no JSON', '{"slotID":', 400, 'REQUEST_INVALID'],
    ['no object', '[1]', 400, 'REQUEST_INVALID'],
    ['nothing', '', 400, 'REQUEST_INVALID'],
    ['more than any question needs', `{"x":"${'x'.repeat(20_000)}"}`, 413, 'REQUEST_TOO_LARGE'],
  ])('a body that is %s', async (_what, body, status, code) => {
    const { post } = await serve()
    const response = await post('/echo', body)
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      status,
      'text/plain; charset=utf-8',
      expect.stringContaining(code),
    ])
  })

  test('a disk or a fault of the program is told to the log, and to the asker only that there is one', async () => {
    const { get, post, told } = await serve()
    const disk = await get('/disk')
    const bug = await post('/bug', {})
    expect([disk.status, bug.status]).toEqual([500, 500])
    const texts = [await disk.text(), await bug.text()]
    expect(texts.join()).not.toMatch(/somebody|function/)
    expect(texts).toEqual([expect.stringContaining('REQUEST_FAILED'), expect.stringContaining('REQUEST_FAILED')])
    expect(told.map(([event]) => event)).toEqual(['http_failed', 'http_failed'])
    expect((await post('/echo', {})).status).toBe(200)
  })
})

describe('a token', () => {
  test.each([
    ['none', undefined],
    ['another', 'a-token-of-24-character!'],
    ['a shorter one', TOKEN.slice(1)],
    ['a number', 7],
    ['a list with it', [TOKEN]],
  ])('%s is refused, in a body as in a header', async (_what, token) => {
    const { get, post } = await serve({ token: new Secret(TOKEN) })
    const refused = await post('/echo', { token })
    expect([refused.status, await refused.text()]).toEqual([401, expect.stringContaining('TOKEN_WRONG')])
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}!` }
    expect((await get('/known', { headers })).status).toBe(401)
  })

  test('that is right lets through, by the body of a POST and the header of a GET', async () => {
    const { get, post } = await serve({ token: new Secret(TOKEN) })
    expect((await post('/echo', { token: TOKEN })).status).toBe(200)
    expect((await get('/v1/echo/a/of/b', { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200)
  })
})

describe('G7, G11: nobody takes more than their share', () => {
  test('questions of one address are limited by rate, and come again with time', async () => {
    const { get, time } = await serve({ limits: { perAddress: { tokensPerSecond: 1, tokensMax: 2 } } })
    const statuses = async () => [(await get('/known')).status, (await get('/known')).status, (await get('/known')).status]
    expect(await statuses()).toEqual([404, 404, 429])
    time.nowMs = 1_000
    expect(await statuses()).toEqual([404, 429, 429])
  })

  test('questions under way are limited in number; the next is answered when one is done', async () => {
    const held = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const slow = route('GET', '/slow', async () => {
      begun.resolve()
      await held.promise
      return 'done'
    })
    const { get } = await serve({ routes: [slow, ...ROUTES], limits: { requestsMax: 1 } })
    const first = get('/slow')
    await begun.promise
    expect((await get('/known')).status).toBe(429)
    held.resolve()
    expect(await (await first).json()).toBe('done')
    expect((await get('/known')).status).toBe(404)
  })

  test('questions of one address take no more than its share of the places', async () => {
    const held = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const slow = route('GET', '/slow', async () => {
      begun.resolve()
      await held.promise
      return 'done'
    })
    const { server, get } = await serve({ routes: [slow, ...ROUTES], limits: { requestsMax: 2, requestsPerAddressMax: 1 } })
    const other = await raw(server, '127.0.0.2')
    other.socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')
    await begun.promise
    const second = await raw(server, '127.0.0.2')
    second.socket.write('GET /known HTTP/1.1\r\nhost: x\r\n\r\n')
    expect(await second.closed).toMatch(/^HTTP\/1.1 429 .*questions of 127.0.0.2/s)
    expect((await get('/known')).status).toBe(404)
    held.resolve()
    await once(other.socket, 'data')
    other.socket.destroy()
  })

  test('a connection ends with what is refused, after so many questions, and where empty lines take the place of the next', async () => {
    const { server } = await serve({ limits: { requestTimeoutMs: 100, requestsPerConnectionMax: 2 } })
    const question = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`
    const refused = await raw(server)
    refused.socket.write(question('/known'))
    expect(await refused.closed).toMatch(/^HTTP\/1.1 404 .*connection: close/is)
    const busy = await raw(server)
    busy.socket.write(question('/fine'))
    await once(busy.socket, 'data')
    busy.socket.write(question('/fine'))
    expect((await busy.closed).match(/HTTP\/1.1 200/g)).toHaveLength(2)
    const idle = await raw(server)
    const lines = setInterval(() => idle.socket.write('\r\n'), 10)
    void idle.closed.then(() => clearInterval(lines))
    idle.socket.write(question('/fine'))
    expect(await idle.closed).toMatch(/^HTTP\/1.1 200/)
  })

  test('an answer that takes too long ends at its next breath, and so does one that nobody waits for', async () => {
    let breaths = 0
    const ends: unknown[] = []
    const { get, time, server } = await serve({
      routes: [
        route('GET', '/long', async ({ late }, { breathe }) => {
          try {
            for (;;) {
              await breathe()
              breaths += 1
              if (late !== undefined) time.nowMs += 10_000
            }
          } catch (failure) {
            ends.push(failure)
            throw failure
          }
        }),
      ],
    })
    const late = await get('/long?late=1')
    expect([late.status, await late.json(), breaths]).toEqual([503, expect.objectContaining({ code: 'REQUEST_TOO_LONG' }), 3])
    const { socket } = await raw(server)
    socket.write('GET /long HTTP/1.1\r\nhost: x\r\n\r\n')
    await expect.poll(() => breaths).toBeGreaterThan(3)
    socket.destroy()
    await expect.poll(() => ends).toHaveLength(2)
  })

  test('who sends slowly is cut, and so is who does not take the answer', async () => {
    const big = route('GET', '/big', () => 'x'.repeat(32 * 1024 * 1024))
    const { server } = await serve({ routes: [big], limits: { requestTimeoutMs: 100, answerTimeoutMs: 100 } })
    const sender = await raw(server)
    sender.socket.write('POST /big HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{')
    const reader = await raw(server)
    reader.socket.pause()
    reader.socket.write('GET /big HTTP/1.1\r\nhost: x\r\n\r\n')
    await sender.closed
    // As much of it as fits into the buffers between us, and no more.
    reader.socket.resume()
    await expect.poll(() => reader.socket.destroyed || reader.socket.readableEnded, { timeout: 5_000 }).toBe(true)
    expect((await reader.closed).length).toBeLessThan(32 * 1024 * 1024)
  })

  test('so many connections and no more', async () => {
    const { server } = await serve({ limits: { connectionsMax: 1 } })
    const first = await raw(server)
    first.socket.write('GET /fine HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(first.socket, 'data')
    const second = await raw(server)
    expect(await second.closed).toBe('')
    first.socket.destroy()
  })

  test('who sends slowly, or may not ask, takes no place from those who may', async () => {
    const { server, post } = await serve({ token: new Secret(TOKEN), limits: { requestsMax: 1 } })
    const senders = await Promise.all([raw(server), raw(server), raw(server)])
    for (const { socket } of senders) socket.write('POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{')
    expect((await post('/echo', { token: 'none' })).status).toBe(401)
    expect((await post('/echo', { token: TOKEN })).status).toBe(200)
    for (const { socket } of senders) socket.destroy()
  })

  test('so many connections of one address and no more, and more again when one is gone', async () => {
    const { server } = await serve({ limits: { connectionsPerAddressMax: 1 } })
    const ask = async () => {
      const one = await raw(server)
      one.socket.write('GET /fine HTTP/1.1\r\nhost: x\r\n\r\n')
      return { ...one, answer: await Promise.race([once(one.socket, 'data').then(() => 'answered'), one.closed.then(() => 'closed')]) }
    }
    const first = await ask()
    expect([first.answer, (await ask()).answer]).toEqual(['answered', 'closed'])
    first.socket.destroy()
    await first.closed
    await expect.poll(async () => (await ask()).answer).toBe('answered')
  })

  test('a client that speaks something else is let go of, and nobody else', async () => {
    const { server, get } = await serve()
    const { socket, closed } = await raw(server)
    socket.write('\u0016\u0003\u0001 nonsense\r\n\r\n')
    expect(await closed).toBe('')
    expect((await get('/known')).status).toBe(404)
  })
})

test('a port that is taken says so', async () => {
  const { server } = await serve()
  await expect(serve({ listen: new URL(server.url).host })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    facts: { detail: 'EADDRINUSE' },
  })
})
