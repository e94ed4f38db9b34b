import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type BucketLimits, createBuckets } from '#domain/buckets.ts'
import { isWeftError, listenFailed, WeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Secret } from '#domain/secret.ts'
import { isRecord, parseJson } from '#wire/untrusted.ts'
import { createGate, type Gate, limitIdle, limitPerAddress } from './gate.ts'
import { match } from './match.ts'
import type { Asking, HttpRoute } from './port.ts'
import { type Reply, replyTo } from './reply.ts'

/** Serves the routes of a role, and fixed pages beside them. Reads only; nothing that comes here can end the process or hold up the role. */

export interface HttpLimits {
  /** Clients ask a few questions at a time; a connection beyond this is closed. */
  readonly connectionsMax: number
  /** Of one address: what nobody has to prove must not be anybody's alone. */
  readonly connectionsPerAddressMax: number
  /** Questions being answered at once, of those who may ask; one more is told to come again. */
  readonly requestsMax: number
  /** Of them, of one address: a browser asks six at a time. */
  readonly requestsPerAddressMax: number
  /** Then it is closed, so that places go round among those who want one. */
  readonly requestsPerConnectionMax: number
  /** Questions of one address. */
  readonly perAddress: BucketLimits
  /** The longest body names a slot, a market and a token. */
  readonly bodyBytesMax: number
  /** A path is a few ids, of which a project's may have 256 characters, each written with three. */
  readonly urlLengthMax: number
  /** Until a request has come whole, and until the next one begins: whoever has not sent it by then never will. */
  readonly requestTimeoutMs: number
  /** From a whole request to the end of its answer, taken by its reader: slow ones are cut. */
  readonly answerTimeoutMs: number
}

const HTTP_LIMITS: HttpLimits = {
  connectionsMax: 256,
  connectionsPerAddressMax: 32,
  requestsMax: 16,
  requestsPerAddressMax: 6,
  requestsPerConnectionMax: 32,
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
  const gate = createGate({ lengthMax: limits.requestsMax, perHolderMax: limits.requestsPerAddressMax })
  const timeouts = {
    requestTimeout: limits.requestTimeoutMs,
    headersTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECKED_EVERY_MS, limits.requestTimeoutMs),
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reply = replyTo(request, response)
    // Covers the reading of the answer as well: one that is not taken keeps its bytes in memory.
    const cut = setTimeout(() => response.destroy(), limits.answerTimeoutMs + limits.requestTimeoutMs)
    response.once('close', () => clearTimeout(cut))
    try {
      const address = request.socket.remoteAddress ?? ''
      if (!buckets.take(address, 1))
        throw new WeftError('QUEUE_FULL', { queue: `questions of ${address}`, lengthMax: limits.perAddress.tokensMax })
      await answer(request, reply, { ...options, limits, nowMs, gate })
    } catch (failure) {
      // What needs a person names places of this machine: it is for the log.
      if (isWeftError(failure) && (failure.kind === 'caller' || failure.kind === 'transient')) return reply.refuse(failure)
      report('http_failed', { requestId: reply.requestId, detail: String(failure) })
      reply.refuse(new WeftError('REQUEST_FAILED', { requestId: reply.requestId }))
    }
  }

  const server = createServer({ ...timeouts, maxHeaderSize: HEADERS_BYTES_MAX }, (request, response) => void serve(request, response))
  server.maxConnections = limits.connectionsMax
  server.maxRequestsPerSocket = limits.requestsPerConnectionMax
  limitPerAddress(server, limits.connectionsPerAddressMax)
  limitIdle(server, limits.requestTimeoutMs)
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
  readonly gate: Gate
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
  // Not before: who sends slowly, or may not ask, takes no place from those who may.
  const address = request.socket.remoteAddress ?? ''
  reply.send(await serving.gate.through(address, () => found.route.answer(fields, askingOf(reply, serving))))
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
