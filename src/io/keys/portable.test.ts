import { expect, test } from 'vitest'
import { portableRecoverer } from './portable.ts'
import { createSigner, parsePrivateKey, recoverer } from './secp256k1.ts'

test('finds the signers that the native library finds, and nobody where that finds nobody', async () => {
  const signer = createSigner(parsePrivateKey('11'.repeat(32)))
  for (let byte = 0; byte < 20; byte += 1) {
    const digest = new Uint8Array(32).fill(byte)
    const signature = Uint8Array.fromHex(signer.sign(digest))
    signature[64] = Number(signature[64]) - 27
    expect(await portableRecoverer.recover(digest, signature)).toBe(signer.address)
    signature[byte] = Number(signature[byte]) ^ 1
    expect(await portableRecoverer.recover(digest, signature)).toBe(recoverer.recover(digest, signature))
  }
  expect(await portableRecoverer.recover(new Uint8Array(32).fill(1), new Uint8Array(65))).toBeUndefined()
})
