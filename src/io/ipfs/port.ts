import type { Cid, EpochId } from '#domain/ids.ts'

/** A message of Bitswap carries no larger block, so none is taken. It bounds what is read, unpacked and kept of one. */
export const BLOCK_BYTES_MAX = 4 * 1024 * 1024

/**
 * Content-addressed storage. CIDs are those of `ipfs add --cid-version=1`: one raw block up to 256 KiB, a UnixFS file of
 * 262,144-byte chunks above (spec/03 §9); or that of one block of dag-cbor, whatever its size. `wire/cid.ts` computes the same without a node.
 *
 * Obligations, proved by suite.ts:
 * - `add` resolves when the content is stored and pinned here; adding the same bytes again is cheap and gives the same CID.
 * - `get` never returns bytes that do not hash to `cid`. Content that is not here is fetched from connected peers; so is what is damaged
 *   here, which nobody is given, and the right bytes replace it.
 * - `get` throws `IPFS_NOT_FOUND` after `timeoutMs`, or `IPFS_CONTENT_WRONG` if the only copy found was a damaged one here;
 *   `IPFS_CONTENT_TOO_LARGE` as soon as more than `bytesMax` would come. It may for a block of more than `BLOCK_BYTES_MAX` too.
 * - Content is let go by the newest epoch that it was added or pinned for, each block by itself: content may share blocks. Where no epoch
 *   is named, and for what only `get` brought, it is the newest that was ever named here.
 */
export interface Ipfs {
  /** `codec` names what `bytes` are when they are no file. */
  add(bytes: Uint8Array, epochId?: EpochId, codec?: 'dag-cbor'): Promise<Cid>
  get(cid: Cid, options: { readonly bytesMax: number; readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<Uint8Array>
  /** Keeps content that was fetched: what `get` brought may otherwise be dropped. Throws `IPFS_NOT_FOUND`. */
  pin(cid: Cid, epochId?: EpochId): Promise<void>
  /** Whether the whole content is stored here. */
  has(cid: Cid): Promise<boolean>
  /** Removes the blocks that no epoch from `oldest` on needs, oldest first and `countMax` at most. Resolves with how many went. */
  letGo(oldest: EpochId, countMax: number): Promise<number>
}

/**
 * A place beside the node that keeps copies of content which the node holds. Obligations, proved by suite/place.ts:
 * - `pin` resolves when the place has said that it keeps the whole content and all of it was read back by its CID over another way than it
 *   went there, and is the node's. Whoever lies, fails or hangs is found out: it throws, within a minute, whatever the place does.
 * - It is noted on disk before the place hears of it, so that nothing stays there for ever; to pin again is the same.
 * - `letGo` takes from the place what only epochs before `oldest` need, oldest first and `countMax` at most, and resolves with how much. What
 *   the place does not let go stays noted for the next call, and this one throws.
 * - It throws `PLACE_FAILED`, `IPFS_CONTENT_WRONG`, `IPFS_NOT_FOUND`, as `storeFailed`, or the signal's reason; no secret is in what it throws.
 */
export interface PinPlace {
  /** What people call it: its kind and where it is, never a secret. */
  readonly name: string
  pin(cid: Cid, epochId: EpochId | undefined, signal: AbortSignal): Promise<void>
  letGo(oldest: EpochId, countMax: number, signal: AbortSignal): Promise<number>
}
