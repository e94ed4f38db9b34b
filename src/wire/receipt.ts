import type { Address, BlockNumber, Hash, SubmissionId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { ReceiptProof } from '#domain/submission.ts'
import { parseSignature, receiptGroupDigest, receiptGroupPreimage, type SubmissionHasher } from './eip712.ts'
import { provenTree, rootOver, topAbove } from './inclusion.ts'

/**
 * Signed receipts (docs/RECEIPTS.md): a sequencer signs the root over what it has taken at once, and each receipt says how it hangs on that root.
 * Whoever has one can show, to anybody, what was promised.
 */

/** What a receipt promises. */
export interface Promised {
  readonly submissionId: SubmissionId
  /** Of the signed request: what is signed of it (`SubmissionHasher.digest`). */
  readonly digest: Uint8Array
  /** The block that the submission names, which no signature of its sender covers. */
  readonly header: string
  readonly code: ReceiptCode
}

/** One leaf. Longer than the two hashes that make an inner node, so that none can be taken for the other. */
const textOf = ({ submissionId, digest, header, code }: Promised): string => `${code} ${submissionId} 0x${digest.toHex()} ${header}`

/** Under which domain, and for which market, is signed. */
export interface ReceiptPlace {
  readonly hasher: Pick<SubmissionHasher, 'domainSeparator'>
  readonly dataMarket: Address
}

/** Signs once for all of them; at least one. A proof for each, in their order. Throws as the signer does. */
export async function signReceipts(
  promises: readonly Promised[],
  anchorBlock: BlockNumber,
  { hasher, dataMarket, signer }: ReceiptPlace & { readonly signer: { signHashOf(bytes: Uint8Array): Promise<string> } },
): Promise<readonly ReceiptProof[]> {
  const tree = provenTree(promises.map(textOf))
  const signature = await signer.signHashOf(receiptGroupPreimage({ dataMarket, anchorBlock, root: tree.root }, hasher.domainSeparator))
  return tree.siblings.map((siblings, index) => ({ anchorBlock, index, siblings, signature }))
}

/** What a signature is to be of, and itself, as a `Recoverer` takes them: the same for all receipts that were signed together. */
export interface SignedRoot {
  readonly root: Hash
  readonly digest: Uint8Array
  readonly signature: Uint8Array
}

/**
 * What must have been signed, if the proof is of this promise; `undefined` where its way or its signature has no form. Anything else that is wrong
 * with it shows in who signed: another promise, way or place has another root, and nobody's signature.
 */
export function signedRootOf(promised: Promised, proof: ReceiptProof, place: ReceiptPlace): SignedRoot | undefined {
  return createSignedRoots(place)(promised, proof)
}

/** The same of receipts that come one behind another: those of one group hang on one node, of which is known what was signed. They are given the same object. */
export function createSignedRoots({
  hasher,
  dataMarket,
}: ReceiptPlace): (promised: Promised, proof: ReceiptProof) => SignedRoot | undefined {
  let last: { readonly key: string; readonly signed: SignedRoot } | undefined
  return (promised, proof) => {
    const { anchorBlock } = proof
    const top = topAbove(textOf(promised), proof)
    if (top === undefined) return undefined
    const key = `${top.height} ${top.node.toHex()} ${anchorBlock} ${proof.signature}`
    if (last?.key === key) return last.signed
    const signature = parseSignature(proof.signature)
    if (signature === undefined) return undefined
    const root = rootOver(top)
    const signed = { root, digest: receiptGroupDigest({ dataMarket, anchorBlock, root }, hasher.domainSeparator), signature }
    last = { key, signed }
    return signed
  }
}
