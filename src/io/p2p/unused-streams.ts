import type { Stream, StreamMuxerFactory } from '@libp2p/interface'

/**
 * Streams that a peer has opened and not yet written to. Deployed collectors keep pools of them for as long as they like (spec/02 §3), so they
 * are bounded by number, not by time: libp2p alone would reset each after ten seconds, under the feet of whoever is about to use it.
 */

export interface UnusedStreamLimits {
  /** Beyond it the connection's next ones are reset. */
  readonly perConnectionMax: number
  /** Of all connections together; beyond it the one that has been unused for longest is reset. */
  readonly totalMax: number
}

export const UNUSED_STREAM_LIMITS: UnusedStreamLimits = {
  // Pools of deployed collectors hold 100 streams, and one is filled while another empties.
  perConnectionMax: 256,
  // A thousand such pools; an unused stream takes some ten KiB.
  totalMax: 100_000,
}

/** What libp2p calls the time for negotiating a stream's protocol, which begins when the stream is opened and not with its first byte. */
export const UNUSED_STREAM_TIMEOUT_MS = 24 * 60 * 60_000

type Factory<Components> = (components: Components) => StreamMuxerFactory

/** The same muxer, with bounds on the unused streams that others open on it. */
export function boundUnusedStreams<Components>(
  create: Factory<Components>,
  limits: UnusedStreamLimits = UNUSED_STREAM_LIMITS,
): Factory<Components> {
  const unused = createUnused(limits.totalMax)
  return (components) => {
    const factory = create(components)
    return {
      ...factory,
      protocol: factory.protocol,
      createStreamMuxer(connection) {
        const muxer = factory.createStreamMuxer(connection)
        const own = createUnused(limits.perConnectionMax)
        function isTaken(stream: Stream): boolean {
          if (own.isFull()) {
            stream.abort(tooMany())
            return false
          }
          unused.makeRoom()
          own.add(stream)
          unused.add(stream)
          // Else the sets would hold what is gone until they are full, each with all that served it.
          stream.addEventListener('close', () => {
            own.remove(stream)
            unused.remove(stream)
          })
          return true
        }
        // A listener of our own would be the first, and get the streams that the muxer keeps back until the connection listens.
        const listen = muxer.addEventListener.bind(muxer) as (type: string, listener: Listener, options?: unknown) => void
        muxer.addEventListener = ((type: string, listener: Listener, options?: unknown) => {
          if (type !== 'stream') return listen(type, listener, options)
          listen(type, (event) => isTaken(event.detail) && listener(event), options)
        }) as typeof muxer.addEventListener
        return muxer
      },
    }
  }
}

type Listener = (event: CustomEvent<Stream>) => void

const tooMany = (): Error => new Error('too many streams are open and unused')

/** A stream has no protocol before its first message was read. */
const isUnused = (stream: Stream): boolean => stream.protocol === '' && stream.status === 'open'

/** Nothing tells when a stream is used for the first time, so those that were are found when room is needed. */
function createUnused(max: number) {
  const streams = new Set<Stream>()
  function isFull(): boolean {
    if (streams.size < max) return false
    for (const stream of streams) if (!isUnused(stream)) streams.delete(stream)
    return streams.size >= max
  }
  return {
    isFull,
    add: (stream: Stream) => void streams.add(stream),
    remove: (stream: Stream) => void streams.delete(stream),
    makeRoom(): void {
      if (!isFull()) return
      const [oldest] = streams
      if (oldest === undefined) return
      streams.delete(oldest)
      oldest.abort(tooMany())
    },
  }
}
