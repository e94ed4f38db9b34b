import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createHoldings } from './holdings.ts'
import { layersOf, openStream, receivedBy } from './lean.test-world.ts'
import { createNoiseReader, straighten, UNSENT_BYTES_MAX } from './lean-layers.ts'
import { running } from './running.test-world.ts'
import { turn } from './scripted.test-stream.ts'

const world = running()
afterEach(() => {
  vi.restoreAllMocks()
})

describe('the layers of a connection', () => {
  test('of a message one event is made: where it comes out', async () => {
    const { stream, bytes } = await openStream(world)
    stream.send(new Uint8Array(100))
    await expect.poll(bytes).toBe(100)
    await turn()
    const dispatch = vi.spyOn(EventTarget.prototype, 'dispatchEvent')
    stream.send(new Uint8Array(100))
    await expect.poll(bytes, { interval: 1 }).toBe(200)
    expect(dispatch.mock.calls.map(([{ type }]) => type)).toEqual(['message'])
  })

  /** Three messages as they come from the socket, in three parts of which the first two end within a message. */
  async function parts() {
    const { stream, there, came, bytes } = await openStream(world)
    const { tcp } = layersOf(there)
    stream.send(new Uint8Array(100))
    await expect.poll(bytes).toBe(100)
    const give = tcp.onData.bind(tcp)
    const chunks: Uint8Array[] = []
    tcp.onData = (chunk) => void chunks.push(chunk)
    const sent = Buffer.from(Array.from({ length: 3_000 }, (_, index) => index % 251))
    for (const start of [0, 1_000, 2_000]) stream.send(sent.subarray(start, start + 1_000))
    const all = (): Buffer => Buffer.concat(chunks)
    await expect.poll(() => all().length).toBeGreaterThan(sent.length)
    const [first, second, third] = [all().subarray(0, 1_500), all().subarray(1_500, 2_500), all().subarray(2_500)]
    const onMessage = (act: () => void): void => receivedBy(there, stream.protocol).addEventListener('message', act)
    return { tcp, give, first, second, third, onMessage, lengthCome: () => bytes() - 100, isWhole: () => came().subarray(100).equals(sent) }
  }

  test('what comes while a layer is not read comes out when it is, before what comes then', async () => {
    const { tcp, give, first, second, third, lengthCome, isWhole } = await parts()
    tcp.pause()
    give(first)
    expect(lengthCome()).toBe(0)
    tcp.resume()
    expect(lengthCome()).toBe(1_000)
    give(second)
    give(third)
    expect(isWhole()).toBe(true)
  })

  test('what waits to be read is not overtaken', async () => {
    const { tcp, give, first, second, third, isWhole } = await parts()
    tcp.push(first)
    give(second)
    give(third)
    expect(isWhole()).toBe(true)
  })

  test('what a layer below held while it was not read does not overtake what is being read', async () => {
    const { tcp, give, first, second, third, onMessage, isWhole } = await parts()
    tcp.pause()
    give(first)
    give(second)
    let isGiven = false
    onMessage(() => {
      if (!isGiven) give(third)
      isGiven = true
    })
    tcp.resume()
    expect(isWhole()).toBe(true)
  })

  test('G11: a layer that is stopped again by what it held is not read on', async () => {
    const { tcp, give, first, onMessage, lengthCome } = await parts()
    tcp.pause()
    give(first)
    onMessage(() => tcp.pause())
    tcp.resume()
    expect([lengthCome(), tcp.socket.isPaused()]).toEqual([1_000, true])
  })

  /** What a rename in the library would leave without a failure: each is `undefined` then, and read as no. */
  test('have all that is reached for', async () => {
    const { there } = await openStream(world)
    const { noise, tcp } = layersOf(there)
    const reached = ['readStatus', 'remoteWriteStatus', 'readBuffer', 'writeStatus', 'writeBuffer', 'sendingData', 'writableNeedsDrain']
    for (const layer of [noise, tcp]) expect(reached.filter((name) => !(name in layer))).toEqual([])
    expect(noise).toMatchObject({ readStatus: 'readable', remoteWriteStatus: 'writable', writeStatus: 'writable' })
  })

  test('G7: a peer that asks and never reads is let go when so many bytes of answers wait, what each takes beside its own among them; one that reads now and then is not', async () => {
    const { there } = await openStream(world)
    const { noise, tcp } = layersOf(there)
    const write = vi.spyOn(tcp.socket, 'write').mockReturnValue(false)
    const ask = (times: number): void => {
      for (let asked = 0; asked < times; asked += 1) noise.send(Uint8Array.of(0))
    }
    const unsentMax = Math.floor((UNSENT_BYTES_MAX + 1_024 * (there.getConnections()[0]?.streams.length ?? 0)) / 301)
    // The first is on its way.
    ask(unsentMax + 1)
    tcp.socket.emit('drain')
    await turn()
    ask(unsentMax)
    expect(noise.status).toBe('open')
    expect(() => ask(2)).toThrow()
    expect([noise.status, tcp.status]).toEqual(['aborted', 'aborted'])
    expect(write.mock.calls.length).toBeLessThan(10)
  })

  test('what a full socket does not take yet is sent when it does, in order', async () => {
    const { there } = await openStream(world)
    const { tcp } = layersOf(there)
    const write = vi.spyOn(tcp.socket, 'write').mockReturnValue(false)
    const written = (): number[] => write.mock.calls.map(([bytes]) => bytes[0] as number)
    expect([1, 2].map((byte) => tcp.send(Uint8Array.of(byte)))).toEqual([false, false])
    expect(written()).toEqual([1])
    write.mockReturnValue(true)
    tcp.socket.emit('drain')
    await turn()
    expect(written()).toEqual([1, 2])
    expect(tcp.send(Uint8Array.of(3))).toBe(true)
    expect(written()).toEqual([1, 2, 3])
  })

  test.each([
    ['what nobody has encrypted', 'tcp', Uint8Array.of(0, 20, ...new Uint8Array(20))],
    ['what is no frame', 'noise', new Uint8Array(12).fill(7)],
  ] as const)('%s ends the connection, and nothing else', async (_, name, broken) => {
    const { stream, there } = await openStream(world)
    const layers = layersOf(there)
    layers[name].onData(broken)
    expect([layers.noise.status, layers.tcp.status]).toEqual(['aborted', 'aborted'])
    await expect.poll(() => stream.status).not.toBe('open')
  })
})

