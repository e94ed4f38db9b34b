import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serveGateway } from '#node/gateway.ts'
import type { SourceNode } from './suite/place.ts'

/** A pinning service as https://ipfs.github.io/pinning-services-api-spec/ describes it, which fetches from `source`, and its gateway. */
export interface FakeService {
  readonly url: string
  readonly gatewayUrl: string
  readonly requests: ReadonlyMap<string, PinRequest>
  /** Bodies of `POST /pins`. */
  readonly asked: readonly PinRequest['pin'][]
  /** Of every call. */
  readonly tokens: readonly (string | undefined)[]
  lie(how?: string): void
  close(): Promise<void>
}

interface PinRequest {
  readonly requestid: string
  status: string
  readonly pin: { readonly cid: string; readonly name: string; readonly origins: readonly string[] }
}

const TOKEN = 'Bearer the-token'

export async function servePinningService(source: SourceNode): Promise<FakeService> {
  const requests = new Map<string, PinRequest>()
  const asked: PinRequest['pin'][] = []
  const tokens: (string | undefined)[] = []
  let lying: string | undefined
  let made = 0
  const isThere = () => requests.values().some(({ status }) => status === 'pinned')
  const gateway = await serveGateway({
    blocks: {
      async block(cid) {
        const block = isThere() && lying !== 'has nothing' ? await source.block(cid) : undefined
        return lying === 'has other bytes' ? block && Uint8Array.from(block, (byte) => byte ^ 1) : block
      },
    },
  })
  const shown = (one: PinRequest) => ({
    ...one,
    pin: { ...one.pin, ...(lying === 'speaks of other content' && { cid: 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' }) },
    created: '2026-01-01T00:00:00Z',
    delegates: [],
    ...(lying === 'says no status' && { status: 'perhaps' }),
    ...(lying === 'says a way out' && { requestid: '..' }),
  })

  async function answer(
    request: IncomingMessage,
  ): Promise<{ readonly status: number; readonly body?: unknown; readonly location?: string }> {
    const url = new URL(request.url ?? '/', 'http://service')
    tokens.push(request.headers.authorization)
    if (lying === 'hangs') return new Promise(() => undefined)
    if (lying === 'refuses the token' || request.headers.authorization !== TOKEN) return { status: 401, body: { error: { reason: TOKEN } } }
    if (lying === 'sends elsewhere') return { status: 302, location: 'http://127.0.0.1:1/' }
    if (lying === 'never ends an answer') return { status: 200, body: 'x'.repeat(300_000) }
    const id = /^\/psa\/pins\/(.+)$/.exec(url.pathname)?.[1]
    if (id !== undefined) {
      const one = requests.get(id)
      if (one === undefined) return { status: 404 }
      if (request.method === 'DELETE') return { status: requests.delete(id) ? 202 : 404 }
      // Each look finds it further on.
      one.status = lying === 'never has it' ? 'pinning' : lying === 'fails' ? 'failed' : one.status === 'queued' ? 'pinning' : 'pinned'
      return { status: 200, body: shown(one) }
    }
    if (request.method === 'POST') {
      const pin = JSON.parse(await textOf(request)) as PinRequest['pin']
      asked.push(pin)
      made += 1
      const one = { requestid: `r/${made}`, status: 'queued', pin }
      requests.set(encodeURIComponent(one.requestid), one)
      return { status: 202, body: shown(one) }
    }
    const [cid, name] = [url.searchParams.get('cid'), url.searchParams.get('name')]
    const statuses = url.searchParams.get('status')?.split(',') ?? ['pinned']
    const results = [...requests.values()].filter(({ pin, status }) => pin.cid === cid && pin.name === name && statuses.includes(status))
    return { status: 200, body: { count: results.length, results: results.map(shown) } }
  }

  const server = createServer((request, response) => {
    void answer(request).then(({ status, body, location }) => {
      response.writeHead(status, location === undefined ? {} : { location }).end(body === undefined ? undefined : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/psa`,
    gatewayUrl: gateway.url,
    requests,
    asked,
    tokens,
    lie(how) {
      lying = how
    },
    async close() {
      server.closeAllConnections()
      await Promise.all([gateway.stop(), new Promise((resolve) => server.close(resolve))])
    },
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of request) text += String(part)
  return text
}
