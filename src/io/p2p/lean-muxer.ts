import { type YamuxMuxerInit, yamux } from '@chainsafe/libp2p-yamux'
import type { MessageStream, StreamMuxerFactory } from '@libp2p/interface'

/**
 * Yamux, without what it and TCP do for each message that need not be done, which with thousands of peers is most of what they do: the library has no settings for
 * it. Reaches below its interfaces, as far as its pinned versions have what is looked for; `lean-muxer.test.ts` sees that they do.
 */

export function leanYamux(init: YamuxMuxerInit): () => StreamMuxerFactory {
  return () => {
    const dialing = yamux(init)()
    // Who has dialed keeps the connection alive, as deployed peers do: to ask back would tell nothing more, and costs as much again.
    const accepting = yamux({ ...init, enableKeepAlive: false })()
    return {
      protocol: dialing.protocol,
      createStreamMuxer(connection) {
        writeAtOnce(connection as Below)
        const muxer = (connection.direction === 'inbound' ? accepting : dialing).createStreamMuxer(connection)
        updateLazily(muxer as unknown as MuxerWithin)
        return muxer
      },
    }
  }
}

/** What a connection hands to the one below it, in one piece or several. */
interface Bytes {
  readonly byteLength: number
  subarray(): Uint8Array
}

/** A connection as Noise makes it, and the one of TCP that it lies on, where it lies on one. */
interface Below extends MessageStream {
  readonly stream?: {
    readonly socket?: { write(bytes: Uint8Array): boolean }
    sendData(bytes: Bytes): { readonly sentBytes: number; readonly canSendMore: boolean }
  }
}

/** One system call, and one packet, for each frame: Noise gives its length and its content apart, and each would be a `write` of its own. */
function writeAtOnce({ stream }: Below): void {
  const socket = stream?.socket
  if (stream === undefined || socket === undefined) return
  stream.sendData = (bytes) => ({ sentBytes: bytes.byteLength, canSendMore: socket.write(bytes.subarray()) })
}

/** `StreamState.Established` of the library. */
const ESTABLISHED = 3

interface StreamWithin {
  readonly state: number
  readonly recvWindow: number
  readonly recvWindowCapacity: number
  sendWindowUpdate(): void
}

interface MuxerWithin {
  _newStream(...how: unknown[]): StreamWithin
}

/** What a stream may still be sent is told when half of it is used up, as Go's Yamux does, and not after each frame. */
function updateLazily(muxer: MuxerWithin): void {
  const newStream = muxer._newStream.bind(muxer)
  muxer._newStream = (...how) => {
    const stream = newStream(...how)
    const sendWindowUpdate = stream.sendWindowUpdate.bind(stream)
    stream.sendWindowUpdate = () => {
      if (stream.state !== ESTABLISHED || stream.recvWindowCapacity <= stream.recvWindow / 2) sendWindowUpdate()
    }
    return stream
  }
}
