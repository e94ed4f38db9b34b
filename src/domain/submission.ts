import type { Address, BlockNumber, Cid, EpochId, ProjectId, SlotId, SubmissionId } from './ids.ts'
import type { ReceiptCode } from './rejection.ts'

/** What a snapshotter signs: the EIP-712 type `EIPRequest` (spec/02 §1). */
export interface SubmissionRequest {
  readonly slotId: SlotId
  /** Last anchor block at which the request may be used; `deadline` on the wire. */
  readonly deadlineBlock: BlockNumber
  readonly snapshotCid: Cid
  readonly epochId: EpochId
  readonly projectId: ProjectId
}

/**
 * A signed request as the wire carries it (spec/02 §2). Everything beside `request` and `signature` is unsigned: a hint, never proof.
 * Field values are syntactically right (integers in range, strings within limits); whether they are true is for `verify` to say.
 */
export interface Submission {
  readonly request: SubmissionRequest
  /** r, s, v as 130 hex digits without `0x`. */
  readonly signature: string
  /** Hash of the anchor block that was the head when the request was signed. */
  readonly header: string
  readonly dataMarket: string
  /** For example `v1.5`; `v0.0.0` when the peer does not say. */
  readonly nodeVersion: string
  /** Only newer peers send it; empty otherwise. */
  readonly protocolState: string
}

/** A submission that passed every check, with what the checks found out. */
export interface VerifiedSubmission {
  readonly submissionId: SubmissionId
  readonly submission: Submission
  readonly signer: Address
}

/** The answer to one delivery, on `/weft/submit/1.0.0`. */
export interface Receipt {
  readonly submissionId: SubmissionId
  readonly code: ReceiptCode
  /** For people; empty when there is nothing to add to the code. */
  readonly reason: string
  /** Only of what is taken, where the receiver signs that. */
  readonly proof?: ReceiptProof | undefined
}

/** One signature is for all that was taken at once: the way from a receipt to what was signed (docs/RECEIPTS.md). */
export interface ReceiptProof {
  /** The head of the anchor chain as the signer saw it. */
  readonly anchorBlock: BlockNumber
  /** Place among the receipts signed together, from 0. */
  readonly index: number
  /** Neighbours on the way up, 32 bytes each, from the leaf; above them all subtrees beside it are empty. */
  readonly siblings: Uint8Array
  /** r, s, v as 130 hex digits without `0x`. */
  readonly signature: string
}

/** What became of a vote that was handed over: in one of its epoch's batches, or in none though its project has a result. */
export type VoteFate = 'included' | 'missing'
