import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { SubmissionListener } from '#io/intake/port.ts'
import { COLLECT_PROTOCOL } from '#wire/collect-frame.ts'
import { SUBMIT_PROTOCOL } from '#wire/submit-frame.ts'
import { createInbox, INBOX_LIMITS, type InboxLimits, type RefusalCounts } from './inbox.ts'
import { startNode } from './libp2p.ts'
import { parseRelayAddress, type RelayAccess, type RelayChange, superviseRelays } from './relay-supervisor.ts'
import { serveCollect, serveSubmit } from './serve.ts'
import type { UnusedStreamLimits } from './unused-streams.ts'

/** One submit stream carries everything; a few more let a peer replace one without waiting for the old to die. */
const SUBMIT_STREAMS_PER_CONNECTION_MAX = 8
/** Deployed collectors keep pools of up to 100 streams and may open one per message. */
const COLLECT_STREAMS_PER_CONNECTION_MAX = 512
/** Circuits that one relay may carry to this host: each is a stream of the one connection to the relay. */
const CIRCUITS_PER_RELAY_MAX = 10_000
/** Receipts, or a relay's circuit, that wait for a peer which does not read. */
const WRITE_BUFFER_BYTES_MAX = 4 * 1024 * 1024

export interface SubmissionHostOptions {
  /** 32-byte Ed25519 seed. The peer id follows from it, and collectors know this host by the peer id: keep it. */
  readonly identity: Uint8Array
  /** Multiaddrs to listen on; loopback and a free port when not given. */
  readonly listen?: readonly string[]
  /** Multiaddrs under which the host is also reached, for example its public address. */
  readonly announce?: readonly string[]
  /** Multiaddrs of relays, ending in `/p2p/<id>`; a slot on each is reserved, and reserved again whenever it is lost. */
  readonly relays?: readonly string[]
  readonly limits?: Partial<InboxLimits>
  readonly unusedStreams?: Partial<UnusedStreamLimits>
  /** Called when a relay is reserved, and when it could not be, once per change. Must not throw. */
  readonly onRelayChange?: (change: RelayChange) => void
}

/** The sequencer's side of libp2p. */
export interface SubmissionHost extends SubmissionListener {
  readonly peerId: string
  /** Where it can be reached now: directly, then through each relay that holds a reservation for it. All end in `/p2p/<id>`. */
  addresses(): readonly string[]
  /** What the adapter itself refused since the start, by code. */
  counts(): RefusalCounts
  /** Lets `inbound` end and closes every connection. */
  stop(): Promise<void>
}

/** Throws `LISTEN_FAILED`. Relays that are down do not matter: they are tried until they answer. */
export async function createSubmissionHost(options: SubmissionHostOptions): Promise<SubmissionHost> {
  const relays = (options.relays ?? []).map(parseRelayAddress)
  const inbox = createInbox({ ...INBOX_LIMITS, ...options.limits }, () => performance.now())
  const circuit = circuitRelayTransport({ maxInboundStopStreams: CIRCUITS_PER_RELAY_MAX })
  let access: RelayAccess | undefined
  const node = await startNode<Record<string, unknown>>(
    {
      identity: options.identity,
      listen: options.listen ?? ['/ip4/127.0.0.1/tcp/0'],
      ...(options.announce === undefined ? {} : { announce: options.announce }),
      streamsPerConnectionMax: CIRCUITS_PER_RELAY_MAX,
      writeBufferBytesMax: WRITE_BUFFER_BYTES_MAX,
      ...(options.unusedStreams === undefined ? {} : { unusedStreams: options.unusedStreams }),
      transports: [
        (components) => {
          const transport = circuit(components as never)
          access = { transport, transportManager: components.transportManager } as unknown as RelayAccess
          return transport
        },
      ],
    },
    {},
  )
  await node.handle(SUBMIT_PROTOCOL, (stream, connection) => serveSubmit(stream, connection.remotePeer.toString(), inbox), {
    maxInboundStreams: SUBMIT_STREAMS_PER_CONNECTION_MAX,
    runOnLimitedConnection: true,
  })
  await node.handle(COLLECT_PROTOCOL, (stream, connection) => serveCollect(stream, connection.remotePeer.toString(), inbox), {
    maxInboundStreams: COLLECT_STREAMS_PER_CONNECTION_MAX,
    runOnLimitedConnection: true,
  })
  const supervisor = await superviseRelays(
    { relays, circuitsMax: CIRCUITS_PER_RELAY_MAX, onChange: options.onRelayChange ?? (() => undefined) },
    { node, access: access as RelayAccess },
  )
  return {
    peerId: node.peerId.toString(),
    addresses: () =>
      [...new Set(node.getMultiaddrs().map(String))].sort((left, right) => Number(isRelayed(left)) - Number(isRelayed(right))),
    counts: inbox.counts,
    inbound: inbox.inbound,
    async stop() {
      inbox.end()
      await supervisor.stop()
      await node.stop()
    },
  }
}

function isRelayed(address: string): boolean {
  return address.includes('/p2p-circuit')
}
