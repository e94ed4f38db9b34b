import { circuitRelayServer, type CircuitRelayService, RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2'
import type { Libp2p, PeerId } from '@libp2p/interface'
import { holdBackCircuits } from './circuit.ts'
import { startNode } from './libp2p.ts'
import type { Relay } from './port.ts'

export interface RelayLimits {
  /** Peers that may be reached through this relay: the sequencers of every market, with room. libp2p's own 15 starves a network. */
  readonly reservationsMax: number
  /** Reservations from one address, so that nobody takes them all. */
  readonly reservationsPerHostMax: number
  /** How long a reservation holds. Who lives renews it; who died frees it within this time. */
  readonly reservationTtlMs: number
  /** Circuits in all: each costs two streams and their buffers, about 100 KiB at worst. */
  readonly circuitsMax: number
  /** Circuits one peer may hold open: a collector needs one per sequencer, and a spare. */
  readonly circuitsPerPeerMax: number
}

export const RELAY_LIMITS: RelayLimits = {
  reservationsMax: 1_000,
  reservationsPerHostMax: 64,
  reservationTtlMs: 60 * 60_000,
  circuitsMax: 10_000,
  circuitsPerPeerMax: 16,
}

/** A peer has this long to say what it wants on a new stream. */
const HOP_TIMEOUT_MS = 30_000
/** Bytes of one direction of one circuit that wait for a slow reader before the circuit is reset. */
const WRITE_BUFFER_BYTES_MAX = 4 * 1024 * 1024
/** Bytes of one direction of one circuit that wait before its sender has to: several windows of Yamux, so that an honest reader is never short. */
const HELD_BYTES_MAX = 1024 * 1024

export interface RelayOptions {
  /** 32-byte Ed25519 seed; addresses through this relay contain the peer id that follows from it. */
  readonly identity: Uint8Array
  /** Multiaddrs to listen on; loopback and a free port when not given. */
  readonly listen?: readonly string[]
  readonly announce?: readonly string[]
  readonly limits?: Partial<RelayLimits>
}

/** A circuit relay v2 whose circuits are bounded in number, never in time or bytes: submission streams live for days. Throws `LISTEN_FAILED`. */
export async function createRelay(options: RelayOptions): Promise<Relay & { stop(): Promise<void> }> {
  const limits = { ...RELAY_LIMITS, ...options.limits }
  let refusedReservations = 0
  let running: Libp2p<{ relay: CircuitRelayService }> | undefined

  function circuitsOf(codec: string, peerId?: PeerId): number {
    const connections = running?.getConnections(peerId) ?? []
    return connections.reduce((sum, connection) => sum + connection.streams.filter(({ protocol }) => protocol === codec).length, 0)
  }

  /** The host part of the address a peer comes from, without its port. */
  function hostOf(peerId: PeerId): string {
    return String(running?.getConnections(peerId)[0]?.remoteAddr ?? '')
      .split('/')
      .slice(0, 3)
      .join('/')
  }

  function isReservationRefused(peerId: PeerId): boolean {
    const reservations = running?.services.relay.reservations
    if (reservations === undefined) return true
    if (reservations.has(peerId)) return false
    const host = hostOf(peerId)
    const hostCount = [...reservations.values()].filter(({ addr }) => String(addr).split('/').slice(0, 3).join('/') === host).length
    return reservations.size >= limits.reservationsMax || hostCount >= limits.reservationsPerHostMax
  }

  const server = circuitRelayServer({
    hopTimeout: HOP_TIMEOUT_MS,
    maxInboundHopStreams: limits.circuitsPerPeerMax + 1,
    maxOutboundStopStreams: limits.circuitsMax,
    reservations: { maxReservations: limits.reservationsMax, reservationTtl: limits.reservationTtlMs, applyDefaultLimit: false },
  })
  const node = (await startNode<{ relay: CircuitRelayService }>(
    {
      identity: options.identity,
      listen: options.listen ?? ['/ip4/127.0.0.1/tcp/0'],
      ...(options.announce === undefined ? {} : { announce: options.announce }),
      streamsPerConnectionMax: limits.circuitsMax,
      writeBufferBytesMax: WRITE_BUFFER_BYTES_MAX,
      gater: {
        async denyInboundRelayReservation(peerId) {
          const isRefused = isReservationRefused(peerId)
          if (isRefused) refusedReservations += 1
          return isRefused
        },
        // The stream that asks counts already, so the peer may hold one fewer besides it.
        denyOutboundRelayedConnection: async (source) =>
          circuitsOf(RELAY_V2_HOP_CODEC, source) > limits.circuitsPerPeerMax || circuitsOf(RELAY_V2_STOP_CODEC) >= limits.circuitsMax,
      },
    },
    {
      relay: ((components: Parameters<typeof server>[0]) => {
        const service = server(components)
        holdBackCircuits(service, HELD_BYTES_MAX)
        return service
      }) as never,
    },
  )) as unknown as Libp2p<{ relay: CircuitRelayService }>
  running = node
  // R3: libp2p would keep the place of one that has gone until the reservation expires. Its timer goes too: it would end the next one.
  node.addEventListener('peer:disconnect', ({ detail: peerId }) => {
    const { reservations } = node.services.relay
    reservations.get(peerId)?.signal.clear()
    reservations.delete(peerId)
  })
  return {
    peerId: node.peerId.toString(),
    addresses: () => node.getMultiaddrs().map(String),
    stats: () => ({
      reservations: node.services.relay.reservations.size,
      circuits: circuitsOf(RELAY_V2_STOP_CODEC),
      refusedReservations,
    }),
    stop: async () => node.stop(),
  }
}
