import { exporter } from 'ipfs-unixfs-exporter'
import { importFile } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'

/** UnixFS files as `ipfs add --cid-version=1` makes them (spec/03 §9) and their reading block by block, each block checked; and content that is one block of dag-cbor. */

const CHUNK_BYTES = 262_144
/** Kubo's; it begins to matter above 45 MB. */
const LINKS_PER_NODE = 174
const RAW = 0x55
/** `dag-pb` and `raw`: what a UnixFS file is made of. */
const CODECS: readonly number[] = [0x70, RAW]
/** Content by itself, never part of a file. What it links to is not followed. */
export const DAG_CBOR = 0x71
/** Blocks of one content that are read at the same time. */
const READS_MAX = 8
/** Five levels of 174 links hold more than anybody accepts; a deeper tree is there to waste our time. */
const DEPTH_MAX = 5
/** 2.5 GiB in whole chunks. A tree of empty blocks would otherwise never reach the limit of bytes. */
const BLOCKS_MAX = 10_000
/**
 * What a tree may hold beside its content: links, sizes, names. Kubo's takes 60 bytes for a chunk, one part in 4,000; decoding it is what costs,
 * a second for about 10 MB.
 */
const overheadMax = (bytesMax: number): number => 1_048_576 + bytesMax / 16

/** Brings the bytes said to be one block. It need not check them. */
export type BlockSource = (cid: CID, signal: AbortSignal) => Promise<Uint8Array>

/** Throws `ID_MALFORMED` unless `text` names a UnixFS file, or a block of dag-cbor, by its sha2-256. */
export function parseCid(text: string): CID {
  const cid = cidOf(text)
  if (cid === undefined || !isReadable(cid, [...CODECS, DAG_CBOR]))
    throw new WeftError('ID_MALFORMED', { what: 'CID', text: text.slice(0, 80) })
  return cid
}

function cidOf(text: string): CID | undefined {
  try {
    return CID.parse(text)
  } catch {
    // The library's one way to say that the text is no CID.
    return undefined
  }
}

function isReadable(cid: CID, codecs: readonly number[]): boolean {
  return codecs.includes(cid.code) && cid.multihash.code === sha256.code && cid.multihash.digest.length === 32
}

/** Cuts `bytes` into blocks, hands each to `put`, returns the CID of the whole. */
export async function importContent(
  bytes: Uint8Array,
  put: (cid: CID, block: Uint8Array) => Promise<void>,
  codec?: 'dag-cbor',
): Promise<Cid> {
  if (codec === 'dag-cbor') {
    const cid = CID.createV1(DAG_CBOR, await sha256.digest(bytes))
    await put(cid, bytes)
    return cid.toString() as Cid
  }
  const { cid } = await importFile(
    { content: bytes },
    {
      async put(key, block) {
        // The importer gives bytes, never a stream.
        await put(key, block as Uint8Array)
        return key
      },
    },
    {
      cidVersion: 1,
      rawLeaves: true,
      chunker: fixedSize({ chunkSize: CHUNK_BYTES }),
      layout: balanced({ maxChildrenPerNode: LINKS_PER_NODE }),
    },
  )
  return cid.toString() as Cid
}

/** Throws `IPFS_CONTENT_WRONG` unless `block` hashes to `cid`. */
export async function checkBlock(cid: CID, block: Uint8Array): Promise<void> {
  const got = CID.create(cid.version, cid.code, await sha256.digest(block))
  if (!got.equals(cid)) throw new WeftError('IPFS_CONTENT_WRONG', { cid: cid.toString(), got: got.toString() })
}

/**
 * Reads the whole content, each block checked against its hash. A leaf that `isKnown` is not read: its bytes are left out. Throws `IPFS_CONTENT_WRONG`, also for a tree that is no file,
 * `IPFS_CONTENT_TOO_LARGE`, and whatever `source` throws.
 */
