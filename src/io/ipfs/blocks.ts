import { existsSync, unlinkSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FsBlockstore } from 'blockstore-fs'
import { CID } from 'multiformats/cid'
import { isWeftError, storeFailed } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import { createRecent } from '#domain/recent.ts'
import { placeOf } from './block-folder.ts'
import type { Kept } from './kept.ts'
import { blockIn, packed } from './packing.ts'

/**
 * The blocks of a node on its disk. A file there is taken on nobody's word: a power cut tears it, a disk forgets it. What does not hash to
 * its CID is answered to nobody, as if it were not there, and replaced as soon as the right bytes come (G3, G12).
 */
export interface Blocks {
  /** For Helia and its Bitswap, with the same care. */
  readonly store: FsBlockstore
  /** `undefined` when it is not here. Throws `IPFS_CONTENT_WRONG` when what is here is something else. */
  read(cid: CID): Promise<Uint8Array | undefined>
  /** `undefined` also when what is here is something else. */
  readRight(cid: CID): Promise<Uint8Array | undefined>
  /** Also replaces a block whose file is damaged. On disk when it resolves. */
  write(cid: CID, block: Uint8Array, epochId: EpochId | undefined): Promise<void>
  /** From now on the block is needed for the epoch. To be called before anybody looks whether it is here: it may be let go until then. */
  note(cid: CID, epochId: EpochId | undefined): Promise<void>
  /** Resolves when the block, which must be stored, is on disk. */
  sync(cid: CID): Promise<void>
  /** Whether a peer's answer was checked and written here since this process began, and nobody has asked this since: it need not be read to be believed. */
  takeBrought(cid: CID): boolean
  letGo(oldest: EpochId, countMax: number): Promise<number>
}

export interface BlocksDeps {
  /** Without it nothing is ever let go. */
  readonly kept?: Kept | undefined
  /** Called with each block that is found to be something else. */
  readonly onDamaged?: ((cid: string) => void) | undefined
}

export function openBlocks(directory: string, deps: BlocksDeps): Blocks {
  const { kept } = deps
  const store = new CheckedStore(directory, deps)

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

  async function note(cid: CID, epochId: EpochId | undefined): Promise<void> {
    await kept?.note(placeOf(cid).file, epochId)
  }

  return {
    store,
    read: (cid) => store.read(cid),
    readRight: (cid) => store.readRight(cid),
    async write(cid, block, epochId) {
      await note(cid, epochId)
      if ((await store.readRight(cid)) === undefined) await store.write(cid, block)
      // Also when it was here: who put it here, a peer's answer or an attempt that was killed, may not have waited for the disk.
      await sync(cid)
    },
    note,
    sync,
    takeBrought: (cid) => store.takeBrought(cid),
    async letGo(oldest, countMax) {
      const remove = (cid: string): void => {
        store.forget(CID.parse(cid))
        removeBlock(directory, cid)
      }
      return (await kept?.letGo(oldest, countMax, remove)) ?? 0
    },
  }
}

/** Removes the file of a block; one that is gone already is fine. */
export function removeBlock(directory: string, cid: string): void {
  const { dir, file } = placeOf(CID.parse(cid))
  const path = join(directory, dir, file)
  try {
    unlinkSync(path)
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code !== 'ENOENT') throw storeFailed(path, 'removing a block', failure)
  }
}

/** Helia hands on to the store what it was asked with. */
export interface PutOptions {
  readonly signal?: AbortSignal
  /** For somebody else: it is not written. */
  readonly isPassing?: boolean
}

/**
 * Blocks that peers were given or brought lately: whoever takes part in an epoch asks for the same ones within seconds. Of small ones some thousands, of
 * batch files some dozens.
 */
const SERVED_BYTES_MAX = 8 * 1024 * 1024
/**
 * A larger one that was brought is of a batch file, which few ask for: it joins them with the first who does. What is held for some seconds grows old,
 * and each 64 MB that grow old have the engine look through all memory.
 */
const SERVED_AT_ONCE_BYTES_MAX = 64 * 1024
/** Of some gigabytes. Those of them that nobody pins are forgotten, oldest first. */
const BROUGHT_MAX = 10_000

