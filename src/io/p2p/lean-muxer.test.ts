import { Socket } from 'node:net'
import type { MessageStream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, expect, test, vi } from 'vitest'
import { leanYamux } from './lean-muxer.ts'
import { startNode } from './libp2p.ts'
import { running } from './running.test-world.ts'
import { turn } from './scripted.test-stream.ts'
import { identity } from './suite.ts'

const { keep } = running()
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const PROTOCOL = '/test/1.0.0'

/** A stream to another node, and how many bytes have come out there. */
async function open() {
  let bytes = 0
  const node = async (seed: number, listen: string[]) =>
    keep(await startNode({ identity: identity(seed), listen, streamsPerConnectionMax: 4, writeBufferBytesMax: 16 * 1024 * 1024 }, {}))
  const there = await node(1, ['/ip4/127.0.0.1/tcp/0'])
  await there.handle(PROTOCOL, (stream) => {
    stream.addEventListener('message', ({ data }) => {
      bytes += data.byteLength
    })
  })
  const here = await node(2, [])
  const stream = await here.dialProtocol(multiaddr(there.getMultiaddrs()[0]?.toString() as string), PROTOCOL)
  return { stream, come: () => bytes }
}

test('a message is one write, of whoever sends it, and nothing comes back for it', async () => {
  const { stream, come } = await open()
  // What is said once about a stream that is new has been said.
  stream.send(new Uint8Array(100))
  await expect.poll(come).toBe(100)
  await turn()
  const writes = vi.spyOn(Socket.prototype, 'write')
  for (let sent = 1; sent <= 20; sent += 1) {
    stream.send(new Uint8Array(100))
    await expect.poll(come, { interval: 1 }).toBe(100 * (sent + 1))
  }
  expect(writes).toHaveBeenCalledTimes(20)
})

test('far more than a window goes through, in both halves of it', async () => {
  const { stream, come } = await open()
  const piece = new Uint8Array(100_001)
  for (let sent = 0; sent < 30; sent += 1) stream.send(piece)
  await expect.poll(come, { timeout: 10_000 }).toBe(30 * piece.length)
})

test.each([
  ['inbound', 0],
  ['outbound', 1],
])('of an idle connection that is %s so many pings are sent: %i', async (direction, count) => {
  vi.useFakeTimers()
  let sent = 0
  const log = Object.assign(() => undefined, { trace: () => undefined, error: () => undefined, newScope: () => log })
  const connection = {
    direction,
    log,
    addEventListener: () => undefined,
    send() {
      sent += 1
      return true
    },
  }
  leanYamux({ keepAliveInterval: 1_000 })().createStreamMuxer(connection as unknown as MessageStream)
  await vi.advanceTimersByTimeAsync(10_000)
  // The first is not answered here, and no other follows it.
  expect(sent).toBe(count)
})
