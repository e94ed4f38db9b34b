import { randomBytes } from 'node:crypto'
// `/bindings.js` is the native library and nothing else: the package's main entry falls back to one 20 times slower without a word.
import secp256k1 from 'secp256k1/bindings.js'
import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { keccak256 } from '#wire/keccak.ts'
import { digestIn, PAIR_BYTES, signatureIn } from '#wire/signed-pairs.ts'
import type { KeySigner, ManyRecoverer, Recoverer } from './port.ts'

const PRIVATE_KEY_BYTES = 32
/** An uncompressed public key: one byte of form, then the 64 that are hashed. */
const PUBLIC_KEY_BYTES = 65

/** Of a public key of 64 bytes, as `publicKeyOf`. */
export function addressOf(publicKey: Uint8Array): Address {
  return `0x${addressBytes(publicKey).toHex()}` as Address
}

const addressBytes = (publicKey: Uint8Array): Uint8Array => keccak256(publicKey).subarray(12)

/** 64 hex digits, `0x` or not. Throws `ID_MALFORMED`, without the text. */
export function parsePrivateKey(text: string): Secret<Uint8Array> {
  const hex = text.startsWith('0x') ? text.slice(2) : text
  const key = /^[0-9a-fA-F]{64}$/.test(hex) ? Uint8Array.fromHex(hex) : undefined
  if (key === undefined || !secp256k1.privateKeyVerify(key)) throw new WeftError('ID_MALFORMED', { what: 'private key', text: '[secret]' })
  return new Secret(key)
}

/** Of the system's randomness. */
export function newPrivateKey(): Secret<Uint8Array> {
  for (;;) {
    const key = new Uint8Array(randomBytes(PRIVATE_KEY_BYTES))
    // One in 2^128 is out of the curve's order.
    if (secp256k1.privateKeyVerify(key)) return new Secret(key)
  }
}

/** 64 bytes: uncompressed, without the one that says so. */
export function publicKeyOf(privateKey: Secret<Uint8Array>): Uint8Array {
  return secp256k1.publicKeyCreate(privateKey.reveal(), false).subarray(1)
}

/** Signs with one key; signatures are deterministic (RFC 6979) and have s in the lower half. */
export function createSigner(privateKey: Secret<Uint8Array>): KeySigner {
  const address = addressOf(publicKeyOf(privateKey))
  function sign(digest: Uint8Array): string {
    const { signature, recid } = secp256k1.ecdsaSign(digest, privateKey.reveal())
    return `${signature.toHex()}${(27 + recid).toString(16)}`
  }
  return { address, sign, signHashOf: async (bytes) => sign(keccak256(bytes)) }
}

/** Where the library puts the key; nobody sees it after the call. */
const recovered = new Uint8Array(PUBLIC_KEY_BYTES)

/** The 20 bytes of the address, as `Recoverer.recover` finds it. */
export function recoverBytes(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  try {
    secp256k1.ecdsaRecover(signature.subarray(0, 64), Number(signature[64]), digest, false, recovered)
  } catch {
    // The lengths are right, so this is the library's one way to say that r, s and the id belong to no point of the curve.
    return undefined
  }
  return addressBytes(recovered.subarray(1))
}

function recover(digest: Uint8Array, signature: Uint8Array): Address | undefined {
  const bytes = recoverBytes(digest, signature)
  return bytes && (`0x${bytes.toHex()}` as Address)
}

/** Recovers with the native library, on this thread. */
export const recoverer: Recoverer & ManyRecoverer = {
  recover,
  recoverMany: async (signed) =>
    Array.from({ length: signed.length / PAIR_BYTES }, (_, index) => recover(digestIn(signed, index), signatureIn(signed, index))),
}
