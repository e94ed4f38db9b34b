import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'
import { gunzipSync } from 'node:zlib'
import { Answer, type HttpRoute } from './port.ts'
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

describe('an answer that says more than a value', () => {
  const TEXT = JSON.stringify({ words: 'all the same '.repeat(500) })
  const routes = [
    route('GET', '/tagged', () => new Answer({ body: { text: TEXT }, etag: '"tag"', keeping: 'immutable', headers: { 'x-own': 'yes' } })),
    route('GET', '/bytes', () => new Answer({ body: { bytes: Buffer.from('0123456789') }, etag: '"digits"', keeping: 'brief' })),
    route('GET', '/absent', () => new Answer({ status: 404, body: { json: { status: 'absent' } } })),
    route('GET', '/twice', (fields) => fields),
    route('GET', '/many', () => {
      throw new WeftError('QUEUE_FULL', { queue: 'x', lengthMax: 1 })
    }),
    ...ROUTES,
  ]

  test('has its status, headers, and how long it may be kept', async () => {
    const { get } = await serve({ routes })
    const tagged = await get('/tagged', { headers: { 'accept-encoding': 'identity' } })
    const header = (name: string) => tagged.headers.get(name)
    expect([header('etag'), header('cache-control'), header('x-own')]).toEqual(['"tag"', 'public, max-age=31536000, immutable', 'yes'])
    expect([header('x-content-type-options'), header('x-frame-options'), header('referrer-policy')]).toEqual([
      'nosniff',
      'DENY',
      'no-referrer',
    ])
    const absent = await get('/absent')
    expect([absent.status, absent.headers.get('cache-control'), await absent.json()]).toEqual([404, 'no-store', { status: 'absent' }])
    expect((await get('/many')).headers.get('retry-after')).toBe('1')
  })

  test.each(['"tag"', 'W/"tag"', '"other", W/"tag"', '*'])('is not sent again to who has it: %s', async (known) => {
    const { get } = await serve({ routes })
    const answer = await get('/tagged', { headers: { 'if-none-match': known } })
    expect([answer.status, await answer.text(), answer.headers.get('etag'), answer.headers.get('cache-control')]).toEqual([
      304,
      '',
      '"tag"',
      'public, max-age=31536000, immutable',
    ])
    expect((await get('/tagged', { headers: { 'if-none-match': '"another"' } })).status).toBe(200)
  })

  test('to HEAD is its length', async () => {
    const { get } = await serve({ routes })
    const head = await get('/tagged', { method: 'HEAD', headers: { 'accept-encoding': 'identity' } })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, String(TEXT.length), ''])
  })

  test.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=4-2', 200, '0123456789', null],
    ['bytes=0-1,3-4', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
  ])('in part: %s', async (range, status, text, contentRange) => {
    const { get } = await serve({ routes })
    const part = await get('/bytes', { headers: { range } })
    expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([status, text, contentRange])
  })

  test('of another version than the one begun comes whole', async () => {
    const { get } = await serve({ routes })
    expect((await get('/bytes', { headers: { range: 'bytes=2-4', 'if-range': '"older"' } })).status).toBe(200)
    expect((await get('/bytes', { headers: { range: 'bytes=2-4', 'if-range': '"digits"' } })).status).toBe(206)
  })

  test('is smaller on the way where that is asked for, with a weak tag', async () => {
    const { server } = await serve({ routes })
    const ask = async (header: string) => {
      const { socket, closed } = await raw(server)
      socket.setEncoding('latin1')
      socket.write(`GET /tagged HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${header}\r\n`)
      const [head = '', body = ''] = (await closed).split('\r\n\r\n')
      return { head, body }
    }
    const small = await ask('accept-encoding: br, gzip;q=0.5\r\n')
    expect(small.head).toMatch(/content-encoding: gzip/)
    expect(small.head).toMatch(/etag: W\/"tag"/)
    expect(small.head).toMatch(/vary: accept-encoding/)
    expect(gunzipSync(Buffer.from(small.body, 'latin1')).toString()).toBe(TEXT)
    for (const header of ['', 'accept-encoding: gzip;q=0\r\n', 'accept-encoding: br\r\n']) expect((await ask(header)).body).toBe(TEXT)
  })

  test('may be read by the pages of the origins that are named, and no others', async () => {
    const { get } = await serve({ routes, origins: ['https://good.example'] })
    const allowed = async (origin: string) => (await get('/absent', { headers: { origin } })).headers.get('access-control-allow-origin')
    expect([await allowed('https://good.example'), await allowed('https://bad.example')]).toEqual(['https://good.example', null])
    expect((await get('/absent')).headers.get('vary')).toBe('accept-encoding, origin')
  })

  test.each([
    'null',
    'https://good.example.evil.example',
    'https://evil.example#https://good.example',
    'http://good.example',
    'https://good.example:444',
  ])('is not told to pages of %s, which is not the origin that is named, nor with credentials', async (origin) => {
    const { get } = await serve({ routes, origins: ['https://good.example'] })
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await get('/absent', { method, headers: { origin } })
      expect([headers.get('access-control-allow-origin'), headers.get('access-control-allow-credentials')]).toEqual([null, null])
    }
  })

  test('what a query names twice is a list', async () => {
    const { get } = await serve({ routes })
    expect(await (await get('/twice?a=1&a=2&b=3&__proto__=4')).json()).toMatchObject({ a: ['1', '2'], b: '3' })
  })

  test('to a POST is the value itself where no deployed sequencer is played', async () => {
    const { post } = await serve({ isPostEnveloped: false })
    expect(await (await post('/echo', { a: 1 })).json()).toEqual({ a: 1 })
    expect(await (await post('/echo', '[')).json()).toMatchObject({
      status: 'error',
      code: 'REQUEST_INVALID',
      problems: [expect.any(String)],
    })
  })
})

