import { expect, test } from 'vitest'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { signedRootOf, signReceipts } from '#wire/receipt.ts'
import { encodeReceiptFile, parseReceiptFile, type SignedReceipt } from '#wire/receipt-file.ts'
import vectors from './signed-receipts/receipts.json' with { type: 'json' }

const parsed = (file: unknown): SignedReceipt => {
  const receipt = parseReceiptFile(JSON.stringify(file))
  return typeof receipt === 'string' ? expect.fail(receipt) : receipt
}

const promisedIn = (receipt: SignedReceipt) => {
  const hasher = createSubmissionHasher({ chainId: receipt.anchorChainId, protocolState: receipt.protocolState })
  return { hasher, promised: { ...receipt, digest: hasher.digest(receipt.request) } }
}

function signerOf(receipt: SignedReceipt): string | undefined {
  const { hasher, promised } = promisedIn(receipt)
  const signed = signedRootOf(promised, receipt.proof, { hasher, dataMarket: receipt.dataMarket })
  return signed && recoverer.recover(signed.digest, signed.signature)
}

const [alone, ...together] = vectors.receipts

test('signed receipts made elsewhere are read, and lead to their signer', () => {
  for (const file of vectors.receipts) {
    expect(signerOf(parsed(file))).toBe(vectors.signer)
    expect(JSON.parse(encodeReceiptFile(parsed(file)))).toEqual(file)
  }
})

test.each(vectors.cases)('one that is $what leads to nobody', ({ set }) => {
  expect(signerOf(parsed({ ...together[0], ...set }))).not.toBe(vectors.signer)
})

test.each([
  ['one', [alone]],
  ['five', together],
])('we sign %s as it was signed elsewhere', async (_, files) => {
  const receipts = files.map(parsed)
  const [{ proof, dataMarket }] = receipts as [SignedReceipt]
  const { hasher } = promisedIn(receipts[0] as SignedReceipt)
  const signer = createSigner(parsePrivateKey('55'.repeat(32)))
  const signed = await signReceipts(
    receipts.map((receipt) => promisedIn(receipt).promised),
    proof.anchorBlock,
    { hasher, dataMarket, signer },
  )
  expect(signed).toEqual(receipts.map((receipt) => receipt.proof))
})
