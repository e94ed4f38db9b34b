import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Connection, ConnectionGater, Libp2p, PeerId, PrivateKey } from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { createGater, DOOR_LIMITS, type DoorLimits } from '#domain/door.ts'
import { detailOf, isWeftError, listenFailed, WeftError } from '#domain/errors.ts'
import { createHoldings, type Holdings } from './holdings.ts'
import { leanYamux } from './lean-muxer.ts'
import { createOpeningTurns } from './opening-turns.ts'
import { SILENCE } from './silence.ts'
import { boundUnusedStreams, UNUSED_STREAM_LIMITS, UNUSED_STREAM_TIMEOUT_MS, type UnusedStreamLimits } from './unused-streams.ts'

/** What host, dialer and relay have in common: TCP, Noise, Yamux, and limits fit for thousands of long-lived, fast peers. */

/** libp2p's own 300 would turn away most of a market of 5,000 snapshotters. */
const CONNECTIONS_MAX = 10_000
/** Who may come in is decided by the gate, by address; libp2p's own limits, of all addresses together, let the first to come shut out everybody. */
const NO_LIMIT = 1_000_000
/** Who has dialed pings every minute, deployed peers twice as often, so a socket silent for that long is dead; libp2p's own 2 minutes leave no room for a busy peer. */
const SOCKET_IDLE_TIMEOUT_MS = 10 * 60_000
/** Often enough for what forgets idle connections on the way, which few do within four minutes; thousands of idle peers cost this and nothing else. */
const KEEP_ALIVE_INTERVAL_MS = 60_000
/** Streams a peer may open before the handshake is complete; deployed collectors fill a pool of 100 at once. */
const EARLY_STREAMS_MAX = 256

export interface NodeOptions {
  /** 32 bytes: the seed of the Ed25519 key that the peer id is made of. More bytes, as in seed and public key, are accepted. */
  readonly identity: Uint8Array
  readonly listen: readonly string[]
  /** Addresses under which it is also reached: told before those that it listens on, which may lead nowhere from elsewhere. */
  readonly announce?: readonly string[]
  /** Streams of one connection; through a relay each circuit is one. */
  readonly streamsPerConnectionMax: number
  /** Unsent bytes one stream may hold before it is reset: what a peer that does not read costs at most. */
  readonly writeBufferBytesMax: number
  /** Where what peers make it hold is counted; a place of its own when not given. */
  readonly holdings?: Holdings
  readonly unusedStreams?: Partial<UnusedStreamLimits>
  readonly transports?: NonNullable<Libp2pOptions['transports']>
  readonly door?: Partial<DoorLimits>
  readonly gater?: ConnectionGater
}

/** What libp2p knows of the addresses of a node. */
export interface AddressBook {
  getAddressesWithMetadata(): { readonly multiaddr: Multiaddr; readonly verified: boolean; readonly type: string }[]
  confirmObservedAddr(address: Multiaddr, options: { readonly type: 'transport' }): void
}

/**
 * Tells libp2p that a public address on which it listens is one: it tells nobody of such before strangers have dialed it (AutoNAT), which here nobody
 * does. Whoever runs a node says where it listens; what others claim to have seen of it stays in doubt.
 */
export const confirmOwn =
  (book: AddressBook) =>
  ({ multiaddr, verified, type }: ReturnType<AddressBook['getAddressesWithMetadata']>[number]): void => {
    if (!verified && type === 'transport') book.confirmObservedAddr(multiaddr, { type: 'transport' })
  }

/** What libp2p knows of its connections. */
interface Connections {
  getConnections(peer?: PeerId): Connection[]
  getConnectionsMap(): { get(peer: PeerId): Connection[] | undefined; values(): Iterable<Connection[]> }
}

/** libp2p lists all connections for each that comes, twice, and copies the list for each one in it. */
function listQuickly(manager: Connections): void {
  manager.getConnections = (peer) => {
    if (peer !== undefined) return manager.getConnectionsMap().get(peer) ?? []
    const all: Connection[] = []
    for (const ofPeer of manager.getConnectionsMap().values()) all.push(...ofPeer)
    return all
  }
}