describe('keys', () => {
  const keys = [{ name: 'somebody', key: new Secret(TOKEN) }]
  const limits = { perAddress: { tokensPerSecond: 1, tokensMax: 1 }, perKey: { tokensPerSecond: 1, tokensMax: 3 } }

  test.each(['authorization', 'x-api-key'])('G7: who has one has a share of its own, whatever its address takes: %s', async (header) => {
    const { get } = await serve({ keys, limits })
    const headers = { [header]: header === 'authorization' ? `Bearer ${TOKEN}` : TOKEN }
    const statuses = async (init: RequestInit) => [(await get('/fine', init)).status, (await get('/fine', init)).status]
    expect(await statuses({})).toEqual([200, 429])
    expect([...(await statuses({ headers })), ...(await statuses({ headers }))]).toEqual([200, 200, 200, 429])
  })

  test.each(['authorization', 'x-api-key'])('one is in no answer and in no line of the log, right or wrong: %s', async (header) => {
    const { get, told } = await serve({ keys, limits: {} })
    const sent = (key: string) => ({ headers: { [header]: header === 'authorization' ? `Bearer ${key}` : key } })
    const wrong = `${TOKEN}x`
    const answers = await Promise.all(['/disk', '/fine', '/nowhere'].flatMap((path) => [TOKEN, wrong].map((key) => get(path, sent(key)))))
    const heads = answers.map(({ headers }) => JSON.stringify([...headers]))
    const bodies = await Promise.all(answers.map((answer) => answer.text()))
    expect(told.map(([event]) => event)).toEqual(['http_failed'])
    expect(JSON.stringify([told, heads, bodies])).not.toContain(TOKEN)
  })

  test('one that is none is told so, and guessing costs the share of the address', async () => {
    const { get } = await serve({ keys, limits })
    const guess = async () => (await get('/fine', { headers: { 'x-api-key': 'guess' } })).status
    expect([await guess(), await guess()]).toEqual([401, 429])
  })
})

