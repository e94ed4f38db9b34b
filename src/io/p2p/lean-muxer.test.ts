import { Socket } from 'node:net'
import type { Libp2p, MessageStream } from '@libp2p/interface'
import { afterEach, expect, test, vi } from 'vitest'
import { createHoldings } from './holdings.ts'
import { layersOf, openStream, receivedBy } from './lean.test-world.ts'
import type { Pieces } from './lean-layers.ts'
import { leanYamux } from './lean-muxer.ts'
import { running } from './running.test-world.ts'
import { turn } from './scripted.test-stream.ts'

const world = running()
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

test('a message is one write, of whoever sends it, and nothing comes back for it', async () => {
  const { stream, bytes } = await openStream(world)
  // What is said once about a stream that is new has been said.
  stream.send(new Uint8Array(100))
  await expect.poll(bytes).toBe(100)
  await turn()
  const writes = vi.spyOn(Socket.prototype, 'write')
  for (let sent = 1; sent <= 20; sent += 1) {
    stream.send(new Uint8Array(100))
    await expect.poll(bytes, { interval: 1 }).toBe(100 * (sent + 1))
  }
  expect(writes).toHaveBeenCalledTimes(20)
})

test('far more than a window goes through, in both halves of it', async () => {
  const { stream, bytes } = await openStream(world)
  const piece = new Uint8Array(100_001)
  for (let sent = 0; sent < 30; sent += 1) stream.send(piece)
  await expect.poll(bytes, { timeout: 10_000 }).toBe(30 * piece.length)
})

test('G7: a frame that says that it is longer than its stream may be sent ends the connection before it has come', async () => {
  const { there, stream } = await openStream(world)
  const { noise } = layersOf(there)
  const DATA = [0, 0]
  noise.onData(Uint8Array.of(...DATA, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff))
  let taken = 0
  for (const chunk = new Uint8Array(64 * 1024); noise.status === 'open' && taken < 20; taken += 1) noise.onData(chunk)
  expect([noise.status, taken]).toEqual(['aborted', 5])
  await expect.poll(() => stream.status).not.toBe('open')
})

const frame = (id: number, bytes: Uint8Array): Buffer => {
  const header = Buffer.alloc(12)
  header.writeUInt32BE(id, 4)
  header.writeUInt32BE(bytes.length, 8)
  return Buffer.concat([header, bytes])
}

test('frames that come together, cut anywhere, some for nobody, reach their stream in their order', async () => {
  const { there, stream, came, bytes } = await openStream(world)
  stream.send(new Uint8Array(1))
  await expect.poll(bytes).toBe(1)
  const id = Number(receivedBy(there, stream.protocol).id)
  const sent = Array.from({ length: 40 }, (_, index) => new Uint8Array(index % 7 === 0 ? 0 : 50 + index).fill(index))
  const all = Buffer.concat(sent.flatMap((piece, index) => [frame(id, piece), ...(index % 5 === 0 ? [frame(9_999, piece)] : [])]))
  const { noise } = layersOf(there)
  for (let from = 0, length = 1; from < all.length; from += length, length = (length * 7) % 401)
    noise.onData(all.subarray(from, from + length))
  expect(came().subarray(1).equals(Buffer.concat(sent))).toBe(true)
})

test('what is sent while the socket is full, and what is sent after that, goes out in its order', async () => {
  const { there, stream, bytes } = await openStream(world)
  stream.send(new Uint8Array(1))
  await expect.poll(bytes).toBe(1)
  const answering = receivedBy(there, stream.protocol)
  const came: Uint8Array[] = []
  stream.addEventListener('message', ({ data }) => came.push(new Uint8Array(data.subarray())))
  const { socket } = layersOf(there).tcp
  const writes = vi.spyOn(socket, 'write').mockImplementation((piece) => {
    Socket.prototype.write.call(socket, piece)
    return false
  })
  // The second is more than the stream may be sent at once.
  const pieces = [10, 300_000, 10].map((length, index) => new Uint8Array(length).fill(index))
  expect(pieces.map((piece) => answering.send(piece))).toEqual([false, false, false])
  writes.mockRestore()
  socket.emit('drain')
  await expect.poll(() => Buffer.concat(came).equals(Buffer.concat(pieces))).toBe(true)
})

test('G7: one who sends more than the window of a stream that is not read has no connection any more', async () => {
  const { there, stream, bytes } = await openStream(world)
  stream.send(new Uint8Array(1))
  await expect.poll(bytes).toBe(1)
  const received = receivedBy(there, stream.protocol)
  received.pause()
  const { noise } = layersOf(there)
  let taken = 0
  for (const piece = frame(Number(received.id), new Uint8Array(64 * 1024)); noise.status === 'open' && taken < 20; taken += 1)
    noise.onData(piece)
  expect([noise.status, taken]).toEqual(['aborted', 4])
})

