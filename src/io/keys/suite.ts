import { afterEach, describe, expect, test } from 'vitest'
import type { Secret } from '#domain/secret.ts'
import { parseSignature } from '#wire/eip712.ts'
import { keccak256 } from '#wire/keccak.ts'
import type { Signer } from './port.ts'
import { createSigner, parsePrivateKey, recoverer } from './secp256k1.ts'

export interface OpenSigner {
  readonly signer: Signer
  stop?(): Promise<void>
}

/** What every signer does, wherever its key is. */
export function testSigner(name: string, open: (key: Secret<Uint8Array>) => Promise<OpenSigner>): void {
  describe(`${name}: a signer`, () => {
    const key = parsePrivateKey('11'.repeat(32))
    let opened: OpenSigner | undefined
    const signer = async () => {
      opened = await open(key)
      return opened.signer
    }
    afterEach(() => opened?.stop?.())

    test('has the address of its key', async () => {
      expect((await signer()).address).toBe(createSigner(key).address)
    })

    test.each([0, 1, 32, 66, 5_000])('signs the hash of %i bytes, in the form that peers send', async (length) => {
      const bytes = new Uint8Array(length).fill(7)
      const { address, signHashOf } = await signer()
      const signature = await signHashOf(bytes)
      expect(signature).toMatch(/^[0-9a-f]{128}1[bc]$/)
      // Not every signer is deterministic: whose it is counts.
      expect(recoverer.recover(keccak256(bytes), parseSignature(signature) as Uint8Array)).toBe(address)
    })

    test('signs many at once, each by itself', async () => {
      const { address, signHashOf } = await signer()
      const all = Array.from({ length: 200 }, (_, index) => new Uint8Array([index]))
      const signatures = await Promise.all(all.map(signHashOf))
      const signers = signatures.map((signature, index) =>
        recoverer.recover(keccak256(all[index] as Uint8Array), parseSignature(signature) as Uint8Array),
      )
      expect(signers).toEqual(Array(200).fill(address))
    })
  })
}
