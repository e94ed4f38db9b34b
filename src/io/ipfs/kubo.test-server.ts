import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CarBufferReader } from '@ipld/car/buffer-reader'
import { CID } from 'multiformats/cid'

/** The calls of Kubo's RPC that we use, as its reference documents them and Kubo answers them, with a map in place of a repository. */
export interface FakeKubo {
  readonly url: string
  readonly pins: ReadonlySet<string>
  readonly blocks: ReadonlyMap<string, Uint8Array>
  /** `path?query` of each call, in order. */
  readonly calls: readonly string[]
  lie(how?: string): void
  close(): Promise<void>
}

export async function serveKubo(): Promise<FakeKubo> {
  const blocks = new Map<string, Uint8Array>()
  const pins = new Set<string>()
  const calls: string[] = []
  let lying: string | undefined

  async function answer(
    request: IncomingMessage,
  ): Promise<{ readonly status?: number; readonly body?: string | Uint8Array; readonly location?: string }> {
    const url = new URL(request.url ?? '/', 'http://kubo')
    calls.push(url.pathname + url.search)
    const arg = url.searchParams.get('arg') ?? ''
    const error = (Message: string) => ({ status: 500, body: JSON.stringify({ Message, Code: 0, Type: 'error' }) })
    if (lying === 'is broken') return error('out of cheese')
    if (lying === 'hangs') return new Promise(() => undefined)
    if (lying === 'sends elsewhere') return { status: 307, location: 'http://127.0.0.1:1/' }
    if (lying === 'never ends an answer') return { body: 'x'.repeat(70_000) }
    if (lying === 'says nonsense') return { body: 'null' }
    switch (`${request.method} ${url.pathname}`) {
      case 'POST /api/v0/dag/import': {
        const reader = await carIn(request)
        const root = String(reader.getRoots()[0])
        for (const block of reader.blocks()) {
          const isLost = lying === 'loses a block' && block.cid.toString() !== root
          const bytes = lying === 'keeps other bytes' ? Uint8Array.from(block.bytes, (byte) => byte ^ 1) : block.bytes
          if (!isLost) blocks.set(block.cid.toString(), bytes)
        }
        if (lying !== 'does not pin') pins.add(root)
        const said = lying === 'calls it otherwise' ? 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' : root
        return { body: `${JSON.stringify({ Root: { Cid: { '/': said }, PinErrorMsg: lying === 'cannot pin' ? 'no' : '' } })}\n` }
      }
      case 'POST /api/v0/pin/ls':
        if (lying === 'never says what it pins') return new Promise(() => undefined)
        if (!pins.has(arg)) return error(`path '${arg}' is not pinned`)
        return { body: JSON.stringify({ Keys: { [arg]: { Type: 'recursive' } } }) }
      case 'POST /api/v0/pin/rm':
        if (!pins.delete(arg)) return error('not pinned or pinned indirectly')
        return { body: JSON.stringify({ Pins: [arg] }) }
      case 'POST /api/v0/block/get': {
        const block = blocks.get(CID.parse(arg).toString())
        return block === undefined || url.searchParams.get('offline') !== 'true'
          ? error(`block was not found locally (offline)`)
          : { body: block }
      }
      default:
        return { status: 404 }
    }
  }

  const server = createServer((request, response) => {
    void answer(request).then(({ status = 200, body, location }) => {
      response.writeHead(status, location === undefined ? {} : { location }).end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pins,
    blocks,
    calls,
    lie(how) {
      lying = how
      // What was kept of what was wrong does not count as kept.
      if (how === undefined) blocks.clear()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function carIn(request: IncomingMessage): Promise<CarBufferReader> {
  const parts: Uint8Array[] = []
  for await (const part of request) parts.push(part as Uint8Array)
  const form = await new Response(Buffer.concat(parts), { headers: { 'content-type': request.headers['content-type'] ?? '' } }).formData()
  return CarBufferReader.fromBytes(new Uint8Array(await (form.get('file') as Blob).arrayBuffer()))
}
