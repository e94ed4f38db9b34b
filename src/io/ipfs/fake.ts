import type { CID } from 'multiformats/cid'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import type { Ipfs } from './port.ts'
import { checkBlock, importContent, parseCid, readContent, wait, withDeadline } from './unixfs.ts'

/** Time, as far as a deadline needs it: a `Clock` fits. */
interface Waiter {
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>
}

export interface FakeIpfsNode extends Ipfs {
  /** The node no longer gives this content to others; what it holds itself it still reads. */
  withhold(cid: Cid): void
  /** Flips a byte of the stored block `cid`, as a bad disk would. */
  corrupt(cid: Cid): void
  /** Whether the node reaches the others, and they it. True at first. */
  setConnected(isConnected: boolean): void
  /** How many blocks are stored, and their bytes. */
  size(): { readonly count: number; readonly bytes: number }
}

/** Nodes in one process, each with a store of its own, each connected to all others. */
export interface FakeIpfsNetwork {
  /** The node of that name, made at first mention. */
  node(name: string): FakeIpfsNode
}

interface Member {
  readonly blocks: Map<string, Uint8Array>
  /** The newest epoch that needs the block. */
  readonly epochs: Map<string, EpochId>
  readonly withheld: Set<string>
  isConnected: boolean
}

const realTime: Waiter = { sleep: (durationMs, signal) => wait(durationMs, signal ?? new AbortController().signal) }

/** With a virtual `clock`, its time decides when a `get` gives up. */
export function createFakeIpfsNetwork(options: { readonly clock?: Waiter } = {}): FakeIpfsNetwork {
  const members = new Map<string, { readonly member: Member; readonly node: FakeIpfsNode }>()
  /** Reads that wait for a block: each looks again when anything changes. */
  const waiting = new Set<() => void>()
  const clock = options.clock ?? realTime
  const changed = () => {
    for (const look of [...waiting]) look()
  }

  /** What a peer serves is checked as it arrives: a wrong block counts as none. */
  function servedBy(peer: Member, key: string): Uint8Array | undefined {
    return peer.isConnected && !peer.withheld.has(key) ? peer.blocks.get(key) : undefined
  }

  return {
    node(name) {
      const known = members.get(name)
      if (known !== undefined) return known.node
      const member: Member = { blocks: new Map(), epochs: new Map(), withheld: new Set(), isConnected: true }
      const peers = () => [...members.values()].map((each) => each.member).filter((each) => each !== member)
      const node = createNode(member, { peers, servedBy, changed, waiting, clock })
      members.set(name, { member, node })
      return node
    },
  }
}

interface Surroundings {
  readonly peers: () => readonly Member[]
  readonly servedBy: (peer: Member, key: string) => Uint8Array | undefined
  readonly changed: () => void
  readonly waiting: Set<() => void>
  readonly clock: Waiter
}

function createNode(member: Member, around: Surroundings): FakeIpfsNode {
  const { blocks, epochs } = member
  let newest = 0 as EpochId

  function note(key: string, epochId = newest): void {
    newest = Math.max(newest, epochId) as EpochId
    epochs.set(key, Math.max(epochs.get(key) ?? 0, epochId) as EpochId)
  }

  async function keep(cid: CID, block: Uint8Array, epochId?: EpochId): Promise<void> {
    note(cid.toString(), epochId)
    blocks.set(cid.toString(), new Uint8Array(block))
    around.changed()
  }

  /** A block of a connected peer, as it is found; `undefined` when none has a right one now. */
  async function fromPeers(cid: CID): Promise<Uint8Array | undefined> {
    if (!member.isConnected) return undefined
    for (const peer of around.peers()) {
      const block = around.servedBy(peer, cid.toString())
      if (block !== undefined && (await isRight(cid, block))) return block
    }
    return undefined
  }

  async function fetchBlock(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    for (;;) {
      const here = blocks.get(cid.toString())
      if (here !== undefined && (await isRight(cid, here))) return here
      const change = nextChange(around.waiting, signal)
      const block = await fromPeers(cid)
      if (block !== undefined) {
        change.forget()
        await keep(cid, block)
        return block
      }
      await change.happened
    }
  }

  async function get(cid: Cid, limits: Parameters<Ipfs['get']>[1]): Promise<Uint8Array> {
    const root = parseCid(cid)
    let torn: unknown
    const source = async (block: CID, signal: AbortSignal): Promise<Uint8Array> => {
      const here = blocks.get(block.toString())
      if (here !== undefined)
        await checkBlock(block, here).catch((failure: unknown) => {
          torn = failure
        })
      return fetchBlock(block, signal)
    }
    try {
      return await withDeadline(cid, { ...limits, wait: (ms, signal) => around.clock.sleep(ms, signal) }, (signal) =>
        readContent(root, { bytesMax: limits.bytesMax, signal }, source),
      )
    } catch (failure) {
      throw torn !== undefined && isWeftError(failure, 'IPFS_NOT_FOUND') ? torn : failure
    }
  }

  return {
    add: (bytes, epochId, codec) => importContent(bytes, (cid, block) => keep(cid, block, epochId), codec),
    get,
    async pin(cid, epochId) {
      await get(cid, PIN_LIMITS)
      await readContent(parseCid(cid), { ...PIN_LIMITS, signal: new AbortController().signal }, async (block, signal) => {
        note(block.toString(), epochId)
        return fetchBlock(block, signal)
      })
    },
    async letGo(oldest, countMax) {
      const old = [...epochs].filter(([, epochId]) => epochId < oldest).sort(([, left], [, right]) => left - right)
      const gone = old.slice(0, countMax)
      for (const [key] of gone) {
        blocks.delete(key)
        epochs.delete(key)
      }
      return gone.length
    },
    size: () => ({ count: blocks.size, bytes: [...blocks.values()].reduce((sum, block) => sum + block.length, 0) }),
    async has(cid) {
      const local = async (each: CID) => {
        const block = blocks.get(each.toString())
        if (block === undefined) throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 0 })
        return block
      }
      return readContent(parseCid(cid), { bytesMax: PIN_LIMITS.bytesMax, signal: new AbortController().signal }, local).then(
        () => true,
        () => false,
      )
    },
    withhold(cid) {
      member.withheld.add(cid)
    },
    corrupt(cid) {
      const block = blocks.get(cid)
      if (block === undefined) throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 0 })
      block[block.length >> 1] = (block[block.length >> 1] ?? 0) ^ 1
    },
    setConnected(isConnected) {
      member.isConnected = isConnected
      around.changed()
    },
  }
}

/** Generous, as for the real node: what is pinned was read before, by a caller with limits of its own. */
const PIN_LIMITS = { bytesMax: 1_073_741_824, timeoutMs: 60_000 }

async function isRight(cid: CID, block: Uint8Array): Promise<boolean> {
  return checkBlock(cid, block).then(
    () => true,
    () => false,
  )
}

/** The next change anywhere in the network, watched from now on; rejects when the signal aborts. */
function nextChange(waiting: Set<() => void>, signal: AbortSignal): { readonly happened: Promise<void>; forget(): void } {
  let settle: () => void = () => undefined
  const happened = new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      waiting.delete(settle)
      reject(signal.reason)
    }
    settle = () => {
      waiting.delete(settle)
      signal.removeEventListener('abort', onAbort)
      resolve()
    }
    waiting.add(settle)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  // Forgotten ones may still be aborted later; nobody waits for them then.
  happened.catch(() => undefined)
  return { happened, forget: () => settle() }
}
