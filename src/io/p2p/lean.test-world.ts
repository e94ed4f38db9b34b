import { multiaddr } from '@multiformats/multiaddr'
import { startNode } from './libp2p.ts'
import type { running } from './running.test-world.ts'
import { identity } from './suite.ts'

const PROTOCOL = '/test/1.0.0'

/** A stream to another node, and what has come out there. */
export async function openStream({ keep }: Pick<ReturnType<typeof running>, 'keep'>) {
  const pieces: Uint8Array[] = []
  const node = async (seed: number, listen: string[]) =>
    keep(await startNode({ identity: identity(seed), listen, streamsPerConnectionMax: 4, writeBufferBytesMax: 16 * 1024 * 1024 }, {}))
  const there = await node(1, ['/ip4/127.0.0.1/tcp/0'])
  await there.handle(PROTOCOL, (stream) => {
    stream.addEventListener('message', ({ data }) => pieces.push(new Uint8Array(data.subarray())))
  })
  const here = await node(2, [])
  const stream = await here.dialProtocol(multiaddr(there.getMultiaddrs()[0]?.toString() as string), PROTOCOL)
  return { stream, there, came: () => Buffer.concat(pieces), bytes: () => pieces.reduce((sum, { length }) => sum + length, 0) }
}
