import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { addressBlock, addressOwner, isOwnMachine } from '#domain/address-block.ts'
import type { DoorLimits } from '#domain/door.ts'
import type { SubmissionListener } from '#io/intake/port.ts'
import { COLLECT_PROTOCOL } from '#wire/collect-frame.ts'
import { SUBMIT_PROTOCOL } from '#wire/submit-frame.ts'
import type { Claimant } from './admission.ts'
import { createHoldings, HOLDING_LIMITS, type HoldingLimits } from './holdings.ts'
import { createInbox, INBOX_LIMITS, type InboxLimits, type RefusalCounts } from './inbox.ts'
import { keyOf, startNode } from './libp2p.ts'
import { sourceOf } from './pace.ts'
import { keepRegistered, type RegistrationChange } from './registrar.ts'
import {
  parseRelayAddress,
  type RelayAccess,
  type RelayAddress,
  type RelayChange,
  type SupervisionDeps,
  superviseRelays,
} from './relay-supervisor.ts'
import { type Serving, serveCollect, serveSubmit } from './serve.ts'
import type { UnusedStreamLimits } from './unused-streams.ts'

/** One submit stream carries everything; a few more let a peer replace one without waiting for the old to die. */
const SUBMIT_STREAMS_PER_CONNECTION_MAX = 8
/** Deployed collectors keep pools of up to 100 streams and may open one per message. */
const COLLECT_STREAMS_PER_CONNECTION_MAX = 512
/** Circuits that one relay may carry to this host: each is a stream of the one connection to the relay. */
const CIRCUITS_PER_RELAY_MAX = 10_000
/** Receipts, or a relay's circuit, that wait for a peer which does not read. */
const WRITE_BUFFER_BYTES_MAX = 1024 * 1024

/** What a receipt waits for at most, beyond the work itself: less than half of what a message takes to the other side of a continent. */
const STEP_EVERY_MS = 20

/** A collector writes a frame in one go; a slow line brings the largest, of 64 KiB, in this time. */
const FRAME_TIMEOUT_MS = 10_000

export interface SubmissionHostOptions {
  /** 32-byte Ed25519 seed. The peer id follows from it, and collectors know this host by the peer id: keep it. */
  readonly identity: Uint8Array
  /** Multiaddrs to listen on; loopback and a free port when not given. */
  readonly listen?: readonly string[]
  /** Multiaddrs under which the host is also reached, for example its public address. */
  readonly announce?: readonly string[]
  /** Multiaddrs of relays, ending in `/p2p/<id>`; a slot on each is reserved, and reserved again whenever it is lost. */
  readonly relays?: readonly string[]
  /** On how many of them a slot is held at a time, preferred first; on all of them when not given. */
  readonly relaysHeldMax?: number
  /** Signs for this peer at relays that ask. */
  readonly claimant?: Claimant | undefined
  /** The name under which it is to be found at those relays, and at other places. */
  readonly point?: string | undefined
  readonly places?: readonly string[]
  readonly limits?: Partial<InboxLimits>
  readonly holdings?: Partial<HoldingLimits>
  readonly unusedStreams?: Partial<UnusedStreamLimits>
  readonly door?: Partial<DoorLimits>
  readonly frameTimeoutMs?: number
  /** Called when a relay is reserved, and when it could not be, once per change. Must not throw. */
  readonly onRelayChange?: (change: RelayChange) => void
  /** The same of places where it is registered. Must not throw. */
  readonly onRegistrationChange?: (change: RegistrationChange) => void
}

/** The sequencer's side of libp2p. */
export interface SubmissionHost extends SubmissionListener {
  readonly peerId: string
  /** Where it can be reached now: directly, then through each relay that holds a reservation for it. All end in `/p2p/<id>`. */
  addresses(): readonly string[]
  /** What the adapter itself refused since the start, by code. */
  counts(): RefusalCounts
  /** How many peers are connected, relays among them. */
  peers(): number
  /** Lets `inbound` end and closes every connection. */
  stop(): Promise<void>
}

