import { CID } from 'multiformats/cid'
import { keccak256 } from './keccak.ts'
import { unlessThrown } from './untrusted.ts'

/** A CID as a market keeps it: 32 bytes and what they are (contracts/src/market/Cid.sol). */
export interface PackedCid {
  readonly kind: number
  /** Hex. The SHA-256 digest; of any other text its keccak256. */
  readonly word: string
}

/** Kinds of those that carry a SHA-256 digest, by what stands before it: version, codec, hash and length. CIDv0 has hash and length alone. */
const KINDS: Readonly<Record<string, number>> = { '01551220': 1, '01701220': 2, '1220': 3 }
const OTHER = 4
const DIGEST_BYTES = 32

/** What the market makes of the text, byte for byte: one that is spelled otherwise than its CID is another text. */
export function packCid(text: string): PackedCid {
  if (text === '') return { kind: 0, word: '00'.repeat(DIGEST_BYTES) }
  const bytes = unlessThrown(() => CID.parse(text).bytes)
  // Written anew from the bytes: one that was parsed remembers its text.
  if (bytes !== undefined && CID.decode(bytes).toString() === text) {
    const kind = KINDS[bytes.subarray(0, -DIGEST_BYTES).toHex()]
    if (kind !== undefined) return { kind, word: bytes.subarray(-DIGEST_BYTES).toHex() }
  }
  return { kind: OTHER, word: keccak256(new TextEncoder().encode(text)).toHex() }
}
