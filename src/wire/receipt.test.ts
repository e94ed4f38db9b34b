import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashTypedData } from 'viem'
import type { Address, BlockNumber, SubmissionId } from '#domain/ids.ts'
import type { ReceiptProof } from '#domain/submission.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionHasher, receiptGroupDigest } from './eip712.ts'
import { inclusionProof, provenTree, rootOver, type Top, topAbove } from './inclusion.ts'
import { publishedRoot } from './merkle.ts'
import { createSignedRoots, type Promised, signedRootOf, signReceipts } from './receipt.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const runs = { numRuns: 60, ...replay }

const signer = createSigner(parsePrivateKey('11'.repeat(32)))
const dataMarket = `0x${'bb'.repeat(20)}` as Address
const hasherOf = (chainId: number) => createSubmissionHasher({ chainId, protocolState: `0x${'aa'.repeat(20)}` as Address })
const place = { hasher: hasherOf(1), dataMarket }

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const promises: fc.Arbitrary<Promised[]> = fc.array(
  fc.record({
    submissionId: fc.uuid({ version: 4 }).map((id) => id as SubmissionId),
    digest: hash,
    header: hash.map((bytes) => `0x${bytes.toHex()}`),
    code: fc.constantFrom('accepted', 'duplicate', 'simulated'),
  }),
  { minLength: 1, maxLength: 40 },
)

function signerOf(promised: Promised, proof: ReceiptProof, at = place): Address | undefined {
  const signed = signedRootOf(promised, proof, at)
  return signed && recoverer.recover(signed.digest, signed.signature)
}

const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, index) => (index === at % bytes.length ? byte ^ 1 : byte))

describe('G8: a signed receipt', () => {
  test('shows who signed, each of a group by itself', async () => {
    await fc.assert(
      fc.asyncProperty(promises, fc.maxSafeNat(), async (group, block) => {
        const proofs = await signReceipts(group, block as BlockNumber, { ...place, signer })
        expect(proofs.map((proof, index) => signerOf(group[index] as Promised, proof))).toEqual(group.map(() => signer.address))
        expect(new Set(proofs.map(({ signature }) => signature)).size).toBe(1)
      }),
      runs,
    )
  })

  test('shows nobody when anything of what was said, of the way or of the place is another', async () => {
    await fc.assert(
      fc.asyncProperty(promises, fc.nat(), fc.nat(), async (group, pick, at) => {
        const index = pick % group.length
        const promised = group[index] as Promised
        const proof = (await signReceipts(group, 7 as BlockNumber, { ...place, signer }))[index] as ReceiptProof
        const { siblings } = proof
        const others: [Partial<Promised>, Partial<ReceiptProof>][] = [
          [{ digest: flipped(promised.digest, at) }, {}],
          [{ header: `0x${'0'.repeat(64)}` }, {}],
          [{ code: promised.code === 'accepted' ? 'duplicate' : 'accepted' }, {}],
          [{ submissionId: '00000000-0000-4000-8000-000000000000' as SubmissionId }, {}],
          [{}, { anchorBlock: 8 as BlockNumber }],
          [{}, { siblings: siblings.subarray(32) }],
          [{}, { siblings: new Uint8Array([...siblings, ...new Uint8Array(32).fill(1)]) }],
          ...(siblings.length === 0 ? [] : [[{}, { siblings: flipped(siblings, at) }] as [object, object]]),
        ]
        const readOn = createSignedRoots(place)
        readOn(promised, proof)
        for (const [said, way] of others) {
          // What is left of the way may be that of another place.
          if (way.siblings !== undefined && siblings.length === 0 && way.siblings.length === 0) continue
          expect(signerOf({ ...promised, ...said }, { ...proof, ...way })).not.toBe(signer.address)
          // No more does one who comes after the genuine one.
          expect(readOn({ ...promised, ...said }, { ...proof, ...way })).toEqual(
            signedRootOf({ ...promised, ...said }, { ...proof, ...way }, place),
          )
          expect(readOn(promised, proof)).toEqual(signedRootOf(promised, proof, place))
        }
        expect(signerOf(promised, proof, { ...place, dataMarket: `0x${'bc'.repeat(20)}` as Address })).not.toBe(signer.address)
        expect(signerOf(promised, proof, { ...place, hasher: hasherOf(2) })).not.toBe(signer.address)
      }),
      runs,
    )
  })

  test.each([
    ['an index beyond its way', { index: 4 }],
    ['a huge index', { index: 2 ** 32 - 1 }],
    ['an index that is none', { index: -1 }],
    ['an index that is no integer', { index: 0.5 }],
    ['part of a hash', { siblings: new Uint8Array(63) }],
    ['a way higher than the tree', { siblings: new Uint8Array(33 * 32) }],
    ['a signature of the upper half', { signature: `${'11'.repeat(32)}${'ff'.repeat(32)}1b` }],
  ])('G7: with %s has no form', async (_, change) => {
    const group = Array.from({ length: 4 }, (_, index) => ({
      submissionId: `00000000-0000-4000-8000-00000000000${index}` as SubmissionId,
      digest: new Uint8Array(32).fill(index),
      header: `0x${'00'.repeat(32)}`,
      code: 'accepted' as const,
    }))
    const [proof] = (await signReceipts(group, 7 as BlockNumber, { ...place, signer })) as [ReceiptProof]
    expect(signedRootOf(group[0] as Promised, proof, place)).toBeDefined()
    expect(signedRootOf(group[0] as Promised, { ...proof, ...change }, place)).toBeUndefined()
  })

  test('is signed as viem signs its type', () => {
    const root = publishedRoot(['a', 'b'])
    const domain = { name: 'PowerloomProtocolContract', version: '0.1', chainId: 1, verifyingContract: `0x${'aa'.repeat(20)}` } as const
    const types = {
      ReceiptGroup: [
        { name: 'dataMarket', type: 'address' },
        { name: 'anchorBlock', type: 'uint256' },
        { name: 'root', type: 'bytes32' },
      ],
    } as const
    for (const anchorBlock of [0, 7, 2 ** 33]) {
      const message = { dataMarket: dataMarket as `0x${string}`, anchorBlock: BigInt(anchorBlock), root: root as `0x${string}` }
      const digest = receiptGroupDigest({ dataMarket, anchorBlock: anchorBlock as BlockNumber, root }, place.hasher.domainSeparator)
      expect(`0x${digest.toHex()}`).toBe(hashTypedData({ domain, types, primaryType: 'ReceiptGroup', message }))
    }
  })
})

test('all ways up of a tree are those of its single proofs, without what is empty above', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 40 }), (texts) => {
      const tree = provenTree(texts)
      expect(tree.root).toBe(publishedRoot(texts))
      for (const index of texts.keys()) {
        const siblings = tree.siblings[index] as Uint8Array
        expect(siblings.length / 32).toBe(Math.ceil(Math.log2(texts.length)))
        expect(
          inclusionProof(texts, index)
            ?.siblings.slice(0, siblings.length / 32)
            .join(''),
        ).toBe(siblings.toHex())
        expect(rootOver(topAbove(texts[index] as string, { index, siblings }) as Top)).toBe(tree.root)
      }
    }),
    runs,
  )
})