export async function readContent(
  root: CID,
  limits: { readonly bytesMax: number; readonly signal: AbortSignal; readonly isKnown?: ((leaf: CID) => Promise<boolean>) | undefined },
  source: BlockSource,
): Promise<Uint8Array> {
  let bytes = 0
  let overhead = 0
  let blocks = 0
  /** Others of its kind may be under way when one block fails: they go no further. */
  let isOver = false
  const tooLarge = () => new WeftError('IPFS_CONTENT_TOO_LARGE', { cid: root.toString(), bytesMax: limits.bytesMax })

  const noFile = () => new WeftError('IPFS_CONTENT_WRONG', { cid: root.toString(), got: 'no UnixFS file' })

  async function read(cid: CID, depth: number): Promise<Uint8Array[]> {
    blocks += 1
    if (depth > DEPTH_MAX || blocks > BLOCKS_MAX || !isReadable(cid, depth === 0 ? [...CODECS, DAG_CBOR] : CODECS)) throw noFile()
    limits.signal.throwIfAborted()
    if (cid.code === RAW && (await limits.isKnown?.(cid)) === true) return []
    const block = await source(cid, limits.signal)
    await checkBlock(cid, block)
    if (isOver || overhead > overheadMax(limits.bytesMax)) throw noFile()
    const node = await decode(cid, block)
    overhead += block.length - node.data.length
    if (overhead > overheadMax(limits.bytesMax)) throw noFile()
    // What the node claims to hold is refused before anything below it is fetched; what it does hold is counted all the same.
    bytes += node.data.length
    if (bytes > limits.bytesMax || node.sizeClaimed > limits.bytesMax) throw tooLarge()
    const parts = [node.data]
    for (let index = 0; index < node.links.length; index += READS_MAX) {
      const children = await Promise.all(node.links.slice(index, index + READS_MAX).map((link) => read(link, depth + 1)))
      parts.push(...children.flat())
    }
    return parts
  }

  try {
    return joined(await read(root, 0))
  } finally {
    isOver = true
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

interface FileNode {
  readonly data: Uint8Array
  readonly links: readonly CID[]
  readonly sizeClaimed: number
}

/**
 * Only the decoding is the library's: its own walk of a tree leaves a rejected promise behind when a deep block fails, which ends the process.
 */
async function decode(cid: CID, block: Uint8Array): Promise<FileNode> {
  if (cid.code === DAG_CBOR) return { data: block, links: [], sizeClaimed: block.length }
  const failed = (cause: unknown) => new WeftError('IPFS_CONTENT_WRONG', { cid: cid.toString(), got: 'no UnixFS file' }, cause)
  const entry = await exporter(cid, {
    async *get() {
      yield block
    },
  }).catch((cause) => {
    throw failed(cause)
  })
  if (entry.type === 'raw') return { data: entry.node, links: [], sizeClaimed: entry.node.length }
  if (entry.type !== 'file') throw failed(undefined)
  return { data: entry.unixfs.data ?? new Uint8Array(0), links: entry.node.Links.map((link) => link.Hash), sizeClaimed: Number(entry.size) }
}

/** Resolves after the time given; rejects with the signal's reason when it aborts. */
export type Wait = (durationMs: number, signal: AbortSignal) => Promise<void>

export const wait: Wait = (durationMs, signal) => {
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, durationMs)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** Nobody reads why, and an error of its own costs more than the wait. */
export const OVER = 'over'

/** Runs `read` until `timeoutMs` have passed (`IPFS_NOT_FOUND`) or `signal` aborts (its reason). */
export async function withDeadline<Value>(
  cid: string,
  limits: {
    readonly timeoutMs: number
    readonly signal?: AbortSignal | undefined
    readonly wait: Wait
  },
  read: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  limits.signal?.throwIfAborted()
  const deadline = new AbortController()
  const isOver = new AbortController()
  const signals = limits.signal === undefined ? [deadline.signal] : [deadline.signal, limits.signal]
  const notFound = (cause?: unknown) => new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: limits.timeoutMs }, cause)
  // The rejection of the wait is how it is cancelled: nothing failed.
  limits.wait(limits.timeoutMs, isOver.signal).then(
    () => deadline.abort(notFound()),
    () => undefined,
  )
  const signal = AbortSignal.any(signals)
  try {
    return await read(signal)
  } catch (failure) {
    if (isWeftError(failure)) throw failure
    limits.signal?.throwIfAborted()
    throw isWeftError(signal.reason) ? signal.reason : notFound(failure)
  } finally {
    isOver.abort(OVER)
  }
}
