import { Secret } from '#domain/secret.ts'
import type { Address } from '#domain/ids.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { keccak256 } from '#wire/keccak.ts'

/** An account of a development chain. Its key follows from its name: it protects nothing. */
export interface DevAccount {
  readonly key: Secret<Uint8Array>
  /** The key as a role's setting takes it. */
  readonly keyText: string
  readonly address: Address
}

/** The same name is the same account in every devnet. */
export function devAccount(name: string): DevAccount {
  const bytes = keccak256(new TextEncoder().encode(`weft devnet ${name}`))
  const key = new Secret(bytes)
  return { key, keyText: bytes.toHex(), address: createSigner(key).address }
}
