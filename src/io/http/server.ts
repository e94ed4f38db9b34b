import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type BucketLimits, createBuckets } from '#domain/buckets.ts'
import { type ErrorCode, isWeftError, listenFailed, WeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Secret } from '#domain/secret.ts'
import { isRecord, parseJson, unlessThrown } from '#wire/untrusted.ts'
import type { Asking, HttpRoute } from './port.ts'

/** Serves the routes of a role, and fixed pages beside them. Reads only; nothing that comes here can end the process or hold up the role. */

export interface HttpLimits {
  /** Clients ask a few questions at a time; beyond this, connections wait for those that there are. */
  readonly connectionsMax: number
  /** Questions under way at once; one more is told to come again. */
  readonly requestsMax: number
  /** Questions of one address. */
  readonly perAddress: BucketLimits
  /** The longest body names a slot, a market and a token. */
  readonly bodyBytesMax: number
  /** A path is a few ids, of which a project's may have 256 characters, each written with three. */
  readonly urlLengthMax: number
  /** Until a request has come whole: whoever has not sent it by then never will. */
  readonly requestTimeoutMs: number
  /** From a whole request to the end of its answer, taken by its reader: slow ones are cut. */
  readonly answerTimeoutMs: number
}

const HTTP_LIMITS: HttpLimits = {
  connectionsMax: 256,
  requestsMax: 16,
  perAddress: { tokensPerSecond: 50, tokensMax: 200 },
  bodyBytesMax: 16 * 1024,
  urlLengthMax: 2_048,
  requestTimeoutMs: 10_000,
  answerTimeoutMs: 20_000,
}

/** Headers are a handful of lines. */
const HEADERS_BYTES_MAX = 8 * 1024
/** How often requests that take too long are looked for. */
const CHECKED_EVERY_MS = 1_000

/** By code, where the kind of the error does not say it. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  TOKEN_WRONG: 401,
  ROUTE_UNKNOWN: 404,
  EPOCH_NOT_KEPT: 404,
  SUBMISSION_NOT_KEPT: 404,
  SLOT_NOT_SEEN: 404,
  NOT_BATCHED: 404,
  REQUEST_TOO_LARGE: 413,
  QUEUE_FULL: 429,
  COUNTS_NOT_KEPT: 501,
}

/** Answers are public and read-only: any page may ask, who has the token where there is one. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers': 'authorization, content-type',
  'access-control-expose-headers': 'x-request-id',
}

export interface HttpOptions {
  /** host:port; port 0 takes a free one. */
  readonly listen: string
  /** Must come with each question, where there is one. */
  readonly token?: Secret<string> | undefined
  readonly routes: readonly HttpRoute[]
  /** Pages for everybody, by path. */
  readonly pages: Readonly<Record<string, { readonly type: string; readonly text: string }>>
  readonly limits?: Partial<HttpLimits>
}

export interface HttpDeps {
  readonly nowMs: () => number
  readonly report: Report
}

export interface HttpServer {
  /** `http://host:port`. */
  readonly url: string
  stop(): Promise<void>
}

/** Throws `LISTEN_FAILED`. */
export async function serveHttp(options: HttpOptions, { nowMs, report }: HttpDeps): Promise<HttpServer> {
  const limits = { ...HTTP_LIMITS, ...options.limits }
  const buckets = createBuckets(limits.perAddress, nowMs)
  let underWay = 0
  const timeouts = {
    requestTimeout: limits.requestTimeoutMs,
    headersTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECKED_EVERY_MS, limits.requestTimeoutMs),
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reply = replyTo(request, response)
    underWay += 1
    // Covers the reading of the answer as well: one that is not taken keeps its bytes in memory.
    const cut = setTimeout(() => response.destroy(), limits.answerTimeoutMs + limits.requestTimeoutMs)
    response.once('close', () => clearTimeout(cut))
    try {
      if (underWay > limits.requestsMax) throw new WeftError('QUEUE_FULL', { queue: 'questions', lengthMax: limits.requestsMax })
      const address = request.socket.remoteAddress ?? ''
      if (!buckets.take(address, 1))
        throw new WeftError('QUEUE_FULL', { queue: `questions of ${address}`, lengthMax: limits.perAddress.tokensMax })
      await answer(request, reply, { ...options, limits, nowMs })
    } catch (failure) {
      // What needs a person names places of this machine: it is for the log.
      if (isWeftError(failure) && (failure.kind === 'caller' || failure.kind === 'transient')) return reply.refuse(failure)
      report('http_failed', { requestId: reply.requestId, detail: String(failure) })
      reply.refuse(new WeftError('REQUEST_FAILED', { requestId: reply.requestId }))
    } finally {
      underWay -= 1
    }
  }

  const server = createServer({ ...timeouts, maxHeaderSize: HEADERS_BYTES_MAX }, (request, response) => void serve(request, response))
  server.maxConnections = limits.connectionsMax
  const at = options.listen.lastIndexOf(':')
  const host = options.listen.slice(0, at).replace(/^\[(.*)\]$/, '$1')
  await new Promise<void>((resolve, reject) => {
    server.once('error', (failure) => reject(listenFailed(options.listen, failure)))
    server.listen(Number(options.listen.slice(at + 1)), host, resolve)
  })
  // A broken connection concerns the client that broke it.
  server.on('clientError', (_failure, socket) => socket.destroy())
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

