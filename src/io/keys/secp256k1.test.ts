import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { privateKeyToAccount, sign } from 'viem/accounts'
import { recoverAddress } from 'viem'
import { inspect } from 'node:util'
import { createSigner, parsePrivateKey, recoverer } from './secp256k1.ts'

const replay = process.env.FUZZ_SEED === undefined ? {} : { seed: Number(process.env.FUZZ_SEED) }
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const keys = fc.bigInt({ min: 1n, max: ORDER - 1n }).map((value) => value.toString(16).padStart(64, '0'))
const digests = fc.uint8Array({ minLength: 32, maxLength: 32 })

function compact(signature: string): Uint8Array {
  const bytes = Uint8Array.fromHex(signature)
  bytes[64] = Number(bytes[64]) - 27
  return bytes
}

describe('keys against viem', () => {
  test('address, signature and recovery agree for any key and digest', async () => {
    await fc.assert(
      fc.asyncProperty(keys, digests, async (hex, digest) => {
        const signer = createSigner(parsePrivateKey(hex))
        const signature = signer.sign(digest)
        expect(signature).toMatch(/^[0-9a-f]{128}1[bc]$/)
        expect(signer.address).toBe(privateKeyToAccount(`0x${hex}`).address.toLowerCase())
        expect(`0x${signature}`).toBe(await sign({ hash: `0x${digest.toHex()}`, privateKey: `0x${hex}`, to: 'hex' }))
        expect(recoverer.recover(digest, compact(signature))).toBe(signer.address)
      }),
      { numRuns: 40, ...replay },
    )
  })

  test('any 65 bytes give what viem gives, or nothing', async () => {
    const signatures = fc
      .tuple(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.constantFrom(0, 1))
      .map(([rs, id]) => new Uint8Array([...rs, id]))
    await fc.assert(
      fc.asyncProperty(signatures, digests, async (signature, digest) => {
        const vOnWire = (27 + Number(signature[64])).toString(16)
        const theirs = await recoverAddress({
          hash: `0x${digest.toHex()}`,
          signature: `0x${signature.subarray(0, 64).toHex()}${vOnWire}`,
        }).then(
          (address) => address.toLowerCase(),
          () => undefined,
        )
        expect(recoverer.recover(digest, signature)).toBe(theirs)
      }),
      { numRuns: 40, ...replay },
    )
  })

  test('zero and the group order are no signature', () => {
    const digest = new Uint8Array(32).fill(1)
    expect(recoverer.recover(digest, new Uint8Array(65))).toBeUndefined()
    expect(
      recoverer.recover(digest, new Uint8Array([...Uint8Array.fromHex(ORDER.toString(16)), ...new Uint8Array(32).fill(1), 0])),
    ).toBeUndefined()
  })
})

describe('private keys', () => {
  test.each(['', '0x', '12', `0x${'0'.repeat(64)}`, ORDER.toString(16), `${'1'.repeat(63)}g`, `0x0x${'1'.repeat(62)}`])(
    '%s is refused without being printed',
    (text) => {
      const refusal = (() => {
        try {
          return parsePrivateKey(text)
        } catch (cause) {
          return cause
        }
      })()
      expect(refusal).toMatchObject({ code: 'ID_MALFORMED', facts: { what: 'private key', text: '[secret]' } })
    },
  )

  test('a key never prints', () => {
    const key = parsePrivateKey(`0x${'1'.repeat(64)}`)
    expect([String(key), JSON.stringify({ key }), inspect(key)]).toEqual(['[secret]', '{"key":"[secret]"}', '[secret]'])
  })
})
