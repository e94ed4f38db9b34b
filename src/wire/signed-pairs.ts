import { SIGNATURE_BYTES } from './eip712.ts'

/**
 * Digests and signatures of which the signers are asked for together: all in one buffer, which other threads are handed as it is. Thousands of small
 * ones, that live while others are recovered, have the engine move and look through most of what it then throws away.
 */

const DIGEST_BYTES = 32
export const PAIR_BYTES = DIGEST_BYTES + SIGNATURE_BYTES

/** Digest and signature, one pair after the other; zeros where none was put. */
export type SignedPairs = Uint8Array<ArrayBuffer>

export const createPairs = (count: number): SignedPairs => new Uint8Array(count * PAIR_BYTES)

/** Where a pair's digest is put, and where its signature: r, s, recovery id. */
export const digestIn = (pairs: SignedPairs, index: number): Uint8Array =>
  pairs.subarray(index * PAIR_BYTES, index * PAIR_BYTES + DIGEST_BYTES)
export const signatureIn = (pairs: SignedPairs, index: number): Uint8Array =>
  pairs.subarray(index * PAIR_BYTES + DIGEST_BYTES, (index + 1) * PAIR_BYTES)

/** A digest of 32 bytes and a signature, as a recoverer takes them. */
export interface Signed {
  readonly digest: Uint8Array
  readonly signature: Uint8Array
}

export function pairsOf(signed: readonly Signed[]): SignedPairs {
  const pairs = createPairs(signed.length)
  for (const [index, { digest, signature }] of signed.entries()) {
    digestIn(pairs, index).set(digest)
    signatureIn(pairs, index).set(signature)
  }
  return pairs
}
