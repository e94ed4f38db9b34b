import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ErrorCode, toldOutside, type WeftError } from '#domain/errors.ts'
import { encodedFor } from './encoding.ts'
import { Answer, type Keeping } from './port.ts'
import { rangeOf } from './range.ts'

/** By code, where the kind of the error does not say it. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  TOKEN_WRONG: 401,
  ORIGIN_REFUSED: 403,
  HOST_REFUSED: 403,
  ROUTE_UNKNOWN: 404,
  EPOCH_NOT_KEPT: 404,
  EPOCH_OPEN: 404,
  SUBMISSION_NOT_KEPT: 404,
  SLOT_NOT_SEEN: 404,
  NOT_BATCHED: 404,
  PROJECT_UNKNOWN: 404,
  EPOCH_UNKNOWN: 404,
  BATCH_UNKNOWN: 404,
  SLOT_UNKNOWN: 404,
  NODE_STATUS_ABSENT: 404,
  NOT_FINAL: 404,
  CONTENT_NOT_HERE: 404,
  CONTENT_NOT_SERVED: 504,
  IPFS_CONTENT_WRONG: 502,
  IPFS_CONTENT_TOO_LARGE: 413,
  REQUEST_TOO_LARGE: 413,
  QUEUE_FULL: 429,
}

/** When to come again where nobody knows: what is full is seldom full for longer. */
const RETRY_AFTER_MS = 1_000

const CORS = {
  'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
  'access-control-allow-headers': 'authorization, content-type, if-none-match, last-event-id, range, x-api-key',
  'access-control-expose-headers': 'etag, retry-after, x-request-id, x-next-cursor, x-snapshot-cid, x-snapshot-status',
  'access-control-max-age': '86400',
}

/** An answer is data, for whichever page may ask; nothing of it is a page of ours to be framed or sniffed. */
const SECURITY = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
}

const CACHE_CONTROL: Record<Keeping, string> = {
  immutable: 'public, max-age=31536000, immutable',
  brief: 'public, max-age=1, must-revalidate',
  none: 'no-store',
}

/** Of answers to every question. */
export interface ReplyOptions {
  /** Whose pages may read answers in a browser; without a list, any. */
  readonly origins?: readonly string[] | undefined
  /** A POST is answered as deployed sequencers do: an envelope, and text where it fails. Otherwise as a GET is. */
  readonly isPostEnveloped?: boolean | undefined
}

export interface Reply {
  readonly requestId: string
  /** `spend` is told how long the answer is, before it is on its way, and may refuse it. */
  send(value: unknown, spend: (bytes: number) => void): Promise<void>
  /** A flow's headers; its parts are for the caller to write. */
  begin(answer: Answer): void
  refuse(failure: WeftError): Promise<void>
  isOver(): boolean
}

/** A GET is answered with the value itself, or with an error as an object. */
export function replyTo(request: IncomingMessage, response: ServerResponse, { origins, isPostEnveloped = false }: ReplyOptions): Reply {
  const requestId = randomUUID()
  const isEnveloped = isPostEnveloped && request.method === 'POST'

  function head(status: number, headers: Record<string, string | number>): void {
    // What has not been read of a request that is refused is never read; and who may not ask keeps no place.
    const closing = request.complete && status < 400 ? {} : { connection: 'close' }
    response.writeHead(status, { ...CORS, ...SECURITY, ...corsOf(request, origins), ...closing, ...headers, 'x-request-id': requestId })
  }

  async function write(
    { status, type, body, etag, keeping, headers }: Answer,
    spend: (bytes: number) => void = () => undefined,
  ): Promise<void> {
    const whole = bytesOf(body)
    // Also of what is not sent: it was made.
    spend(whole.length)
    const common = { ...headers, 'cache-control': CACHE_CONTROL[keeping], ...(etag !== undefined && { etag }) }
    if (status === 200 && etag !== undefined && isKnown(request.headers['if-none-match'], etag)) {
      if (isOpen()) head(304, common)
      return void response.end()
    }
    const part = status === 200 && 'bytes' in body ? rangeOf(request, { length: whole.length, etag }) : undefined
    if (part === 'unsatisfiable') {
      head(416, { ...common, 'content-range': `bytes */${whole.length}`, 'content-length': 0 })
      return void response.end()
    }
    const encoded =
      part === undefined
        ? await encodedFor(request, { type, bytes: whole, etag })
        : { bytes: whole.subarray(part.from, part.to + 1), headers: {} }
    if (!isOpen()) return
    if (status === 204) return void response.writeHead(204, { ...CORS, ...corsOf(request, origins), 'x-request-id': requestId }).end()
    head(part === undefined ? status : 206, {
      ...common,
      ...encoded.headers,
      ...('bytes' in body && { 'accept-ranges': 'bytes' }),
      ...(part !== undefined && { 'content-range': `bytes ${part.from}-${part.to}/${whole.length}` }),
      'content-type': type,
      'content-length': encoded.bytes.length,
    })
    response.end(encoded.bytes)
  }

  const isOpen = (): boolean => !response.headersSent && !response.destroyed

  return {
    requestId,
    isOver: () => response.destroyed || request.socket.destroyed,
    send: (value, spend) =>
      write(
        value instanceof Answer
          ? value
          : new Answer({ body: { json: isEnveloped ? { info: { success: true, response: value }, requestID: requestId } : value } }),
        spend,
      ),
    begin({ type, headers }) {
      // A connection that has served for so long has had its turn.
      head(200, { ...headers, 'content-type': type, 'cache-control': CACHE_CONTROL.none, connection: 'close' })
    },
    async refuse(failure) {
      // What comes over time has begun: its reader sees that it breaks off, and asks again.
      if (response.headersSent) return void response.destroy()
      const { code, kind, facts } = failure
      const message = toldOutside(failure)
      const status = STATUS[code] ?? (kind === 'caller' ? 400 : kind === 'transient' ? 503 : 500)
      const { problems, waitMs = RETRY_AFTER_MS } = facts as { readonly problems?: unknown; readonly waitMs?: number }
      // HTTP counts whole seconds: who came earlier would come in vain.
      const headers = status === 429 || status === 503 ? { 'retry-after': String(Math.ceil(waitMs / 1_000)) } : {}
      if (isEnveloped) return write(new Answer({ status, headers, type: 'text/plain; charset=utf-8', body: { text: `${message}\n` } }))
      return write(
        new Answer({
          status,
          headers,
          body: { json: { status: 'error', code, message, ...(code === 'REQUEST_INVALID' && { problems }) } },
        }),
      )
    },
  }
}

function bytesOf(body: Answer['body']): Uint8Array {
  if ('bytes' in body) return body.bytes
  if ('text' in body) return Buffer.from(body.text)
  return Buffer.from(JSON.stringify('json' in body ? body.json : null) ?? 'null')
}

/** Without a list any page may read: answers are public, and who may ask where there is a token has it. */
function corsOf({ headers: { origin } }: IncomingMessage, origins: readonly string[] | undefined): Record<string, string> {
  if (origins === undefined) return { vary: 'accept-encoding', 'access-control-allow-origin': '*' }
  return {
    vary: 'accept-encoding, origin',
    ...(origin !== undefined && origins.includes(origin) && { 'access-control-allow-origin': origin }),
  }
}

/** As RFC 9110 §13.1.2 compares for `If-None-Match`: a weak tag is as good. */
function isKnown(given: string | undefined, etag: string): boolean {
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, '')
  return given !== undefined && (given.trim() === '*' || given.split(',').some((tag) => opaque(tag) === opaque(etag)))
}
