import fc from 'fast-check'
import { hashTypedData } from 'viem'
import { describe, expect, test } from 'vitest'
import type { Address } from '#domain/ids.ts'
import { ADMIT_FRAME_BYTES_MAX, ADMIT_PROTOCOL, encodeClaim, encodeVerdict, parseClaim, parseVerdict } from './admit-frame.ts'
import { createSubmissionHasher, relayAdmissionDigest } from './eip712.ts'
import { createFrameReader } from './length-prefix.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const runs = { numRuns: 100, ...replay }

const unframed = (bytes: Uint8Array): Uint8Array => {
  const [step] = createFrameReader({ frameBytesMax: ADMIT_FRAME_BYTES_MAX }).push(bytes)
  if (step?.kind !== 'frame') throw new Error('no frame')
  return step.bytes
}
const signatures = fc.uint8Array({ minLength: 65, maxLength: 65 }).map((bytes) => bytes.toHex())

test('the stream has the name under which the other side listens', () => {
  expect(ADMIT_PROTOCOL).toBe('/weft/admit/1.0.0')
})

describe('a claim', () => {
  test('comes out as it went in', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), signatures, (slotId, signature) => {
        expect(parseClaim(unframed(encodeClaim({ slotId, signature })))).toEqual({ slotId, signature })
      }),
      runs,
    )
  })

  test('G7: is none with a signature of another length, a slot that nobody can count, or garbage', () => {
    expect(parseClaim(unframed(encodeClaim({ slotId: 1, signature: 'ab'.repeat(64) })))).toBeUndefined()
    expect(parseClaim(Uint8Array.of(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01))).toBeUndefined()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        parseClaim(bytes)
        parseVerdict(bytes)
      }),
      runs,
    )
  })
})

test('a verdict comes out as it went in, and is none with a word of its own', () => {
  for (const code of ['admitted', 'slot_unknown', 'signer_mismatch'] as const)
    expect(parseVerdict(unframed(encodeVerdict(code)))).toBe(code)
  expect(parseVerdict(unframed(encodeVerdict('welcome' as never)))).toBeUndefined()
  expect(parseVerdict(unframed(encodeVerdict('toString' as never)))).toBeUndefined()
})

test('what is signed is what any EIP-712 library makes of it', () => {
  const types = {
    RelayAdmission: [
      { name: 'slotId', type: 'uint256' },
      { name: 'relay', type: 'string' },
      { name: 'peer', type: 'string' },
      { name: 'nonce', type: 'bytes32' },
    ],
  }
  const protocolState = `0x${'aa'.repeat(20)}` as Address
  const domain = {
    name: 'PowerloomProtocolContract',
    version: '0.1',
    chainId: 7,
    verifyingContract: protocolState as `0x${string}`,
  } as const
  const { domainSeparator } = createSubmissionHasher({ chainId: 7, protocolState })
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      fc.string(),
      fc.string(),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (slotId, relay, peer, nonce) => {
        const message = { slotId: BigInt(slotId), relay, peer, nonce: `0x${nonce.toHex()}` as const }
        expect(`0x${relayAdmissionDigest({ slotId, relay, peer, nonce }, domainSeparator).toHex()}`).toBe(
          hashTypedData({ domain, types, primaryType: 'RelayAdmission', message }),
        )
      },
    ),
    runs,
  )
})
