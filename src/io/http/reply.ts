import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ErrorCode, WeftError } from '#domain/errors.ts'

/** By code, where the kind of the error does not say it. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  TOKEN_WRONG: 401,
  ROUTE_UNKNOWN: 404,
  EPOCH_NOT_KEPT: 404,
  EPOCH_OPEN: 404,
  SUBMISSION_NOT_KEPT: 404,
  SLOT_NOT_SEEN: 404,
  NOT_BATCHED: 404,
  REQUEST_TOO_LARGE: 413,
  QUEUE_FULL: 429,
}

/** Answers are public and read-only: any page may ask, who has the token where there is one. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers': 'authorization, content-type',
  'access-control-expose-headers': 'x-request-id',
}

export interface Reply {
  readonly requestId: string
  write(status: number, type: string | undefined, text: string): void
  send(value: unknown): void
  refuse(failure: WeftError): void
  isOver(): boolean
}

/** A POST is answered as deployed servers do: an envelope, and text where it fails. A GET is answered with the value, or with an error as an object. */
export function replyTo(request: IncomingMessage, response: ServerResponse): Reply {
  const requestId = randomUUID()
  const isPost = request.method === 'POST'

  function write(status: number, type: string | undefined, text: string): void {
    if (response.headersSent || response.destroyed) return
    // What has not been read of a request that is refused is never read; and who may not ask keeps no place.
    const headers = request.complete && status < 400 ? {} : { connection: 'close' }
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
