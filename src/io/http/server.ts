import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { BucketLimits } from '#domain/buckets.ts'
import { isWeftError, listenFailed, WeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import { createGate, type Gate } from '#domain/gate.ts'
import type { Secret } from '#domain/secret.ts'
import { isRecord, parseJson } from '#wire/untrusted.ts'
import { bearerOf, type Caller, type Callers, createCallers, isSame } from './callers.ts'
import { pour } from './flow.ts'
import { limitIdle, limitPerAddress } from './gate.ts'
import { match } from './match.ts'
import { Answer, type Asking, type HttpRoute, type Page } from './port.ts'
import { type Reply, type ReplyOptions, replyTo } from './reply.ts'
import { createUntaken, type UntakenLimits } from './untaken.ts'

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
  /** Questions with one key. */
  readonly perKey: BucketLimits
  /** Answers that go on for as long as their reader likes, and of them, of one address or key. */
  readonly flowsMax: number
  readonly flowsPerAddressMax: number
  /** Answers that are made and not taken yet, in memory meanwhile. */
  readonly untaken: UntakenLimits
  /** The longest body names a slot, a market and a token. */
  readonly bodyBytesMax: number
  /** A path is a few ids, of which a project's may have 256 characters, each written with three. */
  readonly urlLengthMax: number
  /** Until a request has come whole, and until the next one begins: whoever has not sent it by then never will. */
  readonly requestTimeoutMs: number
  /** From a whole request to the end of its answer, taken by its reader: slow ones are cut. */
  readonly answerTimeoutMs: number
  /** For answers under way when the server stops. */
  readonly stopGraceMs: number
}

const HTTP_LIMITS: HttpLimits = {
  connectionsMax: 256,
  connectionsPerAddressMax: 32,
  requestsMax: 16,
  requestsPerAddressMax: 6,
  requestsPerConnectionMax: 32,
  perAddress: { tokensPerSecond: 50, tokensMax: 200 },
  perKey: { tokensPerSecond: 500, tokensMax: 2_000 },
  flowsMax: 64,
  flowsPerAddressMax: 8,
  untaken: { bytesMax: 256 * 1024 * 1024, bytesPerCallerMax: 64 * 1024 * 1024 },
  bodyBytesMax: 16 * 1024,
  urlLengthMax: 2_048,
  requestTimeoutMs: 10_000,
  answerTimeoutMs: 20_000,
  stopGraceMs: 1_000,
}

/** Headers are a handful of lines. */
const HEADERS_BYTES_MAX = 8 * 1024
/** An answer costs a question for each so many bytes of it: at 100 a second no address takes more than a quarter of a core. */
const BYTES_PER_QUESTION = 256 * 1024
/** How often requests that take too long are looked for, also while there are none: half as long as one may take. */
const CHECKED_EVERY_MS = 5_000

/** Who asks with a key of its own has limits of its own, wherever it asks from. */
export interface HttpKey {
  readonly name: string
  readonly key: Secret<string>
}

export interface HttpOptions extends ReplyOptions {
  /** host:port; port 0 takes a free one. */
  readonly listen: string
  /** Must come with each question, where there is one. */
  readonly token?: Secret<string> | undefined
  /** May come with a question. */
  readonly keys?: readonly HttpKey[]
  readonly routes: readonly HttpRoute[]
  /** By path. */
  readonly pages: Readonly<Record<string, Page>>
  readonly limits?: Partial<HttpLimits>
  /** Whether it may be called by this name or address, without a port; by any, where it is left out. Who rebinds a name of its own to this machine calls it by that. */
  readonly isOwnName?: ((host: string) => boolean) | undefined
  /** Whether pages of this origin may ask; those of any, where it is left out. What they may read is another question: see `origins`. */
  readonly isOwnPage?: (origin: string) => boolean
}

export interface HttpDeps {
  readonly nowMs: () => number
  readonly report: Report
}

export interface HttpServer {
  /** `http://host:port`. */
  readonly url: string
  /** Takes no more questions; answers under way have a moment to end. */
  stop(): Promise<void>
}