/** Whoever is told of several addresses tries them in their order. */
const announcedFirst =
  (announce: readonly string[]) =>
  (addresses: Multiaddr[]): Multiaddr[] => {
    const isAnnounced = (address: Multiaddr): boolean => announce.some((own) => address.toString().startsWith(`${own}/p2p/`))
    return [...addresses.filter(isAnnounced), ...addresses.filter((address) => !isAnnounced(address))]
  }

const ED25519_SEED_BYTES = 32

/** The key of an identity, as `NodeOptions` has it. */
export const keyOf = (identity: Uint8Array): Promise<PrivateKey> =>
  generateKeyPairFromSeed('Ed25519', identity.subarray(0, ED25519_SEED_BYTES))

/** Starts a node. Throws `LISTEN_FAILED`. */
export async function startNode<Services extends Record<string, unknown>>(
  options: NodeOptions,
  services: Libp2pOptions<Services>['services'],
): Promise<Libp2p<Services & { identify: unknown; ping: unknown }>> {
  const door = { ...DOOR_LIMITS, ...options.door }
  const { announce = [] } = options
  const privateKey = await keyOf(options.identity)
  let addressManager: AddressBook | undefined
  try {
    const node = await createLibp2p({
      privateKey,
      ...(process.env['DEBUG'] === undefined && { logger: SILENCE }),
      addresses: { listen: [...options.listen], appendAnnounce: [...announce], announceFilter: announcedFirst(announce) },
      transports: [
        tcp({ inboundSocketInactivityTimeout: SOCKET_IDLE_TIMEOUT_MS, outboundSocketInactivityTimeout: SOCKET_IDLE_TIMEOUT_MS }),
        ...(options.transports ?? []),
      ],
      connectionEncrypters: [noise()],
      streamMuxers: [
        boundUnusedStreams(
          leanYamux(
            {
              maxInboundStreams: options.streamsPerConnectionMax,
              maxOutboundStreams: options.streamsPerConnectionMax,
              maxEarlyStreams: EARLY_STREAMS_MAX,
              keepAliveInterval: KEEP_ALIVE_INTERVAL_MS,
              streamOptions: { maxWriteBufferLength: options.writeBufferBytesMax },
            },
            options.holdings ?? createHoldings(),
            createOpeningTurns(),
          ),
          { ...UNUSED_STREAM_LIMITS, ...options.unusedStreams },
        ),
      ],
      connectionManager: {
        maxConnections: CONNECTIONS_MAX,
        inboundConnectionThreshold: NO_LIMIT,
        maxIncomingPendingConnections: NO_LIMIT,
        inboundUpgradeTimeout: door.handshakeMs,
        inboundStreamProtocolNegotiationTimeout: UNUSED_STREAM_TIMEOUT_MS,
      },
      // It pings on a new stream of every connection every 10 s; Yamux keeps alive at a tenth of the cost.
      connectionMonitor: { enabled: false },
      // Loopback and private addresses are where devnets and data centres live.
      connectionGater: { denyDialMultiaddr: () => false, ...createGater(door, () => performance.now()), ...options.gater },
      services: {
        // It answers; nothing here needs to know what others say of themselves, which would cost as much as a handshake for each of them.
        identify: identify({ runOnConnectionOpen: false }),
        ping: ping(),
        within(components: { readonly addressManager: AddressBook; readonly connectionManager: Connections }) {
          addressManager = components.addressManager
          listQuickly(components.connectionManager)
          return {}
        },
        ...services,
      },
    } as Libp2pOptions)
    addressManager?.getAddressesWithMetadata().forEach(confirmOwn(addressManager))
    return node as never
  } catch (cause) {
    throw listenFailed(options.listen.join(' '), cause)
  }
}

export function linkFailed(address: string, cause: unknown): WeftError {
  return isWeftError(cause) ? cause : new WeftError('LINK_FAILED', { address, detail: detailOf(cause) }, cause)
}
