import type { Libp2p, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { createHoldings, type Holdings } from './holdings.ts'
import { startNode } from './libp2p.ts'
import type { running } from './running.test-world.ts'
import { identity } from './suite.ts'

const PROTOCOL = '/test/1.0.0'

/** A layer of a connection, as far as tests reach into it. */
export interface Layer {
  pause(): void
  resume(): void
  onData(bytes: Uint8Array): void
  push(bytes: Uint8Array): void
  send(bytes: Uint8Array): boolean
  readonly status: string
}

export interface Below extends Layer {
  readonly socket: { write(bytes: Uint8Array): boolean; emit(event: 'drain'): void; isPaused(): boolean }
}

/** The encrypted connection that a node has, and the one below it. */
export function layersOf(node: Libp2p): { readonly noise: Layer; readonly tcp: Below } {
  const { muxer } = node.getConnections()[0] as unknown as { muxer: { maConn: Layer & { stream: Below } } }
  return { noise: muxer.maConn, tcp: muxer.maConn.stream }
}

/** The stream of a protocol that another node has opened. */
export const receivedBy = (node: Libp2p, protocol: string) =>
  node.getConnections()[0]?.streams.find((stream) => stream.protocol === protocol) as Stream

/** A stream to another node, and what has come out there. */
export async function openStream({ keep }: Pick<ReturnType<typeof running>, 'keep'>, holdings: Holdings = createHoldings()) {
  const pieces: Uint8Array[] = []
  const node = async (seed: number, listen: string[]) =>
    keep(
      await startNode(
        { identity: identity(seed), listen, streamsPerConnectionMax: 4, writeBufferBytesMax: 16 * 1024 * 1024, holdings },
        {},
      ),
    )
  const there = await node(1, ['/ip4/127.0.0.1/tcp/0'])
  await there.handle(PROTOCOL, (stream) => {
    stream.addEventListener('message', ({ data }) => pieces.push(new Uint8Array(data.subarray())))
  })
  const here = await node(2, [])
  const stream = await here.dialProtocol(multiaddr(there.getMultiaddrs()[0]?.toString() as string), PROTOCOL)
  return { stream, there, came: () => Buffer.concat(pieces), bytes: () => pieces.reduce((sum, { length }) => sum + length, 0) }
}