describe('what comes over time', () => {
  const flowing = (parts: (signal: AbortSignal) => AsyncIterable<string>) =>
    route('GET', '/flow', () => new Answer({ type: 'text/event-stream', body: { flow: { parts, lastWord: 'cut\n' } } }))
  const ask = 'GET /flow HTTP/1.1\r\nhost: x\r\n\r\n'
  /** As the flow of somebody who has more to say than anybody reads. */
  async function* endless(ends: string[]) {
    try {
      for (;;) yield 'x'.repeat(64 * 1024)
    } finally {
      ends.push('ended')
    }
  }

  test('is sent as it comes, uncompressed, for longer than an answer may take', async () => {
    const next = Promise.withResolvers<void>()
    const { server } = await serve({
      routes: [
        flowing(async function* () {
          yield 'one\n'
          await next.promise
          yield 'two\n'
        }),
      ],
      limits: { answerTimeoutMs: 20, requestTimeoutMs: 20 },
    })
    const { socket, closed } = await raw(server)
    socket.write(ask.replace('host', 'accept-encoding: gzip\r\nhost'))
    await once(socket, 'data')
    setTimeout(() => next.resolve(), 100)
    expect(await closed).toMatch(/text\/event-stream.*no-store.*one\n.*two\n/s)
  })

  test.each([
    ['passes', new WeftError('DATABASE_UNREACHABLE', { database: 'x', detail: 'away' }), 0],
    ['is a fault', new Error('boom'), 1],
  ])(
    'G12: one that breaks off because of what %s ends the connection: a reader that heard nothing more would wait for ever',
    async (_, failure, reports) => {
      const { server, told } = await serve({
        routes: [
          flowing(async function* () {
            yield 'one\n'
            throw failure
          }),
        ],
      })
      const { socket, closed } = await raw(server)
      socket.write(ask)
      expect(await closed).toMatch(/one\n/)
      expect(told).toHaveLength(reports)
    },
  )

  test('has a head, which is there at once and keeps nothing open', async () => {
    const ends: string[] = []
    const { get } = await serve({ routes: [flowing(() => endless(ends))], limits: { flowsMax: 1 } })
    for (const _again of [1, 2]) expect((await get('/flow', { method: 'HEAD' })).status).toBe(200)
    expect(ends).toEqual([])
  })

  test('G11: a reader that takes nothing is cut and told so, and costs no more than its buffers', async () => {
    const ends: string[] = []
    const { server } = await serve({ routes: [flowing(() => endless(ends))], limits: { answerTimeoutMs: 100 } })
    const reader = await raw(server)
    reader.socket.pause()
    reader.socket.write(ask)
    await expect.poll(() => ends, { timeout: 5_000 }).toEqual(['ended'])
    reader.socket.resume()
    expect(await reader.closed).toMatch(/cut\n/)
  })

  test('G11: so many at once, and so many of one address', async () => {
    const ends: string[] = []
    const waiting = async function* (signal: AbortSignal) {
      yield 'begun\n'
      await once(signal, 'abort')
      ends.push('gone')
    }
    const { server, get } = await serve({
      routes: [flowing(waiting), ...ROUTES],
      limits: { flowsMax: 2, flowsPerAddressMax: 1, requestsMax: 1 },
    })
    const first = await raw(server)
    first.socket.write(ask)
    await once(first.socket, 'data')
    expect((await get('/flow')).status).toBe(429)
    // It holds no place of those who ask and go.
    expect((await get('/fine')).status).toBe(200)
    first.socket.destroy()
    await expect.poll(() => ends).toEqual(['gone'])
    const second = await raw(server)
    second.socket.write(ask)
    await once(second.socket, 'data')
    await server.stop()
    expect(ends).toEqual(['gone', 'gone'])
  })
})