test('G11: nor has one that goes on sending to a stream that what it held has stopped again', async () => {
  const { there, stream, bytes } = await openStream(world)
  stream.send(new Uint8Array(1))
  await expect.poll(bytes).toBe(1)
  const received = receivedBy(there, stream.protocol)
  const { noise } = layersOf(there)
  const piece = frame(Number(received.id), new Uint8Array(64 * 1024))
  received.pause()
  noise.onData(piece)
  received.addEventListener('message', () => received.pause())
  received.resume()
  expect(bytes()).toBe(1 + 64 * 1024)
  let taken = 1
  for (; noise.status === 'open' && taken < 20; taken += 1) noise.onData(piece)
  expect([noise.status, taken]).toEqual(['aborted', 4])
})

/** What the parts of a node have that take in what has come, until it is read. */
function listsOf(node: Libp2p) {
  const { muxer } = node.getConnections()[0] as unknown as { muxer: { decoder: { buffer: Pieces }; streams: { readBuffer: Pieces }[] } }
  return { frame: muxer.decoder.buffer, streams: muxer.streams.map(({ readBuffer }) => readBuffer) }
}

test('G7: a frame that comes byte by byte, and frames of a byte for a stream that is not read, are held in few pieces, and lose nothing', async () => {
  const { there, stream, came, bytes } = await openStream(world)
  stream.send(new Uint8Array(1))
  await expect.poll(bytes).toBe(1)
  const { noise } = layersOf(there)
  const { frame: begun, streams } = listsOf(there)
  const received = receivedBy(there, stream.protocol)
  received.pause()
  const id = Number(received.id)
  const sent = Uint8Array.from({ length: 6_000 }, (_, index) => index % 251)
  for (const byte of sent.subarray(0, 3_000)) noise.onData(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, id, 0, 0, 0, 1, byte))
  expect(Math.max(...streams.map(({ bufs }) => bufs.length))).toBeLessThan(1_024)
  const header = [0, 0, 0, 0, 0, 0, 0, id, 0, 0, 0x0b, 0xb8]
  for (const byte of [...header, ...sent.subarray(3_000)]) {
    noise.onData(Uint8Array.of(byte))
    expect(begun.bufs.length).toBeLessThan(1_024)
  }
  received.resume()
  expect(came().subarray(1).equals(sent)).toBe(true)
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

/** A node that lets connections of strangers hold so much, one of its connections, and how a muxer is told of a stream. */
async function small(strangerBytesMax: number) {
  const gaveUp: string[] = []
  const holdings = createHoldings({ strangerBytesMax, knownBytesMax: 0 })
  const { there, stream, bytes } = await openStream(world, {
    open: (owner, giveUp) =>
      holdings.open(owner, () => {
        gaveUp.push(owner)
        giveUp()
      }),
  })
  stream.send(new Uint8Array(1))
  await expect.poll(bytes).toBe(1)
  return { ...layersOf(there), there, stream, gaveUp }
}

const frameOf = (streamId: number, bytes: Uint8Array, length = bytes.length): Uint8Array =>
  Uint8Array.of(0, 0, 0, streamId === 1 ? 0 : 1, 0, 0, 0, streamId, 0, length >> 16, (length >> 8) & 255, length & 255, ...bytes)

test('G7, G11: a frame that is not whole counts among what strangers make us hold, and ends its connection where there is no room', async () => {
  const { noise, tcp, gaveUp } = await small(100_000)
  const begun = frameOf(99, new Uint8Array(50_000), 200_000)
  tcp.onData(Uint8Array.of(0x10, 0, ...new Uint8Array(10)))
  noise.onData(begun)
  tcp.onData(new Uint8Array(1))
  expect([noise.status, gaveUp]).toEqual(['open', []])
  noise.onData(new Uint8Array(50_000))
  tcp.onData(new Uint8Array(1))
  expect([noise.status, tcp.status, gaveUp]).toEqual(['aborted', 'aborted', ['127.0.0.1']])
})

test('G7: what comes for a stream before its protocol is named counts too, and is no more than a window', async () => {
  const { there, noise } = await small(1_000_000)
  const nameWithoutEnd = Uint8Array.of(0x80, 0x04, ...new Uint8Array(60_000))
  noise.onData(frameOf(33, nameWithoutEnd.subarray(0, 100)))
  const muxer = (
    there.getConnections()[0] as unknown as { muxer: { streams: { id: string; status: string; onData(b: Uint8Array): void }[] } }
  ).muxer
  const early = muxer.streams.find(({ id }) => id === '33')
  for (let sent = 0; sent < 5 && early?.status === 'open'; sent += 1) early.onData(nameWithoutEnd)
  expect(early?.status).toBe('aborted')
})

test('G7: what is unsent counts while the peer does not read, and no more when it does', async () => {
  const { noise, tcp, gaveUp } = await small(40_000)
  const write = vi.spyOn(tcp.socket, 'write').mockReturnValue(false)
  for (let asked = 0; asked < 100; asked += 1) noise.send(Uint8Array.of(0))
  write.mockReturnValue(true)
  tcp.socket.emit('drain')
  await turn()
  write.mockReturnValue(false)
  for (let asked = 0; asked < 100; asked += 1) noise.send(Uint8Array.of(0))
  expect(gaveUp).toEqual([])
  expect(() => {
    for (let asked = 0; asked < 100; asked += 1) noise.send(Uint8Array.of(0))
  }).toThrow()
  expect(gaveUp).toEqual(['127.0.0.1'])
})