class CheckedStore extends FsBlockstore {
  readonly #directory: string
  readonly #deps: BlocksDeps
  readonly #brought = new Set<string>()
  /** What each peer would else be read anew, in turns of the event loop that add up while there is much to do. */
  readonly #served = createRecent<Uint8Array>(SERVED_BYTES_MAX)

  constructor(directory: string, deps: BlocksDeps) {
    super(directory, {
      shardingStrategy: {
        extension: '',
        encode: placeOf,
        decode: (path) => CID.parse(path.slice(path.lastIndexOf('/') + 1)),
      },
    })
    this.#directory = directory
    this.#deps = deps
  }

  async read(cid: CID): Promise<Uint8Array | undefined> {
    const file = await this.#readFile(cid)
    try {
      if (file !== undefined) return await blockIn(cid, file)
      this.#served.delete(placeOf(cid).file)
      return undefined
    } catch (failure) {
      // It is to be fetched and written anew.
      this.#served.delete(placeOf(cid).file)
      this.#deps.onDamaged?.(cid.toString())
      throw failure
    }
  }

  async readRight(cid: CID): Promise<Uint8Array | undefined> {
    try {
      return await this.read(cid)
    } catch (failure) {
      if (isWeftError(failure, 'IPFS_CONTENT_WRONG')) return undefined
      throw failure
    }
  }

  async #readFile(cid: CID): Promise<Uint8Array | undefined> {
    try {
      // At once: the store reads in pieces, through a stream, for several times the work.
      const { dir, file } = placeOf(cid)
      return await readFile(join(this.#directory, dir, file))
    } catch (failure) {
      if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw storeFailed(this.#directory, 'reading a block', failure)
    }
  }

  async write(cid: CID, block: Uint8Array): Promise<void> {
    try {
      await super.put(cid, packed(block))
    } catch (failure) {
      throw storeFailed(this.#directory, 'writing a block', failure)
    }
  }

  /** What peers are given. */
  override async *get(cid: CID): AsyncGenerator<Uint8Array> {
    const block = await this.#forPeers(cid)
    if (block === undefined) throw Object.assign(new Error(`${cid} is not stored here`), { name: 'NotFoundError' })
    yield block
  }

  /** What peers are told of, and whether Helia has to ask them. */
  override async has(cid: CID): Promise<boolean> {
    return (await this.#forPeers(cid)) !== undefined
  }

  async #forPeers(cid: CID): Promise<Uint8Array | undefined> {
    const { dir, file } = placeOf(cid)
    const served = this.#served.get(file)
    // Peers ask everybody, so most of what they ask for is not here: that is known at once.
    if (served !== undefined || !existsSync(join(this.#directory, dir, file))) return served
    const block = await this.readRight(cid)
    if (block !== undefined) this.#serve(file, block)
    return block
  }

  /**
   * A copy: the block may be a piece of a message, or of the room that it was unpacked in, many times its size, which would stay with it. `slice` of a
   * Buffer would be none.
   */
  #serve(file: string, block: Uint8Array): void {
    this.#served.set(file, block.byteLength < block.buffer.byteLength ? new Uint8Array(block) : block, block.length)
  }

  /** What peers brought. */
  override async put(cid: CID, block: Uint8Array, options: PutOptions = {}): Promise<CID> {
    if (options.isPassing === true) return cid
    const { file } = placeOf(cid)
    await this.#deps.kept?.note(file)
    await this.write(cid, block)
    if (block.length <= SERVED_AT_ONCE_BYTES_MAX) this.#serve(file, block)
    this.#brought.add(file)
    if (this.#brought.size > BROUGHT_MAX) this.#brought.delete(this.#brought.keys().next().value as string)
    return cid
  }

  takeBrought(cid: CID): boolean {
    return this.#brought.delete(placeOf(cid).file)
  }

  forget(cid: CID): void {
    this.takeBrought(cid)
    this.#served.delete(placeOf(cid).file)
  }
}

export async function joined(parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return all.length === 1 && all[0] !== undefined ? all[0] : Buffer.concat(all)
}