test('a server that stops lets answers under way end, and not for long', async () => {
  const begun = Promise.withResolvers<void>()
  const held = Promise.withResolvers<string>()
  const slow = route('GET', '/slow', async () => {
    begun.resolve()
    return held.promise
  })
  const { server, get } = await serve({ routes: [slow] })
  const answer = get('/slow')
  await begun.promise
  const stopped = server.stop()
  held.resolve('done')
  expect(await (await answer).json()).toBe('done')
  await stopped
  const never = route('GET', '/never', () => new Promise(() => undefined))
  const other = await serve({ routes: [never], limits: { stopGraceMs: 20 } })
  const lost = other.get('/never').catch(() => 'lost')
  await expect.poll(() => other.server.stop().then(() => 'stopped')).toBe('stopped')
  expect(await lost).toBe('lost')
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

  test('a page of elsewhere is refused before it counts: it takes no turn from programs of the same address', async () => {
    const isOwnPage = (origin: string): boolean => origin === 'http://127.0.0.1:3000'
    const limits = { perAddress: { tokensPerSecond: 1, tokensMax: 2 } }
    const { get } = await serve({ isOwnPage, isOwnName: (host) => host === '127.0.0.1', limits })
    for (const headers of [{ origin: 'https://page.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }])
      for (let count = 0; count < 3; count += 1) expect((await get('/known', { headers })).status).toBe(403)
    const own = { headers: { origin: 'http://127.0.0.1:3000', 'sec-fetch-site': 'cross-site' } }
    expect([(await get('/known', own)).status, (await get('/known')).status, (await get('/known')).status]).toEqual([404, 404, 429])
  })

  test.each<[string, HttpRoute['answer'], number]>([
    ['is long', () => new Answer({ body: { text: 'x'.repeat(512 * 1024) } }), 200],
    ['is long, and known already', () => new Answer({ body: { text: 'x'.repeat(512 * 1024) }, etag: '"tag"' }), 304],
    ['is short, and was much to read', (_, { spend }) => spend(512 * 1024), 200],
  ])('an answer that %s counts as several questions', async (_what, answer, status) => {
    const limits = { perAddress: { tokensPerSecond: 1, tokensMax: 3 } }
    const { get, time } = await serve({ routes: [route('GET', '/long', answer), ...ROUTES], limits })
    const statusOf = async (path: string) => (await get(path, { headers: { 'if-none-match': '"tag"' } })).status
    expect([await statusOf('/long'), await statusOf('/known')]).toEqual([status, 429])
    time.nowMs = 1_000
    expect([await statusOf('/long'), await statusOf('/known')]).toEqual([status, 429])
    // Two of the long ones took two more than there were.
    expect((await get('/known')).headers.get('retry-after')).toBe('3')
    time.nowMs = 3_000
    expect([await statusOf('/known'), await statusOf('/known')]).toEqual([429, 429])
    time.nowMs = 4_000
    expect(await statusOf('/known')).toBe(404)
  })

  test('answers that are not taken are so many bytes, and of one address so many', async () => {
    const LONG = 8 * 1024 * 1024
    const long = route('GET', '/long', () => new Answer({ body: { bytes: new Uint8Array(LONG) }, type: 'application/octet-stream' }))
    const { server, get } = await serve({
      routes: [long, ...ROUTES],
      limits: { untaken: { bytesMax: 3 * LONG, bytesPerCallerMax: 2 * LONG } },
    })
    // Reads the status, and nothing more.
    const reader = async (localAddress: string) => {
      const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', localAddress })
      socket.write('GET /long HTTP/1.1\r\nhost: x\r\n\r\n')
      await once(socket, 'readable')
      return { socket, status: String(socket.read(12)).slice(9) }
    }
    const readers = [await reader('127.0.0.2'), await reader('127.0.0.2'), await reader('127.0.0.2'), await reader('127.0.0.3')]
    expect(readers.map(({ status }) => status)).toEqual(['200', '200', '429', '200'])
    expect([(await get('/long')).status, (await get('/known')).status]).toEqual([429, 404])
    for (const { socket } of readers) socket.destroy()
    await expect.poll(async () => (await get('/long')).status).toBe(200)
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
    const { server } = await serve({ routes: [...ROUTES, big], limits: { requestTimeoutMs: 100, answerTimeoutMs: 100 } })
    const reader = await raw(server)
    reader.socket.pause()
    reader.socket.write('GET /big HTTP/1.1\r\nhost: x\r\n\r\n')
    // When a second sender is cut that began when the first was, the time of the reader, who came before both, is long over.
    for (let count = 0; count < 2; count += 1) {
      const sender = await raw(server)
      sender.socket.write('POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{')
      await sender.closed
    }
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

  test.each([
    [
      'a length beside chunks',
      'GET /v1/echo/a/of/b HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /fine HTTP/1.1\r\nhost: x\r\n\r\n',
    ],
    [
      'two lengths',
      'GET /v1/echo/a/of/b HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 30\r\n\r\n{}GET /fine HTTP/1.1\r\nhost: x\r\n\r\n',
    ],
    ['a line feed alone', 'GET /v1/echo/a/of/b HTTP/1.1\r\nhost: x\nGET /fine HTTP/1.1\r\nx: y\r\n\r\n'],
    [
      'a space before the colon',
      'GET /v1/echo/a/of/b HTTP/1.1\r\nhost: x\r\ncontent-length : 30\r\n\r\nGET /fine HTTP/1.1\r\nhost: x\r\n\r\n',
    ],
    [
      'a folded line',
      'GET /v1/echo/a/of/b HTTP/1.1\r\nhost: x\r\ntransfer-encoding:\r\n chunked\r\ncontent-length: 0\r\n\r\nGET /fine HTTP/1.1\r\nhost: x\r\n\r\n',
    ],
  ])('G11: %s hides no question within another: the connection ends', async (_, sent) => {
    const { server, get } = await serve()
    const { socket, closed } = await raw(server)
    socket.write(sent)
    expect(await closed).not.toContain('fine')
    expect((await get('/fine')).status).toBe(200)
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
