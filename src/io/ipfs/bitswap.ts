import { withBitswap } from '@helia/bitswap'
import { type Libp2p, type Startable, stop } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { type Blocks, joined, type PutOptions } from './blocks.ts'

/** One hung peer holds up what peers are asked for until this has passed. */
const MESSAGE_SEND_TIMEOUT_MS = 3_000
/** A block that arrived too late for its reader may be asked for again after this long. */
const RESEND_AFTER_MS = 1_000

type Helia = Parameters<typeof withBitswap>[0]
interface Broker extends Startable {
  retrieve(cid: CID, options: PutOptions): Promise<Uint8Array>
  announce(cid: CID): Promise<void>
}

/** The exchange of blocks with connected peers: they are asked for what is not here, and given what is. */
export interface Bitswap {
  /** The block from here or else from a peer, by its hash; stored unless it is passing, and given to peers that wait for it. */
  get(cid: CID, options: PutOptions): Promise<Uint8Array>
  /** A block that came another way, and is right: stored and given as one of a peer. */
  take(cid: CID, block: Uint8Array, options: PutOptions): Promise<void>
  stop(): Promise<void>
}

/**
 * Bitswap as Helia has it, on a libp2p node that has started. Helia itself is left out: its package loads a DHT, WebRTC, UPnP and a client of
 * certificate authorities, two thousand files and 80 MB of which we would use nothing, and the exchange needs of it no more than this.
 */
export async function startBitswap(libp2p: Libp2p, store: Blocks['store']): Promise<Bitswap> {
  const broker = await brokerOn({
    libp2p,
    logger: libp2p.logger,
    blockstore: store,
    // Content is named by its SHA-256, which Bitswap brings; a block of another name answers nothing.
    getHasher: async () => undefined,
    routing: {
      async *findProviders() {
        // Nobody is looked for: who has blocks is connected.
      },
    },
  })
  async function take(cid: CID, block: Uint8Array, options: PutOptions): Promise<void> {
    await store.put(cid, block, options)
    // Beside whoever asked for it, and for as long as it takes: a peer that hangs would hold him up, and his going would keep it from the others. One that is not told asks again.
    broker.announce(cid).catch(() => undefined)
  }
  return {
    async get(cid, options) {
      if (await store.has(cid)) return joined(store.get(cid))
      const block = await broker.retrieve(cid, options)
      await take(cid, block, options)
      return block
    },
    take,
    stop: () => stop(broker),
  }
}

/** What the library adds to a Helia that starts with these components. */
async function brokerOn(components: object): Promise<Broker> {
  const added = Promise.withResolvers<Broker>()
  const helia = {
    ...components,
    status: 'starting',
    hasBlockBroker: () => false,
    addBlockBroker: added.resolve,
    addMixin: (mixin: { start(helia: object): Promise<void> }) => mixin.start(helia).catch(added.reject),
  }
  withBitswap(helia as unknown as Helia, { messageSendTimeout: MESSAGE_SEND_TIMEOUT_MS, doNotResendBlockWindow: RESEND_AFTER_MS })
  return added.promise
}