interface Serving extends HttpOptions {
  readonly limits: HttpLimits
  readonly nowMs: () => number
}

async function answer(request: IncomingMessage, reply: Reply, serving: Serving): Promise<void> {
  const { limits, routes, pages } = serving
  const { method = '', url = '' } = request
  if (url.length > limits.urlLengthMax)
    throw new WeftError('REQUEST_INVALID', { problems: [`a URL of more than ${limits.urlLengthMax} characters`] })
  if (method === 'OPTIONS') return reply.write(204, undefined, '')
  const [path = '', query = ''] = url.split('?', 2)
  const page = method === 'GET' && Object.hasOwn(pages, path) ? pages[path] : undefined
  if (page !== undefined) return reply.write(200, page.type, page.text)
  const found = match(routes, { method, path })
  if (found === undefined) throw new WeftError('ROUTE_UNKNOWN', { method, path: path.slice(0, 80) })
  const body = method === 'POST' ? await bodyOf(request, limits) : {}
  const given = method === 'POST' ? body['token'] : /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1]
  if (serving.token !== undefined && !isSame(given, serving.token)) throw new WeftError('TOKEN_WRONG', { path })
  const fields = { ...body, ...Object.fromEntries(new URLSearchParams(query)), ...found.values }
  reply.send(await found.route.answer(fields, askingOf(reply, serving)))
}

function askingOf(reply: Reply, { limits, nowMs }: Serving): Asking {
  const untilMs = nowMs() + limits.answerTimeoutMs
  return {
    async breathe() {
      await new Promise((resolve) => setImmediate(resolve))
      if (nowMs() > untilMs || reply.isOver()) throw new WeftError('REQUEST_TOO_LONG', { limitMs: limits.answerTimeoutMs })
    },
  }
}

/** The route of a path, and what its segments in braces hold. */
function match(routes: readonly HttpRoute[], asked: { readonly method: string; readonly path: string }) {
  const segments = asked.path.split('/')
  for (const route of routes) {
    if (route.method !== asked.method) continue
    const form = route.path.split('/')
    if (form.length !== segments.length) continue
    const values: Record<string, string> = {}
    const fits = form.every((part, index) => {
      const segment = segments[index] ?? ''
      if (!part.startsWith('{')) return part === segment
      // What is no percent-encoding stays as it is, and will be no id.
      values[part.slice(1, -1)] = unlessThrown(() => decodeURIComponent(segment)) ?? segment
      return segment !== ''
    })
    if (fits) return { route, values }
  }
  return undefined
}

/** In a time that says nothing about the token, its length included. */
function isSame(given: unknown, token: Secret<string>): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(typeof given === 'string' ? given : ''), hash(token.reveal())) && typeof given === 'string'
}

/** Throws `REQUEST_TOO_LARGE`, `REQUEST_INVALID`; the sender that goes away in between has no answer. */
async function bodyOf(request: IncomingMessage, { bodyBytesMax }: HttpLimits): Promise<Readonly<Record<string, unknown>>> {
  const parts: Buffer[] = []
  let bytes = 0
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      bytes += part.length
      if (bytes > bodyBytesMax) throw new WeftError('REQUEST_TOO_LARGE', { bytesMax: bodyBytesMax })
      parts.push(part)
    }
  } catch (failure) {
    if (isWeftError(failure)) throw failure
    throw new WeftError('REQUEST_INVALID', { problems: ['the request ended before its body'] }, failure)
  }
  const body = parseJson(Buffer.concat(parts).toString('utf8'))
  if (!isRecord(body)) throw new WeftError('REQUEST_INVALID', { problems: ['the body is no JSON object'] })
  return body
}

interface Reply {
  readonly requestId: string
  write(status: number, type: string | undefined, text: string): void
  send(value: unknown): void
  refuse(failure: WeftError): void
  isOver(): boolean
}

/** A POST is answered as deployed servers do: an envelope, and text where it fails. A GET is answered with the value, or with an error as an object. */
function replyTo(request: IncomingMessage, response: ServerResponse): Reply {
  const requestId = randomUUID()
  const isPost = request.method === 'POST'

  function write(status: number, type: string | undefined, text: string): void {
    if (response.headersSent || response.destroyed) return
    // What has not been read of a request that is refused is never read.
    const headers = request.complete ? {} : { connection: 'close' }
    response.writeHead(status, {
      ...CORS,
      ...headers,
      ...(type !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
      'x-request-id': requestId,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    response.end(text)
  }
  const json = (status: number, value: unknown): void => write(status, 'application/json', JSON.stringify(value))

  return {
    requestId,
    write,
    isOver: () => response.destroyed || request.socket.destroyed,
    send: (value) => json(200, isPost ? { info: { success: true, response: value }, requestID: requestId } : value),
    refuse(failure) {
      const { code, kind, message } = failure
      const status = STATUS[code] ?? (kind === 'caller' ? 400 : kind === 'transient' ? 503 : 500)
      if (isPost) write(status, 'text/plain; charset=utf-8', `${message}\n`)
      else json(status, { status: 'error', code, message })
    },
  }
}
