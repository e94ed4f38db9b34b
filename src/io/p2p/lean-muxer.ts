import { type YamuxMuxerInit, yamux } from '@chainsafe/libp2p-yamux'
import type { StreamMuxerFactory } from '@libp2p/interface'
import { joinPieces, type Muxer, type Pieces, straighten, type Told, tellWhoListens } from './lean-layers.ts'

/**
 * Yamux, without what it and the layers below it do for each message that need not be done, which with thousands of peers is most of what they do, and with
 * limits to what a peer may have them hold: the library has no settings for either. Reaches below its interfaces, as far as its pinned versions have what is looked for;
 * `lean-muxer.test.ts` sees that they do.
 */

export function leanYamux(init: YamuxMuxerInit): () => StreamMuxerFactory {
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
        joinPieces(within.decoder.buffer)
        straighten(connection, within)
        updateLazily(within)
        return muxer
      },
    }
  }
}

/** `StreamState.Established` of the library. */
const ESTABLISHED = 3

interface StreamWithin extends Told {
  readonly state: number
  readonly recvWindow: number
  readonly recvWindowCapacity: number
  readonly readBuffer: Pieces
  sendWindowUpdate(): void
}

interface MuxerWithin extends Muxer {
  readonly decoder: { readonly buffer: Pieces }
  readonly streams: readonly StreamWithin[]
  _newStream(...how: unknown[]): StreamWithin
}

const HEADER_BYTES = 12
/** Of a stream that is new. */
const WINDOW_BYTES = 256 * 1024

/** The library looks at the length of a frame when it is whole, and would hold four gigabytes of one until then. Of whichever stream it is, none may be longer than the widest window there is now. */
function boundFrames(muxer: MuxerWithin): void {
  const onData = muxer.onData.bind(muxer)
  muxer.onData = (bytes) => {
    onData(bytes)
    const begun = muxer.decoder.buffer.byteLength - HEADER_BYTES
    if (begun > WINDOW_BYTES && muxer.streams.every(({ recvWindowCapacity }) => begun > recvWindowCapacity))
      throw new Error('a frame is longer than any stream may be sent')
  }
}

/** What a stream may still be sent is told when half of it is used up, as Go's Yamux does, and not after each frame. */
function updateLazily(muxer: MuxerWithin): void {
  const newStream = muxer._newStream.bind(muxer)
  muxer._newStream = (...how) => {
    const stream = newStream(...how)
    tellWhoListens(stream)
    joinPieces(stream.readBuffer)
    const sendWindowUpdate = stream.sendWindowUpdate.bind(stream)
    stream.sendWindowUpdate = () => {
      if (stream.state !== ESTABLISHED || stream.recvWindowCapacity <= stream.recvWindow / 2) sendWindowUpdate()
    }
    return stream
  }
}
