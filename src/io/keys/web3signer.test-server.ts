import { once } from 'node:events'
import { createServer as overHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as overHttps } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Secret } from '#domain/secret.ts'
import { keccak256 } from '#wire/keccak.ts'
import { createSigner, publicKeyOf } from './secp256k1.ts'

/** Eth1 keys behind HTTP, as https://consensys.github.io/web3signer/web3signer-eth1.html describes it. */

export type Lie =
  | 'hangs'
  | 'signs with another key'
  | 'signs something else'
  | 'signs in the upper half'
  | 'answers no signature'
  | 'never ends an answer'
  | 'sends elsewhere'
  | 'fails'
  | 'closes what was kept'

export interface Web3Signer {
  /** Of a key that it has, or has not. */
  urlOf(key: Secret<Uint8Array>): string
  lie(how?: Lie): void
  /** Bodies, and how many connections there were. */
  readonly seen: { readonly bodies: string[]; connections: number }
  /** Answers nothing until what it returns is called; `full` when it has been asked so often. */
  hold(count: number): { readonly full: Promise<void>; release(): void }
  stop(): Promise<void>
}

/** `tls`: certificate and key in PEM; with `clientCa` only whom it vouches for is served. */
export async function serveWeb3Signer(
  keys: readonly Secret<Uint8Array>[],
  tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string },
): Promise<Web3Signer> {
  const signers = new Map(keys.map((key) => [`0x${publicKeyOf(key).toHex()}`, createSigner(key)]))
  const seen = { bodies: [] as string[], connections: 0 }
  let lying: Lie | undefined
  let gate = Promise.resolve()
  let onAsked = (): void => undefined
  const used = new Set<Socket>()

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (lying === 'closes what was kept' && used.has(request.socket)) return void request.socket.destroy()
    used.add(request.socket)
    const body = await text(request)
    seen.bodies.push(body)
    onAsked()
    await gate
    const [, identifier = ''] = /^\/api\/v1\/eth1\/sign\/(0x[0-9a-f]{128})$/.exec(request.url ?? '') ?? []
    const signer = signers.get(identifier)
    if (lying === 'hangs') return
    if (lying === 'fails') return void response.writeHead(500).end()
    if (lying === 'sends elsewhere') return void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
    if (request.method !== 'POST' || signer === undefined) return void response.writeHead(404).end('Resource not found')
    const { data } = JSON.parse(body) as { readonly data: string }
    const bytes = Uint8Array.fromHex(data.slice(2))
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    response.end(spoilt(`0x${signer.sign(keccak256(bytes))}`, bytes))
  }

  function spoilt(signature: string, bytes: Uint8Array): string {
    const other = createSigner(keys.at(-1) as Secret<Uint8Array>)
    switch (lying) {
      case 'signs with another key':
        return `0x${other.sign(keccak256(bytes))}`
      case 'signs something else':
        return `0x${[...signers.values()][0]?.sign(keccak256(new Uint8Array([...bytes, 0])))}`
      case 'signs in the upper half':
        return `${signature.slice(0, 66)}${'ff'.repeat(32)}1b`
      case 'answers no signature':
        return '{"signature":"soon"}'
      case 'never ends an answer':
        return 'x'.repeat(100_000)
      default:
        return signature
    }
  }

  const listener = (request: IncomingMessage, response: ServerResponse) => void answer(request, response)
  const mutual = tls?.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }
  const server = tls === undefined ? overHttp(listener) : overHttps({ cert: tls.cert, key: tls.key, ...mutual }, listener)
  server.on('connection', () => {
    seen.connections += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    urlOf: (key) => `http${tls === undefined ? '' : 's'}://127.0.0.1:${port}/api/v1/eth1/sign/0x${publicKeyOf(key).toHex()}`,
    lie(how) {
      lying = how
    },
    seen,
    hold(count) {
      const held = Promise.withResolvers<void>()
      const full = Promise.withResolvers<void>()
      gate = held.promise
      onAsked = () => {
        if (seen.bodies.length >= count) full.resolve()
      }
      return { full: full.promise, release: held.resolve }
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