/** Throws `LISTEN_FAILED`. Relays that are down do not matter: they are tried until they answer. */
export async function createSubmissionHost(options: SubmissionHostOptions): Promise<SubmissionHost> {
  const relays = (options.relays ?? []).map(parseRelayAddress)
  const inbox = createInbox({ ...INBOX_LIMITS, stepEveryMs: STEP_EVERY_MS, ...options.limits }, () => performance.now())
  const circuit = circuitRelayTransport({ maxInboundStopStreams: CIRCUITS_PER_RELAY_MAX })
  const holdings = createHoldings({ ...HOLDING_LIMITS, ...options.holdings })
  let access: RelayAccess | undefined
  const node = await startNode<Record<string, unknown>>(
    {
      identity: options.identity,
      listen: options.listen ?? ['/ip4/127.0.0.1/tcp/0'],
      ...(options.announce === undefined ? {} : { announce: options.announce }),
      streamsPerConnectionMax: CIRCUITS_PER_RELAY_MAX,
      writeBufferBytesMax: WRITE_BUFFER_BYTES_MAX,
      holdings,
      ...(options.unusedStreams === undefined ? {} : { unusedStreams: options.unusedStreams }),
      ...(options.door === undefined ? {} : { door: options.door }),
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
  const serving =
    (serve: (stream: Stream, how: Serving) => void) =>
    (stream: Stream, connection: Connection): void => {
      const sender = { peer: connection.remotePeer.toString(), address: strangerAt(connection) }
      const hold = (giveUp: () => void) => holdings.open(addressOwner(connection.remoteAddr.toString()), giveUp)
      serve(stream, {
        sender,
        inbox,
        source: sourceOf((connection as unknown as Below).maConn),
        hold,
        frameTimeoutMs: options.frameTimeoutMs ?? FRAME_TIMEOUT_MS,
      })
    }
  await node.handle(SUBMIT_PROTOCOL, serving(serveSubmit), {
    maxInboundStreams: SUBMIT_STREAMS_PER_CONNECTION_MAX,
    runOnLimitedConnection: true,
  })
  await node.handle(COLLECT_PROTOCOL, serving(serveCollect), {
    maxInboundStreams: COLLECT_STREAMS_PER_CONNECTION_MAX,
    runOnLimitedConnection: true,
  })
  const reached = await keepReached(options, relays, { node, access: access as RelayAccess })
  return {
    peerId: node.peerId.toString(),
    addresses: () => addressesOf(node),
    counts: inbox.counts,
    peers: () => node.getPeers().length,
    inbound: inbox.inbound,
    async stop() {
      inbox.end()
      await reached.stop()
      await node.stop()
    },
  }
}

/** Relays that carry to this host, and places where it is found. */
async function keepReached(options: SubmissionHostOptions, relays: readonly RelayAddress[], deps: SupervisionDeps) {
  const { claimant, point, identity, relaysHeldMax: heldMax, onRelayChange, onRegistrationChange = () => undefined } = options
  const registrar =
    point === undefined
      ? undefined
      : keepRegistered(
          { places: [...relays, ...(options.places ?? []).map(parseRelayAddress)], point, claimant, onChange: onRegistrationChange },
          { node: deps.node, privateKey: await keyOf(identity), addresses: () => addressesOf(deps.node) },
        )
  const supervision = {
    relays,
    claimant,
    circuitsMax: CIRCUITS_PER_RELAY_MAX,
    onChange(change: RelayChange) {
      onRelayChange?.(change)
      if (!change.isReserved) registrar?.ring()
    },
    onReserved: () => registrar?.ring(),
    ...(heldMax === undefined ? {} : { heldMax }),
  }
  const supervisor = await superviseRelays(supervision, deps)
  return {
    async stop() {
      await registrar?.stop()
      await supervisor.stop()
    },
  }
}

/** The direct ones first. */
function addressesOf(node: Libp2p): readonly string[] {
  return [...new Set(node.getMultiaddrs().map(String))].sort((left, right) => Number(isRelayed(left)) - Number(isRelayed(right)))
}

/** The address of a sender as limits count it: none for programs of this machine. */
function strangerAt({ remoteAddr }: Connection): string | undefined {
  const address = addressBlock(remoteAddr.toString())
  return address === undefined || isOwnMachine(address) ? undefined : address
}

/** What a connection of libp2p is read from. The library has it and does not say so; `libp2p.test.ts` sees that reading stops. */
interface Below {
  readonly maConn: { pause(): void; resume(): void }
}

function isRelayed(address: string): boolean {
  return address.includes('/p2p-circuit')
}
