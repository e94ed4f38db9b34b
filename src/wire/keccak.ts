import { createKeccak } from 'hash-wasm'

/** One instance for the process: the fastest keccak measured here, and creating it is the dear part. It keeps nothing between two hashes. */
const hasher = await createKeccak(256)

/** Keccak-256, the hash of the EVM (not SHA3-256). 32 bytes of the caller's own. */
export function keccak256(bytes: Uint8Array): Uint8Array {
  return hasher.init().update(bytes).digest('binary')
}
