import { circuitRelayTransport, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { COLLECT_PROTOCOL } from '#wire/collect-frame.ts'
import { SUBMIT_PROTOCOL } from '#wire/submit-frame.ts'
import { createCollectLink } from './collect-link.ts'
import { linkFailed, startNode } from './libp2p.ts'
import type { SubmissionDialer, SubmissionLink } from './port.ts'
import { createSubmitLink } from './submit-link.ts'

/** A dialer holds a link or two, each with one stream, or a few dozen towards a `/collect` peer. */
const STREAMS_PER_CONNECTION_MAX = 1_000
/** Deliveries written and not yet sent; the forwarding role bounds how many are in flight. */
const WRITE_BUFFER_BYTES_MAX = 64 * 1024 * 1024

export interface CollectorDialer extends SubmissionDialer {
  readonly peerId: string
  stop(): Promise<void>
}

/** The collector's side of libp2p. `identity`: 32-byte Ed25519 seed; kept, so that a sequencer knows this peer again. */
export async function createSubmissionDialer(options: { readonly identity: Uint8Array }): Promise<CollectorDialer> {
  const node = await startNode<Record<string, unknown>>(
    {
      identity: options.identity,
      listen: [],
      streamsPerConnectionMax: STREAMS_PER_CONNECTION_MAX,
      writeBufferBytesMax: WRITE_BUFFER_BYTES_MAX,
      transports: [circuitRelayTransport() as never],
    },
    {},
  )

  // It dials through relays and is never reached through one; the transport would take circuits from anybody.
  await node.unhandle(RELAY_V2_STOP_CODEC)

  async function open(address: string, signal: AbortSignal): Promise<{ readonly connection: Connection; readonly stream: Stream }> {
    // A connection of its own: one that is already there may be dead without anybody having noticed.
    const connection = await node.dial(multiaddr(address), { signal, force: true })
    try {
      const stream = await connection.newStream([SUBMIT_PROTOCOL, COLLECT_PROTOCOL], { signal, runOnLimitedConnection: true })
      return { connection, stream }
    } catch (cause) {
      connection.abort(linkFailed(address, cause))
      throw cause
    }
  }

  return {
    peerId: node.peerId.toString(),
    async dial(address, signal): Promise<SubmissionLink> {
      try {
        const { connection, stream } = await open(address, signal)
        const link = stream.protocol === SUBMIT_PROTOCOL ? createSubmitLink : createCollectLink
        return link({ address, connection, stream })
      } catch (cause) {
        throw linkFailed(address, cause)
      }
    },
    stop: async () => node.stop(),
  }
}
