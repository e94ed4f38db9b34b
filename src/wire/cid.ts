/** Content ids of snapshots: computed as `ipfs add --cid-version=1` does, recognised without decoding (spec/03 §9). */

import { importBytes } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import type { Cid } from '#domain/ids.ts'
import { unlessThrown } from './untrusted.ts'

/** Kubo's chunk: a file up to this size is one raw block, a larger one a UnixFS tree of such blocks. */
export const CHUNK_BYTES = 262_144
/** Kubo's width of a balanced tree: links per dag-pb node. */
const LINKS_PER_NODE = 174

/** The CIDv1 under which IPFS stores these bytes as a file; the same whether or not an IPFS node is asked. */
export async function snapshotCidOf(bytes: Uint8Array): Promise<Cid> {
  // Stryker disable next-line ConditionalExpression,EqualityOperator: the importer gives a single chunk the same CID, at a greater cost.
  if (bytes.length <= CHUNK_BYTES) return CID.createV1(raw.code, await sha256.digest(bytes)).toString() as Cid
  // Stryker disable ObjectLiteral: these are the importer's defaults today, written down lest another version of it change CIDs.
  const { cid } = await importBytes(bytes, discardingBlockstore, {
    cidVersion: 1,
    rawLeaves: true,
    chunker: fixedSize({ chunkSize: CHUNK_BYTES }),
    layout: balanced({ maxChildrenPerNode: LINKS_PER_NODE }),
  })
  // Stryker restore ObjectLiteral
  return cid.toString() as Cid
}

/** The CIDv0 under which older peers store these bytes as a file. */
export async function cidV0Of(bytes: Uint8Array): Promise<Cid> {
  const { cid } = await importBytes(bytes, discardingBlockstore, {
    cidVersion: 0,
    rawLeaves: false,
    chunker: fixedSize({ chunkSize: CHUNK_BYTES }),
    layout: balanced({ maxChildrenPerNode: LINKS_PER_NODE }),
  })
  return cid.toString() as Cid
}

// The importer computes CIDs while it writes; only the last one is wanted here.
// Stryker disable next-line ArrowFunction: what it returns is not looked at; its type wants a CID.
const discardingBlockstore = { put: (cid: CID) => cid }

/**
 * Whether `text` is what `snapshotCidOf` can return: CIDv1, base32 in lower case, codec raw (`bafkrei`) or dag-pb (`bafybei`),
 * sha2-256 of 32 bytes. Digits of 5 bits: the 32 bits of version, codec, hash and length end within the seventh, leaving it a to h,
 * and 36 bytes leave the last one two bits short, making it a multiple of four.
 */
export function isSnapshotCid(text: string): text is Cid {
  return SNAPSHOT_CID.test(text)
}

const SNAPSHOT_CID = /^baf(?:kr|yb)ei[a-h][a-z2-7]{50}[aeimquy4]$/

/** Of a block of dag-cbor, which compact batches are. */
const DAG_CBOR = 0x71

/** The CIDv1 of these bytes as one block of dag-cbor. */
export async function dagCborCidOf(bytes: Uint8Array): Promise<Cid> {
  return CID.createV1(DAG_CBOR, await sha256.digest(bytes)).toString() as Cid
}

/** Whether `text` is what `dagCborCidOf` can return; as `isSnapshotCid` otherwise. */
export function isDagCborCid(text: string): text is Cid {
  return DAG_CBOR_CID.test(text)
}

const DAG_CBOR_CID = /^bafyrei[a-h][a-z2-7]{50}[aeimquy4]$/

/** The 36 bytes of what `isSnapshotCid` takes; `undefined` for other texts. */
export const cidBytes = (text: string): Uint8Array | undefined => (isSnapshotCid(text) ? CID.parse(text).bytes : undefined)

/** The text that has these bytes; `undefined` when `cidBytes` gives them for none. */
export function cidOfBytes(bytes: Uint8Array): Cid | undefined {
  const text = unlessThrown(() => CID.decode(bytes).toString())
  return text !== undefined && isSnapshotCid(text) ? text : undefined
}

/** As `isSnapshotCid`, or a CIDv0 (`Qm…`), which older peers still write. */
export function isCid(text: string): text is Cid {
  return isSnapshotCid(text) || isCidV0(text)
}

/**
 * Base58 has no bit boundaries, but its digits stand in the order of ASCII: of all texts of this length, those of 0x12, 0x20 and 32 bytes
 * lie from that of 32 zeros to that of 32 times 0xff.
 */
function isCidV0(text: string): boolean {
  return BASE58_46.test(text) && text >= CID_V0_FIRST && text <= CID_V0_LAST
}

const BASE58_46 = /^[1-9A-HJ-NP-Za-km-z]{46}$/
const CID_V0_FIRST = 'QmNLei78zWmzUdbeRB3CiUfAizWUrbeeZh5K1rhAQKCh51'
const CID_V0_LAST = 'QmfZy5bvk7a3DQAjCbGNtmrPXWkyVvPrdnZMyBZ5q5ieKG'