/** Layers of which nobody is on the other side; `own` is what goes the library's own way from the lower one. */
function fakeLayers(held: Uint8Array, onCame: () => void = () => undefined) {
  const own: Uint8Array[] = []
  const came: string[] = []
  const layer = () => ({
    readStatus: 'readable',
    remoteWriteStatus: 'writable',
    writeBuffer: new Uint8Array(),
    addEventListener: () => undefined,
    readBuffer: Object.assign(new Uint8Array(), { append: () => undefined }),
    onData: (bytes: Uint8Array) => void own.push(bytes),
    send: () => true,
    sendResume: () => undefined,
    listenerCount: () => 0,
    safeDispatchEvent: () => true,
  })
  const below = layer()
  const decoder = { buffer: held, decode: () => [] }
  const muxer = {
    onData(bytes: { subarray(): Uint8Array }) {
      came.push(bytes.subarray().toHex())
      onCame()
    },
    abort: () => undefined,
    heldBytes: () => 0,
    streamCount: () => 0,
  }
  straighten({ ...layer(), stream: below, decoder, decrypt: (piece: Uint8Array) => piece }, muxer, createHoldings())
  return { below, own, came }
}

test('a piece of which a part has come before ends where it should', () => {
  const { below, came } = fakeLayers(Uint8Array.of(0))
  below.onData(Uint8Array.of(2, 7, 8))
  expect(came).toEqual(['0708'])
})

test('what comes in the middle of what came before it is taken after all of that', () => {
  const more = [Uint8Array.of(0, 1, 9), Uint8Array.of(0, 1, 10)]
  const { below, came } = fakeLayers(new Uint8Array(), () => {
    const next = more.shift()
    if (next !== undefined) below.onData(next)
  })
  below.onData(Uint8Array.of(0, 1, 7, 0, 1, 8))
  expect(came).toEqual(['07', '08', '09', '0a'])
})

test("what comes with the other side's end goes the library's own way, which ends after it", () => {
  const { below, own, came } = fakeLayers(new Uint8Array())
  below.remoteWriteStatus = 'closed'
  below.onData(Uint8Array.of(0, 1, 7))
  expect([own.length, came.length]).toEqual([1, 0])
})

describe('the reader of what was encrypted at once', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 })

  test('gives the same pieces wherever the stream is cut, and leaves out empty ones', () => {
    fc.assert(
      fc.property(pieces, fc.array(fc.nat({ max: 700 })), (sent, cuts) => {
        const stream = Buffer.concat(sent.flatMap((piece) => [Uint8Array.of(piece.length >> 8, piece.length & 255), piece]))
        const read = createNoiseReader()
        const found: Uint8Array[] = []
        let start = 0
        for (const length of [...cuts, stream.length]) {
          found.push(...read(stream.subarray(start, start + length)))
          start += length
        }
        expect(found.map((piece) => piece.toHex())).toEqual(sent.filter(({ length }) => length > 0).map((piece) => piece.toHex()))
      }),
    )
  })

  test('G11: what comes byte by byte is put together some at a time, so that no more of them are held', () => {
    const concat = vi.spyOn(Buffer, 'concat')
    const read = createNoiseReader()
    const stream = Uint8Array.of(0xff, 0xff, ...new Uint8Array(0xffff).fill(9))
    const found = Array.from(stream, (_, index) => read(stream.subarray(index, index + 1))).flat()
    expect(found.map(({ length }) => length)).toEqual([0xffff])
    expect(Math.max(...concat.mock.calls.map(([pieces]) => pieces.length))).toBeLessThanOrEqual(1_024)
    expect(concat.mock.calls.length).toBeLessThan(70)
  })
})
