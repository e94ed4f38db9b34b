import { setTimeout as sleep } from 'node:timers/promises'
import { circuitRelayServer, type CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import { addressBlock, isOwnMachine } from '#domain/address-block.ts'
import type { DoorLimits } from '#domain/door.ts'
import { ADMIT_PROTOCOL } from '#wire/admit-frame.ts'
import { RENDEZVOUS_PROTOCOL } from '#wire/rendezvous-frame.ts'
import { askForClaim } from './admission.ts'
import { holdBackCircuits, type OnCircuit } from './circuit.ts'
import { CIRCUIT_LIMITS, type CircuitLimits, createCircuits } from './circuits.ts'
import { tellLeaving } from './leaving.ts'
import { startNode } from './libp2p.ts'
import { createPlaces, PLACE_LIMITS, type PlaceLimits } from './places.ts'
import type { Claim, Judge, Relay } from './port.ts'
import { createRegistrations, REGISTRATION_LIMITS } from './registrations.ts'
import { createRendezvousServer } from './rendezvous-server.ts'

export interface RelayLimits extends PlaceLimits, CircuitLimits {
  /** How long a reservation holds. Who lives renews it; who died frees it within this time. */
  readonly reservationTtlMs: number
}

export const RELAY_LIMITS: RelayLimits = { ...PLACE_LIMITS, ...CIRCUIT_LIMITS, reservationTtlMs: 60 * 60_000 }

/** A peer has this long to say what it wants on a new stream. */
const HOP_TIMEOUT_MS = 30_000
/** Bytes of one direction of one circuit that wait for a slow reader before the circuit is reset. */
const WRITE_BUFFER_BYTES_MAX = 4 * 1024 * 1024
/** Bytes of one direction of one circuit that wait before its sender has to; a window of Yamux may come on top. What an honest reader is short of is on its way by then. */
const HELD_BYTES_MAX = 256 * 1024
const SWEEP_INTERVAL_MS = 1_000
/** How often it is seen whether circuits have ended, while a relay that stops waits for that. */
const DRAIN_POLL_MS = 20
/** Streams on which one connection is asked for its claim, or asks who is registered. */
const ADMIT_STREAMS_MAX = 2
const RENDEZVOUS_STREAMS_MAX = 4

export interface RelayOptions {
  /** 32-byte Ed25519 seed; addresses through this relay contain the peer id that follows from it. */
  readonly identity: Uint8Array
  /** Multiaddrs to listen on; loopback and a free port when not given. */
  readonly listen?: readonly string[]
  readonly announce?: readonly string[]
  readonly limits?: Partial<RelayLimits>
  readonly door?: Partial<DoorLimits>
  /** Given, only peers that somebody vouches for get anything here. */
  readonly judge?: Judge | undefined
  /** Whether peers may register and be found here (`/rendezvous/1.0.0`). */
  readonly isRendezvous?: boolean
}

type Node = Libp2p<{ relay: CircuitRelayService }>

/** A circuit relay v2 whose circuits are bounded in number; in time and bytes only where that is asked for: submission streams live for days. Throws `LISTEN_FAILED`. */
export async function createRelay(options: RelayOptions): Promise<Relay & { stop(): Promise<void> }> {
  const state = createState(options)
  const node = await startRelayNode(options, state)
  state.node = node
  // R3: libp2p would keep the place of one that has gone until the reservation expires. Its timer goes too: it would end the next one.
  node.addEventListener('peer:disconnect', ({ detail: peerId }) => {
    const { reservations } = node.services.relay
    reservations.get(peerId)?.signal.clear()
    reservations.delete(peerId)
    state.places.forget(peerId.toString())
  })
  if (options.judge !== undefined) await serveAdmission(node, state)
  if (options.isRendezvous === true) await serveRendezvous(node, state)
  const sweeping = setInterval(() => state.circuits.sweep(), SWEEP_INTERVAL_MS)
  sweeping.unref()
  return {
    peerId: node.peerId.toString(),
    addresses: () => node.getMultiaddrs().map(String),
    stats: () => ({
      reservations: node.services.relay.reservations.size,
      circuits: state.circuits.count(),
      registrations: state.registrations.count(),
      relayedBytes: state.circuits.relayedBytes(),
      ...state.refused,
      endedCircuits: state.circuits.endedCount(),
    }),
    async drain(limitMs) {
      state.isDraining = true
      const isCaller = (connection: Connection) => state.circuits.callers().has(connection.remotePeer.toString())
      await tellLeaving(node.getConnections().filter(isCaller))
      const endMs = performance.now() + limitMs
      while (state.circuits.count() > 0 && performance.now() < endMs) await sleep(DRAIN_POLL_MS)
    },
    async stop() {
      clearInterval(sweeping)
      await node.stop()
    },
  }
}

type State = ReturnType<typeof createState>

function createState({ limits: given, judge }: RelayOptions) {
  const limits = { ...RELAY_LIMITS, ...given }
  const nowMs = () => performance.now()
  return {
    limits,
    nowMs,
    places: createPlaces(limits, { judge, nowMs }),
    circuits: createCircuits(limits, nowMs),
    registrations: createRegistrations(REGISTRATION_LIMITS, { nowMs, run: crypto.getRandomValues(new Uint8Array(8)) }),
    refused: { refusedReservations: 0, refusedCircuits: 0, refusedAdmissions: 0, refusedRegistrations: 0 },
    isDraining: false,
    node: undefined as Node | undefined,
  }
}

/** The address of a connection as limits count it. Who comes through another relay has none of its own. */
const blockOf = ({ remoteAddr }: Pick<Connection, 'remoteAddr'>): string => addressBlock(remoteAddr.toString()) ?? ''

/** Programs of this machine are not each other's strangers. */
const strangerAt = (address: string): string | undefined => (isOwnMachine(address) ? undefined : address)

async function startRelayNode(options: RelayOptions, state: State): Promise<Node> {
  const { limits, places, circuits, refused } = state
  const addressOf = (peerId: PeerId): string => {
    const [connection] = state.node?.getConnections(peerId) ?? []
    return connection === undefined ? '' : blockOf(connection)
  }
  function mayReserve(peerId: PeerId): boolean {
    const { reservations } = state.node?.services.relay ?? {}
    if (reservations === undefined || state.isDraining) return false
    const holders = new Map([...reservations.entries()].map(([holder, { addr }]) => [holder.toString(), blockOf({ remoteAddr: addr })]))
    return places.mayReserve({ peer: peerId.toString(), address: addressOf(peerId) }, holders)
  }
  function mayConnect(peerId: PeerId): boolean {
    const peer = peerId.toString()
    // What costs a recovery comes last: a peer may ask as often as it likes.
    return !circuits.isFull({ peer, address: strangerAt(addressOf(peerId)) }) && places.isAdmitted(peer)
  }
  const onCircuit: OnCircuit = (ends, from) => {
    const hasRoom = !state.isDraining && circuits.add({ peer: from.remotePeer.toString(), address: strangerAt(blockOf(from)) }, ends)
    if (!hasRoom) refused.refusedCircuits += 1
    return hasRoom
  }
  const server = circuitRelayServer({
    hopTimeout: HOP_TIMEOUT_MS,
    maxInboundHopStreams: limits.circuitsPerPeerMax + 1,
    maxOutboundStopStreams: limits.circuitsMax,
    // How many is for `places` to say.
    reservations: { maxReservations: Number.POSITIVE_INFINITY, reservationTtl: limits.reservationTtlMs, applyDefaultLimit: false },
  })
  const relay = (components: Parameters<typeof server>[0]) => {
    const service = server(components)
    holdBackCircuits(service, HELD_BYTES_MAX, onCircuit)
    return service
  }
  const node = await startNode<{ relay: CircuitRelayService }>(
    {
      identity: options.identity,
      listen: options.listen ?? ['/ip4/127.0.0.1/tcp/0'],
      ...(options.announce === undefined ? {} : { announce: options.announce }),
      ...(options.door === undefined ? {} : { door: options.door }),
      streamsPerConnectionMax: limits.circuitsMax,
      writeBufferBytesMax: WRITE_BUFFER_BYTES_MAX,
      gater: {
        async denyInboundRelayReservation(peerId) {
          const isRefused = !mayReserve(peerId)
          if (isRefused) refused.refusedReservations += 1
          return isRefused
        },
        async denyOutboundRelayedConnection(source) {
          const isRefused = !mayConnect(source)
          if (isRefused) refused.refusedCircuits += 1
          return isRefused
        },
      },
    },
    { relay: relay as never },
  )
  return node as unknown as Node
}

async function serveAdmission(node: Node, { places, refused }: State): Promise<void> {
  await node.handle(
    ADMIT_PROTOCOL,
    async (stream, connection) => {
      const asked = { relay: node.peerId.toString(), peer: connection.remotePeer.toString() }
      // One that has gone meanwhile would keep the place of another: nobody would forget it.
      const admit = (given: Claim) => (connection.status === 'open' ? places.admit(given, blockOf(connection)) : 'not_ready')
      const claim = await askForClaim(stream, asked, admit)
      if (claim === undefined) refused.refusedAdmissions += 1
    },
    { maxInboundStreams: ADMIT_STREAMS_MAX },
  )
}

async function serveRendezvous(node: Node, state: State): Promise<void> {
  const serve = createRendezvousServer({
    registrations: state.registrations,
    nowMs: state.nowMs,
    mayRegister: (peer) => !state.isDraining && state.places.isAdmitted(peer),
    addressOf: blockOf,
    onRefused() {
      state.refused.refusedRegistrations += 1
    },
  })
  await node.handle(RENDEZVOUS_PROTOCOL, serve, { maxInboundStreams: RENDEZVOUS_STREAMS_MAX })
}
