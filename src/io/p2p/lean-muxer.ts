import { type YamuxMuxerInit, yamux } from '@chainsafe/libp2p-yamux'
import type { StreamMuxerFactory } from '@libp2p/interface'
import { addressOwner } from '#domain/address-block.ts'
import { createHoldings, type Holdings } from './holdings.ts'
import { type Bytes, inTurn, joinPieces, type Layer, type Pieces, stayPaused, straighten, tellWhoListens } from './lean-layers.ts'
import { HEADER_BYTES, openInTurn } from './opening-gate.ts'
import { NO_TURNS, type OpeningTurns } from './opening-turns.ts'
import { sourceOf } from './pace.ts'

/**
 * Yamux, without what it and the layers below it do for each message that need not be done, which with thousands of peers is most of what they do, and with
 * limits to what a peer may have them hold: the library has no settings for either. Reaches below its interfaces, as far as its pinned versions have what is looked for;
 * `lean-muxer.test.ts` sees that they do.
 */

/** `holdings`: where what peers make their connections hold is counted. `turns`: those of all who open streams on them. */
export function leanYamux(
  init: YamuxMuxerInit,
  holdings: Holdings = createHoldings(),
  turns: OpeningTurns = NO_TURNS,
): () => StreamMuxerFactory {
  return () => {
    const dialing = yamux(init)()
    // Who has dialed keeps the connection alive, as deployed peers do: to ask back would tell nothing more, and costs as much again.
    const accepting = yamux({ ...init, enableKeepAlive: false })()
    return {
      protocol: dialing.protocol,
      createStreamMuxer(connection) {
        const muxer = (connection.direction === 'inbound' ? accepting : dialing).createStreamMuxer(connection)
        const within = muxer as unknown as MuxerWithin
        boundFrames(within)
        takeFramesAtOnce(within)
        joinPieces(within.decoder.buffer)
        const early = holdLittleOfUnused(within)
        const fail = (failure: Error): void => {
          within.abort(failure)
          connection.abort(failure)
        }
        const waitingBytes = openInTurn(within, { turns, ...belowOf(connection), isGone: () => GONE.includes(connection.status), fail })
        straighten(
          connection,
          {
            onData: (bytes) => within.onData(bytes),
            abort: (failure) => within.abort(failure),
            heldBytes: () => within.decoder.buffer.byteLength + early.heldBytes() + waitingBytes(),
            streamCount: () => within.streams.length,
          },
          holdings,
        )
        makeStreamsLean(within)
        return muxer
      },
    }
  }
}

/** What a connection is that has ended, in the library's words. */
const GONE = ['closed', 'aborted', 'reset']

/** Who answers for the connection below the encrypted one, and how that is not read for a while. */
function belowOf(connection: object) {
  const { stream: below } = connection as {
    readonly stream?: Parameters<typeof sourceOf>[0] & { readonly remoteAddr?: { toString(): string } }
  }
  return {
    owner: addressOwner(below?.remoteAddr?.toString() ?? ''),
    source: below === undefined ? { stop: () => undefined, goOn: () => undefined } : sourceOf(below),
  }
}

/** `StreamState.Established` of the library. */
const ESTABLISHED = 3

interface StreamWithin extends Layer {
  readonly streamId: number
  readonly state: number
  /** None before the peers have agreed on one. */
  readonly protocol: string
  readonly status: string
  readonly recvWindow: number
  recvWindowCapacity: number
  sendWindowCapacity: number
  /** Bytes that go in one frame, once the peer has said so. */
  readonly maxMessageSize?: number
  sendWindowUpdate(): void
  onMuxerNeedsDrain(): void
  abort(failure: Error): void
}

interface MuxerWithin {
  onData(bytes: Bytes): void
  abort(failure: Error): void
  readonly maConn: { readonly writableNeedsDrain: boolean }
  readonly decoder: { readonly buffer: Pieces }
  readonly streams: readonly StreamWithin[]
  send(frame: Uint8Array): boolean
  _newStream(...how: unknown[]): StreamWithin
}

/** How a frame of data begins that says nothing else of its stream: version, type, flags. */
const DATA = 0
/** Of a stream that is new. */
const WINDOW_BYTES = 256 * 1024

/** The library looks at the length of a frame when it is whole, and would hold four gigabytes of one until then. Of whichever stream it is, none may be longer than the widest window there is now. */
function boundFrames(muxer: MuxerWithin): void {
  const onData = muxer.onData.bind(muxer)
  muxer.onData = (bytes) => {
    onData(bytes)
    holdAlone(muxer.decoder.buffer)
    const begun = muxer.decoder.buffer.byteLength - HEADER_BYTES
    if (begun > WINDOW_BYTES && muxer.streams.every(({ recvWindowCapacity }) => begun > recvWindowCapacity))
      throw new Error('a frame is longer than any stream may be sent')
  }
}

