import { circuitRelayTransport, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { COLLECT_PROTOCOL } from '#wire/collect-frame.ts'
import { SUBMIT_PROTOCOL } from '#wire/submit-frame.ts'
import { type Claimant, claimAt } from './admission.ts'
import { createCollectLink } from './collect-link.ts'
import { hearLeavers } from './leaving.ts'
import { linkFailed, startNode } from './libp2p.ts'
import type { Rendezvous, SubmissionDialer, SubmissionLink } from './port.ts'
import { discoverAt } from './rendezvous-client.ts'
import { createSubmitLink } from './submit-link.ts'

/** A dialer holds a link or two, each with one stream, or a few dozen towards a `/collect` peer. */
const STREAMS_PER_CONNECTION_MAX = 1_000
/** Deliveries written and not yet sent; the forwarding role bounds how many are in flight. */
const WRITE_BUFFER_BYTES_MAX = 64 * 1024 * 1024

/** Asking a rendezvous server; it may be on the other side of the world. */
const DISCOVER_TIMEOUT_MS = 10_000

export interface CollectorDialer extends SubmissionDialer, Rendezvous {
  readonly peerId: string
  stop(): Promise<void>
}

export interface DialerOptions {
  /** 32-byte Ed25519 seed; kept, so that a sequencer knows this peer again. */
  readonly identity: Uint8Array
  /** Signs for this peer at relays that ask. */
  readonly claimant?: Claimant | undefined
}

/** The collector's side of libp2p. */
export async function createSubmissionDialer(options: DialerOptions): Promise<CollectorDialer> {
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

  const leavers = await hearLeavers(node)
  const admitted = new WeakSet<Connection>()

  /** A relay that asks serves no peer that nobody speaks for. One that is connected has been asked. */
  async function beAdmitted(relay: string, claimant: Claimant, signal: AbortSignal): Promise<void> {
    const connection = await node.dial(multiaddr(relay), { signal })
    if (admitted.has(connection)) return
    await claimAt(connection, { peer: node.peerId.toString(), claimant }, signal)
    admitted.add(connection)
  }

  async function open(address: string, signal: AbortSignal): Promise<{ readonly connection: Connection; readonly stream: Stream }> {
    const relay = relayIn(address)
    if (relay !== undefined && options.claimant !== undefined) await beAdmitted(relay, options.claimant, signal)
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
        const relay = relayIn(address)
        const made = link({ address, connection, stream })
        return relay === undefined ? made : { ...made, leaving: leavers.heard(relay.slice(relay.lastIndexOf('/') + 1)) }
      } catch (cause) {
        // libp2p takes a dial that was given up out of its queue a moment later, and another to the same peer would until then be given its failure.
        if (signal.aborted) await new Promise(setImmediate)
        throw linkFailed(address, cause)
      }
    },
    async discover(place, name, signal) {
      const within = AbortSignal.any([signal, AbortSignal.timeout(DISCOVER_TIMEOUT_MS)])
      try {
        return await discoverAt(await node.dial(multiaddr(place), { signal: within }), name, within)
      } catch (cause) {
        throw linkFailed(place, cause)
      }
    },
    stop: async () => node.stop(),
  }
}

/** The relay's own address. */
function relayIn(address: string): string | undefined {
  const end = address.indexOf('/p2p-circuit')
  return end < 0 ? undefined : address.slice(0, end)
}
