import type { Report } from '#domain/events.ts'
import type { Address, BlockNumber } from '#domain/ids.ts'
import { isTaken } from '#domain/rejection.ts'
import type { Receipt, ReceiptProof, Submission } from '#domain/submission.ts'
import type { Recoverer } from '#io/keys/port.ts'
import type { SubmissionHasher } from '#wire/eip712.ts'
import { createSignedRoots, type SignedRoot } from '#wire/receipt.ts'
import type { Counters } from './counters.ts'

/** Whose signature counts under a receipt. */
export interface ReceiptAuthority {
  readonly hasher: SubmissionHasher
  readonly dataMarket: Address
  readonly recoverer: Recoverer
  /** The accounts that may anchor for the market, as the chain said it last; `undefined` while it has not. */
  sequencers(): readonly Address[] | undefined
}

/** What is kept of a signed receipt, beside what the outbox has of its submission anyway. */
export interface Evidence extends Omit<ReceiptProof, 'siblings'> {
  readonly deadlineBlock: BlockNumber
  /** In hex. */
  readonly siblings: string
}

export interface EvidenceDeps {
  /** Without it signed receipts are kept as they come, for whoever has the chain to check. */
  readonly authority?: ReceiptAuthority | undefined
  readonly counters: Pick<Counters, 'countSigned'>
  readonly report: Report
}

/**
 * Takes evidence from receipts: `undefined` when there is none, or what there is does not show what it should, which is counted, and said once. The
 * submission goes on either way, by the code of the receipt: that came over a link to the very peer that was dialed, and sending again what a
 * sequencer has, until it signs as it should, would cost epochs and prove nothing (C14).
 */
export function createEvidence({
  authority,
  counters,
  report,
}: EvidenceDeps): (receipt: Receipt, submissionOf: () => Submission | undefined) => Evidence | undefined {
  let isTold = false
  const signedRoots = authority && createSignedRoots(authority)
  /** Of the last group seen: its receipts come one behind another, and one recovery is enough for all. */
  let last: { readonly signed: SignedRoot; readonly signer: Address | undefined } | undefined

  function signerOf(receipt: Receipt, submission: Submission, { hasher, recoverer }: ReceiptAuthority): Address | undefined {
    const { submissionId, code, proof } = receipt
    const promised = { submissionId, code, digest: hasher.digest(submission.request), header: submission.header }
    const signed = proof && signedRoots?.(promised, proof)
    if (signed === undefined) return undefined
    if (last?.signed !== signed) last = { signed, signer: recoverer.recover(signed.digest, signed.signature) }
    return last.signer
  }

  function isShown(receipt: Receipt, submission: Submission): boolean {
    const sequencers = authority?.sequencers()
    // Of another market, or while nothing is known, nothing is told from nothing: the chain tells later.
    if (authority === undefined || sequencers === undefined || submission.dataMarket.toLowerCase() !== authority.dataMarket) return true
    const signer = signerOf(receipt, submission, authority)
    return signer !== undefined && sequencers.includes(signer)
  }

  return (receipt, submissionOf) => {
    const { proof, code, submissionId } = receipt
    const submission = proof && isTaken(code) ? submissionOf() : undefined
    if (proof === undefined || submission === undefined) return undefined
    const isGood = isShown(receipt, submission)
    counters.countSigned(isGood)
    if (!isGood) {
      if (!isTold) report('receipt_unproved', { submissionId, epochId: submission.request.epochId })
      isTold = true
      return undefined
    }
    const { anchorBlock, index, siblings, signature } = proof
    return { deadlineBlock: submission.request.deadlineBlock, anchorBlock, index, siblings: siblings.toHex(), signature }
  }
}
