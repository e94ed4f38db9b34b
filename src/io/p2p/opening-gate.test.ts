import type { Connection, StreamMuxer } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test, vi } from 'vitest'
import { startNode } from './libp2p.ts'
import { openInTurn } from './opening-gate.ts'
import { createOpeningTurns } from './opening-turns.ts'
import { running } from './running.test-world.ts'
import { identity } from './suite.ts'

const { keep } = running()

const [DATA, WINDOW_UPDATE] = [0, 1]
const [SYN, RST] = [1, 8]

function frame(type: number, flags: number, id: number, body = 0): Buffer {
  const bytes = Buffer.alloc(12 + body, id)
  bytes.fill(0, 0, 12)
  bytes[1] = type
  bytes.writeUInt16BE(flags, 2)
  bytes.writeUInt32BE(id, 4)
  bytes.writeUInt32BE(body, 8)
  return bytes
}

/** A muxer with one stream that is in use, and one that is not yet. */
function open() {
  const runs: (() => void)[] = []
  const source = { stop: vi.fn(), goOn: vi.fn() }
  const came: Uint8Array[] = []
  const failures: Error[] = []
  const muxer = {
    isGone: false,
    streams: [
      { streamId: 1, protocol: '/collect' },
      { streamId: 3, protocol: '' },
    ],
    failsWith: undefined as Error | undefined,
    onData(bytes: { subarray(): Uint8Array }) {
      if (muxer.failsWith !== undefined) throw muxer.failsWith
      came.push(new Uint8Array(bytes.subarray()))
    },
  }
  const turns = createOpeningTurns(1, (run) => void runs.push(run))
  const fail = (failure: Error) => void failures.push(failure)
  const heldBytes = openInTurn(muxer, { turns, owner: 'there', source, isGone: () => muxer.isGone, fail })
  return {
    muxer,
    source,
    failures,
    heldBytes,
    give: (...chunks: Uint8Array[]) => muxer.onData(Buffer.concat(chunks)),
    /** What came since. */
    came: () => Buffer.concat(came.splice(0)).toString('hex'),
    turn() {
      for (const run of runs.splice(0)) run()
    },
  }
}

const hex = (...frames: Buffer[]): string => Buffer.concat(frames).toString('hex')
const used = frame(DATA, 0, 1, 20)

test('G11: frames that open a stream have their turn, and what is behind them waits with them; meanwhile the connection is not read', () => {
  const { give, came, turn, source, heldBytes } = open()
  const [first, second, third] = [5, 7, 9].map((id) => frame(WINDOW_UPDATE, SYN, id)) as [Buffer, Buffer, Buffer]
  give(used, first, used, second, used, third)
  expect([came(), source.stop.mock.calls.length]).toEqual([hex(used, first, used), 1])
  give(used)
  expect([came(), heldBytes() > 0]).toEqual(['', true])
  turn()
  expect([came(), source.goOn.mock.calls.length]).toEqual([hex(second, used), 0])
  turn()
  expect([came(), source.goOn.mock.calls.length, heldBytes()]).toEqual([hex(third, used), 1, 0])
})

test('G11: so do those for a stream of which nobody knows yet what it is for, and for one that there is not', () => {
  const { give, came, turn } = open()
  const [unused, gone] = [frame(DATA, 0, 3, 5), frame(DATA, 0, 11, 5)]
  give(unused, unused, gone, used)
  expect(came()).toBe(hex(unused))
  turn()
  expect(came()).toBe(hex(unused))
  turn()
  expect(came()).toBe(hex(gone, used))
})

test('all else goes at once: data for streams in use, and what is said of any', () => {
  const { give, came, source } = open()
  const all = [used, frame(WINDOW_UPDATE, 0, 3), frame(DATA, 0, 1), frame(WINDOW_UPDATE, RST, 3), frame(2, 0, 0), used]
  give(...all)
  expect([came(), source.stop.mock.calls.length]).toEqual([hex(...all), 0])
})

test('however it is cut: a header is looked at when it is whole, and what looks like one in the midst of data is none', () => {
  const opening = frame(WINDOW_UPDATE, SYN, 5)
  const all = Buffer.concat([
    Buffer.concat([frame(DATA, 0, 1, 36).subarray(0, 12), opening, opening, opening]),
    opening,
    used,
    opening,
    used,
  ])
  for (let size = 1; size < all.length; size += 1) {
    const { give, came, turn } = open()
    let seen = ''
    for (let at = 0; at < all.length; at += size) {
      give(all.subarray(at, at + size))
      seen += came()
    }
    const behind = Buffer.concat([opening, used]).toString('hex')
    expect(all.toString('hex')).toBe(seen + behind)
    turn()
    expect(came()).toBe(behind)
  }
})

test('of a connection that is gone nothing more comes', () => {
  const { muxer, give, came, turn, heldBytes } = open()
  const opening = frame(WINDOW_UPDATE, SYN, 5)
  give(opening, opening, used)
  came()
  muxer.isGone = true
  turn()
  expect([came(), heldBytes()]).toEqual(['', 0])
})

test('what cannot be taken ends the connection, also when it has waited', () => {
  const { muxer, give, turn, failures } = open()
  const opening = frame(WINDOW_UPDATE, SYN, 5)
  give(opening, opening)
  muxer.failsWith = new Error('broken')
  turn()
  expect(failures.map(({ message }) => message)).toEqual(['broken'])
  expect(() => give(used)).toThrow('broken')
})

test('G11: of a peer that opens hundreds of streams at once a node takes a few in each turn of its event loop, and all of them in the end', async () => {
  const node = async (seed: number, listen: string[]) =>
    keep(await startNode({ identity: identity(seed), listen, streamsPerConnectionMax: 300, writeBufferBytesMax: 1_000_000 }, {}))
  const there = await node(1, ['/ip4/127.0.0.1/tcp/0'])
  const here = await node(2, [])
  const { muxer } = (await here.dial(multiaddr(there.getMultiaddrs()[0]?.toString() as string))) as Connection & { muxer: StreamMuxer }
  const opened = (): number => there.getConnections()[0]?.streams.length ?? 0
  await expect.poll(opened).toBe(0)
  for (let count = 0; count < 200; count += 1) void muxer.createStream()
  const more: number[] = []
  for (let before = 0; before < 200; before = opened()) {
    await new Promise(setImmediate)
    more.push(opened() - before)
  }
  // What is left of one turn, and the next.
  expect(Math.max(...more)).toBeLessThanOrEqual(16)
})