/** Throws `LISTEN_FAILED`. */
export async function serveHttp(options: HttpOptions, deps: HttpDeps): Promise<HttpServer> {
  const limits = { ...HTTP_LIMITS, ...options.limits }
  const { nowMs, report } = deps
  const stopping = new AbortController()
  const serving: Serving = {
    ...options,
    limits,
    nowMs,
    stopping: stopping.signal,
    gate: createGate({ queue: 'questions', lengthMax: limits.requestsMax, perHolderMax: limits.requestsPerAddressMax }),
    flows: createGate({ queue: 'streams', lengthMax: limits.flowsMax, perHolderMax: limits.flowsPerAddressMax }),
    callers: createCallers({ keys: options.keys ?? [], perAddress: limits.perAddress, perKey: limits.perKey }, nowMs),
  }
  const untaken = createUntaken(limits.untaken)
  const underWay = new Set<Promise<void>>()

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reply = replyTo(request, response, options)
    // Covers the reading of the answer as well: one that is not taken keeps its bytes in memory.
    const cut = setTimeout(() => response.destroy(), limits.answerTimeoutMs + limits.requestTimeoutMs)
    response.once('close', () => clearTimeout(cut))
    try {
      // Before anything is counted: a page of elsewhere would use up what programs of this machine may ask.
      checkAsker(request, serving)
      const caller = serving.callers.admit(request)
      const value = await answer(request, reply, { caller, serving })
      if (!(value instanceof Answer) || !('flow' in value.body)) {
        return await reply.send(value, (bytes) => {
          spending(caller)(bytes)
          untaken.hold(response, { caller: caller.name, bytes })
        })
      }
      clearTimeout(cut)
      const { flow } = value.body
      await serving.flows.through(caller.name, () => {
        reply.begin(value)
        if (request.method === 'HEAD') return void response.end()
        return pour(flow, response, { stallMs: limits.answerTimeoutMs, stopping: stopping.signal })
      })
    } catch (failure) {
      // What needs a person names places of this machine: it is for the log.
      if (isWeftError(failure) && (failure.kind === 'caller' || failure.kind === 'transient')) return await reply.refuse(failure)
      report('http_failed', { requestId: reply.requestId, detail: String(failure) })
      await reply.refuse(new WeftError('REQUEST_FAILED', { requestId: reply.requestId }))
    }
  }

  const { server, url } = await listening(options.listen, limits, (request, response) => {
    const work = serve(request, response).finally(() => underWay.delete(work))
    underWay.add(work)
  })
  return {
    url,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      stopping.abort()
      const late = new AbortController()
      await Promise.race([
        Promise.all(underWay),
        pause(limits.stopGraceMs, undefined, { signal: late.signal, ref: false }).catch(() => undefined),
      ])
      late.abort()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Throws `LISTEN_FAILED`. */
async function listening(
  listen: string,
  limits: HttpLimits,
  onRequest: RequestListener,
): Promise<{ readonly server: Server; readonly url: string }> {
  const timeouts = {
    requestTimeout: limits.requestTimeoutMs,
    headersTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECKED_EVERY_MS, limits.requestTimeoutMs),
  }
  const server = createServer({ ...timeouts, maxHeaderSize: HEADERS_BYTES_MAX }, onRequest)
  server.maxConnections = limits.connectionsMax
  server.maxRequestsPerSocket = limits.requestsPerConnectionMax
  limitPerAddress(server, limits.connectionsPerAddressMax)
  limitIdle(server, limits.requestTimeoutMs)
  const at = listen.lastIndexOf(':')
  const host = listen.slice(0, at).replace(/^\[(.*)\]$/, '$1')
  await new Promise<void>((resolve, reject) => {
    server.once('error', (failure) => reject(listenFailed(listen, failure)))
    server.listen(Number(listen.slice(at + 1)), host, resolve)
  })
  // A broken connection concerns the client that broke it.
  server.on('clientError', (_failure, socket) => socket.destroy())
  return { server, url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}` }
}

interface Serving extends HttpOptions {
  readonly limits: HttpLimits
  readonly nowMs: () => number
  readonly stopping: AbortSignal
  readonly gate: Gate
  readonly flows: Gate
  readonly callers: Callers
}

/** By what name, and for whose page. Throws `HOST_REFUSED`, `ORIGIN_REFUSED`. */
function checkAsker({ headers }: IncomingMessage, { isOwnName, isOwnPage }: HttpOptions): void {
  // No browser leaves it out; those who ask in HTTP/1.0, as load balancers do, may.
  const host = headers.host?.toLowerCase().replace(/:\d+$/, '')
  if (host !== undefined && isOwnName?.(host) === false) throw new WeftError('HOST_REFUSED', { host: host.slice(0, 80) })
  if (isOwnPage === undefined) return
  const { origin, 'sec-fetch-site': site } = headers
  if (origin !== undefined && !isOwnPage(origin)) throw new WeftError('ORIGIN_REFUSED', { origin: origin.slice(0, 80) })
  // An image or a script of a page is asked for without its origin, and says so itself (Fetch Metadata §2.3).
  if (origin === undefined && (site === 'cross-site' || site === 'same-site')) throw new WeftError('ORIGIN_REFUSED', { origin: site })
}

/** What is to be sent: a value, or an `Answer`. */
async function answer(
  request: IncomingMessage,
  reply: Reply,
  { caller, serving }: { readonly caller: Caller; readonly serving: Serving },
): Promise<unknown> {
  const { limits, routes, pages } = serving
  const { url = '' } = request
  if (url.length > limits.urlLengthMax)
    throw new WeftError('REQUEST_INVALID', { problems: [`a URL of more than ${limits.urlLengthMax} characters`] })
  if (request.method === 'OPTIONS') return new Answer({ status: 204, body: { text: '' } })
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '')
  const { path, query } = partsOf(url)
  const page = method === 'GET' && Object.hasOwn(pages, path) ? pages[path] : undefined
  if (page !== undefined) return pageAnswer(page)
  const found = match(routes, { method, path })
  if (found === undefined) throw new WeftError('ROUTE_UNKNOWN', { method, path: path.slice(0, 80) })
  const body = method === 'POST' ? await bodyOf(request, limits) : {}
  const given = method === 'POST' ? body['token'] : bearerOf(request)
  if (serving.token !== undefined && !isSame(given, serving.token)) throw new WeftError('TOKEN_WRONG', { path })
  const fields = { ...body, ...fieldsOf(query), ...found.values }
  // Not before: who sends slowly, or may not ask, takes no place from those who may.
  const asking = { caller: caller.name, spend: spending(caller), ...askingOf(request, reply, serving) }
  return serving.gate.through(caller.name, () => found.route.answer(fields, asking))
}

const pageAnswer = ({ type, body, etag, keeping = 'none', headers = {} }: Page): Answer =>
  new Answer({ type, keeping, headers, etag, body: typeof body === 'string' ? { text: body } : { bytes: body } })

/** A query may hold what it begins with (RFC 3986 §3.4). */
function partsOf(url: string): { readonly path: string; readonly query: string } {
  const [path = ''] = url.split('?', 1)
  return { path, query: url.slice(path.length + 1) }
}

/** What a query names twice is a list. */
function fieldsOf(query: string): Record<string, string | string[]> {
  const fields = new URLSearchParams(query)
  return Object.fromEntries(
    [...new Set(fields.keys())].map((name) => {
      const values = fields.getAll(name)
      return [name, values.length === 1 ? (values[0] ?? '') : values]
    }),
  )
}

const spending =
  ({ charge }: Caller) =>
  (bytes: number): void =>
    charge(Math.floor(bytes / BYTES_PER_QUESTION))

function askingOf(request: IncomingMessage, reply: Reply, { limits, nowMs }: Serving): Pick<Asking, 'breathe' | 'header'> {
  const untilMs = nowMs() + limits.answerTimeoutMs
  return {
    async breathe() {
      await new Promise((resolve) => setImmediate(resolve))
      if (nowMs() > untilMs || reply.isOver()) throw new WeftError('REQUEST_TOO_LONG', { limitMs: limits.answerTimeoutMs })
    },
    header(name) {
      const value = request.headers[name]
      return typeof value === 'string' ? value : undefined
    },
  }
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
