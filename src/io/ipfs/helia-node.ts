import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { withBitswap } from '@helia/bitswap'
import { withLibp2pLight } from '@helia/libp2p'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { FsBlockstore } from 'blockstore-fs'
import { createHeliaLight } from 'helia'
import { CID } from 'multiformats/cid'
import { isWeftError, listenFailed, storeFailed, WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { placeOf } from './block-folder.ts'
import type { HeliaNode, HeliaOptions } from './helia.ts'
import { identityAt } from './identity.ts'
import { superviseLinks } from './links.ts'
import { importContent, parseCid, readContent, type Wait, wait as realWait, withDeadline } from './unixfs.ts'

/** Devnets and validators start many nodes of one host at once; libp2p's own limit of 5 a second would refuse some of them. */
const INBOUND_CONNECTIONS_PER_SECOND = 50
/** One hung peer holds up the want list for all of them until this has passed. */
const MESSAGE_SEND_TIMEOUT_MS = 3_000
/** A block that arrived too late for its reader may be asked for again after this long. */
const RESEND_AFTER_MS = 1_000
/**
 * Bitswap asks a peer once, and a peer that stores the block a moment later does not always say so, so we ask anew:
 * soon at first, then ever more slowly.
 */
const ASK_AGAIN_MS = { first: 500, last: 4_000 }
/** Between two attempts Bitswap needs a moment to forget the first, or it takes the second for the same one. */
const FORGET_MS = 40
/** What is pinned was read before, by a caller with limits of its own. */
const PIN_LIMITS = { bytesMax: 1_073_741_824, timeoutMs: 60_000 }

/** The node itself; `startHeliaNode` says what it is. */
export async function startNode(options: HeliaOptions, { wait }: { readonly wait: Wait } = { wait: realWait }): Promise<HeliaNode> {
  const stopping = new AbortController()
  const listen = options.listen ?? ['/ip4/127.0.0.1/tcp/0']
  const blocks = openBlocks(join(options.directory, 'blocks'))
  const helia = withBitswap(
    withLibp2pLight(createHeliaLight({ blockstore: blocks.store }), {
      privateKey:
        options.identity === undefined ? await identityAt(join(options.directory, 'peer-key')) : privateKeyFromProtobuf(options.identity),
      addresses: { listen: [...listen] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionManager: { inboundConnectionThreshold: INBOUND_CONNECTIONS_PER_SECOND },
      // Yamux keeps idle connections alive; a ping on a new stream every 10 s would cost more than the exchange.
      connectionMonitor: { enabled: false },
      services: { identify: identify() },
    }),
    { messageSendTimeout: MESSAGE_SEND_TIMEOUT_MS, doNotResendBlockWindow: RESEND_AFTER_MS },
  )
  try {
    await helia.start()
  } catch (failure) {
    await helia.stop()
    throw listenFailed(listen.join(' '), failure)
  }
  const links = superviseLinks({ signal: stopping.signal }, { libp2p: helia.libp2p, wait })
  async function stop(): Promise<void> {
    stopping.abort(new WeftError('STOPPED', { what: 'IPFS node' }))
    await links.stopped()
    await helia.stop()
  }
  try {
    for (const peer of options.peers ?? []) links.keep(peer)
  } catch (failure) {
    await stop()
    throw failure
  }

  /** The block from here, else from whoever is connected and has it; helia stores what comes. */
  async function fetchBlock(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const here = await blocks.read(cid)
    if (here !== undefined) return here
    for (let patienceMs = ASK_AGAIN_MS.first; ; patienceMs = Math.min(patienceMs * 2, ASK_AGAIN_MS.last)) {
      const block = await askOnce(cid, AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]))
      if (block !== undefined) return block
      await wait(FORGET_MS, signal)
    }
  }

  /** `undefined` when the attempt ended, whatever the reason: peers come and go, and the caller's deadline decides. */
  async function askOnce(cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined> {
    try {
      return await joined(helia.blockstore.get(cid, { signal }))
    } catch {
      return blocks.read(cid)
    }
  }

  async function get(cid: Cid, limits: Parameters<HeliaNode['get']>[1]): Promise<Uint8Array> {
    const root = parseCid(cid)
    const signal = limits.signal === undefined ? stopping.signal : AbortSignal.any([stopping.signal, limits.signal])
    return withDeadline(cid, { timeoutMs: limits.timeoutMs, signal, wait }, (until) =>
      readContent(root, { bytesMax: limits.bytesMax, signal: until }, fetchBlock),
    )
  }

  return {
    peerId: helia.libp2p.peerId.toString(),
    addresses: () => helia.libp2p.getMultiaddrs().map(String),
    connect: links.connect,
    // Nothing is ever collected here, so what is stored stays: stored is pinned.
    add: (bytes) => importContent(bytes, blocks.write),
    get,
    async pin(cid) {
      await get(cid, PIN_LIMITS)
      // What was fetched is written without waiting for the disk; from here on it is promised.
      await readContent(parseCid(cid), { bytesMax: PIN_LIMITS.bytesMax, signal: stopping.signal }, async (block, signal) => {
        const bytes = await fetchBlock(block, signal)
        await blocks.sync(block)
        return bytes
      })
    },
    has: async (cid) => isWhole(parseCid(cid), blocks),
    block: async (cid) => blocks.read(parseCid(cid)),
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

interface Blocks {
  readonly store: FsBlockstore
  read(cid: CID): Promise<Uint8Array | undefined>
  /** Also replaces a block whose file is damaged. On disk when it resolves. */
  write(cid: CID, block: Uint8Array): Promise<void>
  /** Resolves when the block, which must be stored, is on disk. */
  sync(cid: CID): Promise<void>
}

function openBlocks(directory: string): Blocks {
  const store = new FsBlockstore(directory, {
    shardingStrategy: {
      extension: '',
      encode: placeOf,
      decode: (path) => CID.parse(path.slice(path.lastIndexOf('/') + 1)),
    },
  })
  async function read(cid: CID): Promise<Uint8Array | undefined> {
    try {
      return await joined(store.get(cid))
    } catch (failure) {
      // The store gives every failure this one name; a block that cannot be read is as good as absent.
      if ((failure as Error).name === 'NotFoundError') return undefined
      throw storeFailed(directory, 'reading a block', failure)
    }
  }
  /** The store renames a finished file into place but leaves it to the system when it reaches the disk; what we call stored must outlive a power cut. */
  async function sync(cid: CID): Promise<void> {
    const { dir, file } = placeOf(cid)
    try {
      await using handle = await open(join(directory, dir, file), 'r+')
      await handle.sync()
    } catch (failure) {
      throw storeFailed(directory, 'syncing a block', failure)
    }
  }
  async function put(cid: CID, block: Uint8Array): Promise<void> {
    try {
      await store.put(cid, block)
    } catch (failure) {
      throw storeFailed(directory, 'writing a block', failure)
    }
  }
  return {
    store,
    read,
    async write(cid, block) {
      const stored = await read(cid)
      if (stored === undefined || Buffer.compare(stored, block) !== 0) await put(cid, block)
      // Also when it was here: who put it here, a peer's answer or an attempt that was killed, may not have waited for the disk.
      await sync(cid)
    },
    sync,
  }
}

async function joined(parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return all.length === 1 && all[0] !== undefined ? all[0] : Buffer.concat(all)
}
