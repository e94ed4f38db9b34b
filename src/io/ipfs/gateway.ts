import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isWeftError, listenFailed } from '#domain/errors.ts'
import { RAW_BLOCK } from './gateway-reader.ts'

/** A trustless gateway (https://specs.ipfs.tech/http-gateways/trustless-gateway/), as far as single raw blocks go. */

/** Readers fetch a few blocks at a time; more connections than this are somebody's mistake. */
const CONNECTIONS_MAX = 256
/** A request is one line and a few headers: whoever has not sent it by then never will. */
const REQUEST_TIMEOUT_MS = 10_000
/** The longest path is `/ipfs/` and a CID. */
const URL_LENGTH_MAX = 512

/** Where blocks come from: a `HeliaNode` fits. Gives nothing that does not hash to its CID; throws `ID_MALFORMED`. */
export interface BlockReader {
  block(cid: string): Promise<Uint8Array | undefined>
}

export interface Gateway {
  /** `http://host:port`. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves `GET` and `HEAD /ipfs/<cid>?format=raw`: local blocks only, read-only, nothing listed. Bytes were hashed by where
 * they come from; the reader trusts nobody and checks for itself all the same. Port 0 takes a free one. Throws `LISTEN_FAILED`.
 */
export async function serveGateway(options: {
  readonly blocks: BlockReader
  readonly host?: string
  readonly port?: number
}): Promise<Gateway> {
  const host = options.host ?? '127.0.0.1'
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    answer(request, response, options.blocks).catch((failure) => {
      refuse(response, isWeftError(failure) && failure.kind === 'caller' ? 400 : 500, isWeftError(failure) ? failure.code : 'STORE_FAILED')
    })
  })
  server.maxConnections = CONNECTIONS_MAX
  await new Promise<void>((resolve, reject) => {
    server.once('error', (failure) => reject(listenFailed(`${host}:${options.port ?? 0}`, failure)))
    server.listen(options.port ?? 0, host, resolve)
  })
  // A broken connection concerns the client that broke it.
  server.on('clientError', (_failure, socket) => socket.destroy())
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, blocks: BlockReader): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'only GET and HEAD')
  if ((request.url ?? '').length > URL_LENGTH_MAX) return refuse(response, 414, 'URL too long')
  const [path = '', query = ''] = (request.url ?? '').split('?', 2)
  // The CID is letters and digits, so there is nothing in it to unescape and no way out of the store.
  const cid = /^\/ipfs\/([0-9A-Za-z]+)$/.exec(path)?.[1]
  if (cid === undefined) return refuse(response, path.startsWith('/ipfs/') ? 400 : 404, 'ask for /ipfs/<cid>?format=raw')
  if (new URLSearchParams(query).get('format') !== 'raw' && !(request.headers.accept ?? '').includes(RAW_BLOCK))
    return refuse(response, 406, 'raw blocks only')
  const block = await blocks.block(cid)
  if (block === undefined) return refuse(response, 404, 'not stored here')
  const etag = `"${cid}.raw"`
  const headers = {
    etag,
    'cache-control': 'public, max-age=29030400, immutable',
    'x-ipfs-path': path,
    'x-content-type-options': 'nosniff',
    // Content that is public and names itself: any page may read it.
    'access-control-allow-origin': '*',
  }
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, headers).end()
    return
  }
  response.writeHead(200, {
    ...headers,
    'content-type': RAW_BLOCK,
    'content-length': block.length,
    'content-disposition': `attachment; filename="${cid}.bin"`,
  })
  response.end(request.method === 'HEAD' ? undefined : block)
}

function refuse(response: ServerResponse, status: number, why: string): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const allow = status === 405 ? { allow: 'GET, HEAD' } : {}
  response.writeHead(status, { ...allow, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }).end(`${why}\n`)
}