/**
 * Most of what comes is whole frames of data for streams that are there, of which the library makes lists, headers and lines of a log that nobody reads. Those go to
 * their streams at once; whatever comes behind one that is anything else goes the library's own way with it.
 */
function takeFramesAtOnce(muxer: MuxerWithin): void {
  const onData = muxer.onData.bind(muxer)
  muxer.onData = inTurn((bytes) => {
    if (muxer.decoder.buffer.byteLength > 0) return onData(bytes)
    const chunk = bytes.subarray()
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length)
    let start = 0
    while (chunk.length - start >= HEADER_BYTES) {
      const [id, length] = [view.getUint32(start + 4), view.getUint32(start + 8)]
      const end = start + HEADER_BYTES + length
      const stream =
        view.getUint32(start) === DATA && end <= chunk.length ? muxer.streams.find(({ streamId }) => streamId === id) : undefined
      if (stream === undefined || stream.recvWindowCapacity < length) break
      stream.recvWindowCapacity -= length
      stream.onData(chunk.subarray(start + HEADER_BYTES, end))
      stream.sendWindowUpdate()
      start = end
    }
    if (start < chunk.length) onData(chunk.subarray(start))
  })
}

/** As long as a part of them lives, all of the bytes that it was cut from do: a small part is kept by itself. */
function holdAlone(list: Pieces): void {
  const [first] = list.bufs
  if (first === undefined || first.buffer.byteLength <= 2 * list.byteLength) return
  const part = new Uint8Array(list.subarray())
  list.consume(part.length)
  list.append(part)
}

/**
 * The library holds what comes for a stream of which it is not agreed yet what it is for, four megabytes for each, though none needs more than the names of some protocols. That is
 * counted, and what is small is kept by itself: thousands of streams may wait for the rest of a name.
 */
function holdLittleOfUnused(muxer: MuxerWithin) {
  const early = new Map<StreamWithin, number>()
  const newStream = muxer._newStream.bind(muxer)
  muxer._newStream = (...how) => {
    const stream = newStream(...how)
    const onData = stream.onData.bind(stream)
    stream.onData = (bytes) => {
      if (stream.protocol !== '') return onData(bytes)
      const heldBytes = (early.get(stream) ?? 0) + bytes.byteLength
      early.set(stream, heldBytes)
      if (heldBytes > WINDOW_BYTES) stream.abort(new Error('too much was sent before a protocol was named'))
      else onData(new Uint8Array(bytes.subarray()))
    }
    return stream
  }
  return {
    heldBytes(): number {
      let sum = 0
      for (const [stream, bytes] of early) {
        if (stream.protocol !== '' || stream.status !== 'open') early.delete(stream)
        else sum += bytes
      }
      return sum
    },
  }
}

function makeStreamsLean(muxer: MuxerWithin): void {
  const newStream = muxer._newStream.bind(muxer)
  muxer._newStream = (...how) => {
    const stream = newStream(...how)
    tellWhoListens(stream)
    joinPieces(stream.readBuffer)
    stayPaused(stream)
    // It waits as the others do, which were told when the connection had no more room.
    if (muxer.maConn.writableNeedsDrain) stream.onMuxerNeedsDrain()
    updateLazily(stream)
    sendAtOnce(stream, muxer)
    return stream
  }
}

/** What a stream may still be sent is told when half of it is used up, as Go's Yamux does, and not after each frame. */
function updateLazily(stream: StreamWithin): void {
  const sendWindowUpdate = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    if (stream.state !== ESTABLISHED || stream.recvWindowCapacity <= stream.recvWindow / 2) sendWindowUpdate()
  }
}

/** What need not wait, and fits into one frame, is made one. */
function sendAtOnce(stream: StreamWithin, muxer: MuxerWithin): void {
  const send = stream.send.bind(stream)
  stream.send = (bytes) => {
    const length = bytes.byteLength
    const isWaiting = stream.writableNeedsDrain || stream.sendingData || stream.writeBuffer.byteLength > 0
    const lengthMax = Math.min(stream.sendWindowCapacity, stream.maxMessageSize ?? stream.sendWindowCapacity)
    if (isWaiting || stream.state !== ESTABLISHED || stream.writeStatus !== 'writable' || length === 0 || length > lengthMax)
      return send(bytes)
    const frame = new Uint8Array(HEADER_BYTES + length)
    const view = new DataView(frame.buffer)
    view.setUint32(0, DATA)
    view.setUint32(4, stream.streamId)
    view.setUint32(8, length)
    frame.set(bytes.subarray(), HEADER_BYTES)
    stream.sendWindowCapacity -= length
    try {
      const canSendMore = muxer.send(frame)
      if (!canSendMore) stream.writableNeedsDrain = true
      return canSendMore
    } catch (failure) {
      stream.abort(failure as Error)
      throw failure
    }
  }
}
