import type { WeftError } from '#domain/errors.ts'
import type { Store } from '#io/store/port.ts'
import type { Gateways } from './gateways.ts'
import type { Ipfs } from './port.ts'

/**
 * An IPFS node in this process: blocks on disk, exchanged by Bitswap with the peers it is told of. What these do not bring at once gateways are asked
 * for too, where it has some. It asks nobody else: no DHT.
 */
export interface HeliaNode extends Ipfs {
  readonly peerId: string
  /** Multiaddrs at which it is reached, each ending in `/p2p/<peerId>`. */
  addresses(): string[]
  /** Connects now, and again whenever the connection is lost. Throws `LINK_FAILED` when the first attempt fails; it is tried again all the same. */
  connect(address: string): Promise<void>
  /** The stored bytes of one block; `undefined` when it is not stored here, or damaged. What a gateway serves. Throws `ID_MALFORMED`. */
  block(cid: string): Promise<Uint8Array | undefined>
  /** A block, from here or from connected peers, for somebody else: what they bring is not kept, and no gateway is asked, which may be who asks. Throws `ID_MALFORMED`, or the signal's reason. */
  find(cid: string, signal: AbortSignal): Promise<Uint8Array>
  /** How many other nodes are connected, whoever dialled. */
  peers(): number
  stop(): Promise<void>
}

export interface HeliaOptions {
  /** `blocks/` below it holds one file per block, named by its CID; `peer-key` the node's identity. */
  readonly directory: string
  /** Multiaddrs; by default a free port on loopback. */
  readonly listen?: readonly string[]
  /** A libp2p private key in protobuf form. By default the one in the directory, made at first start. */
  readonly identity?: Uint8Array
  /** Multiaddrs of peers to keep connected to; they need not be up yet. */
  readonly peers?: readonly string[]
}

export interface HeliaDeps {
  /** Holds for which epoch each block is needed; without it nothing is ever let go. */
  readonly store?: Store
  /** Called when a block on disk is found to be damaged. */
  readonly onDamaged?: (cid: string) => void
  /** Asked beside the peers. */
  readonly gateways?: Gateways | undefined
  /** Called with each block that was fetched. */
  readonly onFetched?: (from: 'peers' | 'gateways') => void
  /** Called with each attempt to reach a peer: with why it failed, or without when it is reached. */
  readonly onDialled?: (address: string, failure?: WeftError) => void
}

/** Starts the node. The libraries behind it take 300 ms to load, so they load here and not before. Throws `LISTEN_FAILED`; `LINK_FAILED` when a peer is no multiaddr; `STORE_FAILED` when its identity cannot be kept, `IDENTITY_INVALID` when what was kept is none. */
export async function startHeliaNode(options: HeliaOptions, deps: HeliaDeps = {}): Promise<HeliaNode> {
  const { startNode } = await import('./helia-node.ts')
  return startNode(options, deps)
}
