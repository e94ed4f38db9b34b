import { join } from 'node:path'
import { noise } from '@chainsafe/libp2p-noise'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import type { CID } from 'multiformats/cid'
import { createGater, DOOR_LIMITS } from '#domain/door.ts'
import { isWeftError, listenFailed, WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { leanYamux } from '#io/p2p/lean-muxer.ts'
import { startBitswap } from './bitswap.ts'
import { type Blocks, openBlocks, type PutOptions } from './blocks.ts'
import type { Gateways } from './gateways.ts'
import type { HeliaDeps, HeliaNode, HeliaOptions } from './helia.ts'
import { identityAt } from './identity.ts'
import { openKept } from './kept.ts'
import { superviseLinks } from './links.ts'
import { importContent, OVER, parseCid, readContent, type Wait, wait as realWait, withDeadline } from './unixfs.ts'

/** Who may come in is decided at the door, by address: libp2p's own ten handshakes at once are taken by as many sockets that say nothing. */
const NO_LIMIT = 1_000_000
/**
 * Bitswap asks a peer once, and a peer that stores the block a moment later does not always say so, so we ask anew:
 * soon at first, then ever more slowly.
 */
const ASK_AGAIN_MS = { first: 500, last: 4_000 }
/** Connected peers answer within tens of milliseconds; gateways are asked for what they have not brought by then. */
const HEAD_START_MS = 500
/** A gateway that has not got a block may get it. Theirs are shared by many, and each question costs them a search. */
const GATEWAYS_AGAIN_MS = { first: 1_000, last: 16_000 }
/** Between two attempts Bitswap needs a moment to forget the first, or it takes the second for the same one. */
const FORGET_MS = 40
/** What is pinned was read before, by a caller with limits of its own. */
const PIN_LIMITS = { bytesMax: 1_073_741_824, timeoutMs: 60_000 }

interface Around {
  before(block: CID): Promise<void>
  after(block: CID): Promise<void>
  /** Says so of a leaf that need not be read, when all is done that is done around one that is. */
  isKnown(leaf: CID): Promise<boolean>
}

/** The node itself; `startHeliaNode` says what it is. */
export async function startNode(
  options: HeliaOptions,
  { wait = realWait, store, gateways, onDamaged, onFetched, onDialled }: HeliaDeps & { readonly wait?: Wait } = {},
): Promise<HeliaNode> {
  const stopping = new AbortController()
  const listen = options.listen ?? ['/ip4/127.0.0.1/tcp/0']
  const blocks = openBlocks(join(options.directory, 'blocks'), { kept: store && openKept(store), onDamaged })
  const libp2p = await createLibp2p({
    start: false,
    privateKey:
      options.identity === undefined ? await identityAt(join(options.directory, 'peer-key')) : privateKeyFromProtobuf(options.identity),
    addresses: { listen: [...listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [leanYamux({})],
    connectionManager: {
      inboundConnectionThreshold: NO_LIMIT,
      maxIncomingPendingConnections: NO_LIMIT,
      inboundUpgradeTimeout: DOOR_LIMITS.handshakeMs,
    },
    connectionGater: createGater(DOOR_LIMITS, () => performance.now()),
    // Yamux keeps idle connections alive; a ping on a new stream every 10 s would cost more than the exchange.
    connectionMonitor: { enabled: false },
    services: { identify: identify() },
  })
  try {
    await libp2p.start()
  } catch (failure) {
    await libp2p.stop()
    throw listenFailed(listen.join(' '), failure)
  }
  const bitswap = await startBitswap(libp2p, blocks.store)
  const links = superviseLinks({ signal: stopping.signal }, { libp2p, wait, onDialled })
  async function stop(): Promise<void> {
    stopping.abort(new WeftError('STOPPED', { what: 'IPFS node' }))
    await links.stopped()
    await libp2p.stop()
    await bitswap.stop()
  }
  try {
    for (const peer of options.peers ?? []) links.keep(peer)
  } catch (failure) {
    await stop()
    throw failure
  }

  /** Who brought a block last is asked at once: peers that are silent, or have none of it, cost their head start once. */
  let last: 'peers' | 'gateways' = 'peers'

  /** The block from whoever has it first, peer or gateway; it is stored as it comes. Nobody's failure ends it: only the signal and the disk do, and a block too large for anybody. */
  async function fetchBlock(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const came = (from: typeof last) => (block: Uint8Array) => {
      if (over.signal.aborted) return block
      last = from
      onFetched?.(from)
      return block
    }
    const over = new AbortController()
    if (gateways === undefined) return came('peers')(await fromPeers(cid, { signal }))
    const until = AbortSignal.any([signal, over.signal])
    try {
      const ways = [fromPeers(cid, { signal: until }).then(came('peers')), fromGateways(cid, gateways, until).then(came('gateways'))]
      return await Promise.race(ways)
    } finally {
      over.abort(OVER)
    }
  }

  async function fromGateways(cid: CID, { fetch }: Gateways, signal: AbortSignal): Promise<Uint8Array> {
    if (last === 'peers' && libp2p.getPeers().length > 0) await wait(HEAD_START_MS, signal)
    for (let pauseMs = GATEWAYS_AGAIN_MS.first; ; pauseMs = Math.min(pauseMs * 2, GATEWAYS_AGAIN_MS.last)) {
      const block = await fetch(cid, signal).catch((failure: unknown) => {
        // What is too large is so for good: no peer could bring it either.
        if (!isWeftError(failure) || failure.code === 'IPFS_CONTENT_TOO_LARGE') throw failure
        return undefined
      })
      if (block !== undefined) {
        await bitswap.take(cid, block, { signal })
        return block
      }
      await wait(pauseMs, signal)
    }
  }

  /** The block from whoever is connected and has it; it is stored as it comes, unless it is passing. */
  async function fromPeers(cid: CID, { signal, isPassing = false }: PutOptions & { readonly signal: AbortSignal }): Promise<Uint8Array> {
    for (let patienceMs = ASK_AGAIN_MS.first; ; patienceMs = Math.min(patienceMs * 2, ASK_AGAIN_MS.last)) {
      const block = await askOnce(cid, { signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]), isPassing })
      if (block !== undefined) return block
      await wait(FORGET_MS, signal)
    }
  }

  /** `undefined` when the attempt ended, whatever the reason: peers come and go, and the caller's deadline decides. */
  async function askOnce(cid: CID, options: PutOptions): Promise<Uint8Array | undefined> {
    try {
      return await bitswap.get(cid, options)
    } catch {
      return blocks.readRight(cid)
    }
  }

  /**
   * Of a block that is torn here others may have a whole copy. When none has, it is not missing: it is wrong. `around` is done before and after
   * each block is read.
   */
  async function read(cid: Cid, limits: Parameters<HeliaNode['get']>[1], around?: Around): Promise<Uint8Array> {
    const root = parseCid(cid)
    const signal = limits.signal === undefined ? stopping.signal : AbortSignal.any([stopping.signal, limits.signal])
    let torn: unknown
    const source = async (block: CID, until: AbortSignal): Promise<Uint8Array> => {
      await around?.before(block)
      const here = await blocks.read(block).catch((failure: unknown) => {
        if (!isWeftError(failure, 'IPFS_CONTENT_WRONG')) throw failure
        torn = failure
        return undefined
      })
      const found = here ?? (await fetchBlock(block, until))
      await around?.after(block)
      return found
    }
    try {
      return await withDeadline(cid, { timeoutMs: limits.timeoutMs, signal, wait }, (until) =>
        readContent(root, { bytesMax: limits.bytesMax, signal: until, isKnown: around?.isKnown }, source),
      )
    } catch (failure) {
      throw torn !== undefined && isWeftError(failure, 'IPFS_NOT_FOUND') ? torn : failure
    }
  }

  return {
    peerId: libp2p.peerId.toString(),
    addresses: () => libp2p.getMultiaddrs().map(String),
    connect: links.connect,
    peers: () => libp2p.getPeers().length,
    add: (bytes, epochId, codec) => importContent(bytes, (cid, block) => blocks.write(cid, block, epochId), codec),
    get: (cid, limits) => read(cid, limits),
    async pin(cid, epochId) {
      const note = (block: CID) => blocks.note(block, epochId)
      // What was fetched is written without waiting for the disk; from here on it is promised.
      await read(cid, PIN_LIMITS, {
        before: note,
        after: blocks.sync,
        // Most of what is pinned was fetched a moment ago, and hashed as it came.
        async isKnown(leaf) {
          if (!blocks.takeBrought(leaf)) return false
          await note(leaf)
          await blocks.sync(leaf)
          return true
        },
      })
    },
    has: async (cid) => isWhole(parseCid(cid), blocks),
    letGo: blocks.letGo,
    block: async (cid) => blocks.readRight(parseCid(cid)),
    find: async (cid, signal) => fromPeers(parseCid(cid), { signal: AbortSignal.any([signal, stopping.signal]), isPassing: true }),
    stop,
  }
}

async function isWhole(root: CID, blocks: Blocks): Promise<boolean> {
  const local = async (cid: CID) => {
    const block = await blocks.read(cid)
    if (block === undefined) throw new WeftError('IPFS_NOT_FOUND', { cid: cid.toString(), waitedMs: 0 })
    return block
  }
  try {
    await readContent(root, { bytesMax: PIN_LIMITS.bytesMax, signal: new AbortController().signal }, local)
    return true
  } catch (failure) {
    if (isWeftError(failure, 'IPFS_NOT_FOUND') || isWeftError(failure, 'IPFS_CONTENT_WRONG')) return false
    throw failure
  }
}
