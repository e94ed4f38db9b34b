import type { Connection, Libp2p } from '@libp2p/interface'

/**
 * `/weft/leaving/1.0.0`: a stream of it says that whoever opens it is about to stop; nothing goes over it. Deployed peers do not know it, and
 * find out when the connection ends.
 */
const LEAVING_PROTOCOL = '/weft/leaving/1.0.0'

/** A stream on a connection that is there. */
const TELL_MS_MAX = 2_000

/** Resolves when each has heard it, or cannot. */
export async function tellLeaving(connections: readonly Connection[]): Promise<void> {
  const signal = AbortSignal.timeout(TELL_MS_MAX)
  const telling = connections.map(async (connection) => {
    const stream = await connection.newStream(LEAVING_PROTOCOL, { signal })
    await stream.close({ signal })
  })
  await Promise.allSettled(telling)
}

/** Of the peers that this one has dialed. */
export interface Leavers {
  /** Resolves when the peer says that it leaves; at once when it has said so and its connection lives. */
  heard(peerId: string): Promise<void>
}

export async function hearLeavers(node: Libp2p): Promise<Leavers> {
  const leavers = new Map<string, PromiseWithResolvers<void>>()
  function of(peerId: string): PromiseWithResolvers<void> {
    const leaver = leavers.get(peerId) ?? Promise.withResolvers<void>()
    leavers.set(peerId, leaver)
    return leaver
  }
  await node.handle(
    LEAVING_PROTOCOL,
    (stream, { remotePeer }) => {
      leavers.get(remotePeer.toString())?.resolve()
      stream.abort(new Error('heard'))
    },
    { maxInboundStreams: 1 },
  )
  // It may come back under the same name, and then stays.
  node.addEventListener('peer:disconnect', ({ detail: peerId }) => void leavers.delete(peerId.toString()))
  return { heard: (peerId) => of(peerId).promise }
}
