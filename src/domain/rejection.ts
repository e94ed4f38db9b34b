/**
 * Why a submission was not counted. The key is the code in the receipt, the metric label, the log field and the row in docs/ERRORS.md.
 * `verdict`: `reject` is final, `retry` may succeed when the same bytes are sent again within the window.
 * `blame`: who is at fault, as far as the sequencer can tell; only `sender` counts against a peer.
 */
export interface RejectionRow {
  readonly verdict: 'reject' | 'retry'
  readonly blame: 'sender' | 'signer' | 'nobody'
  readonly help: string
}

export const REJECTIONS = {
  frame_malformed: { verdict: 'reject', blame: 'sender', help: 'The bytes on the stream are not a frame of the protocol.' },
  frame_oversized: { verdict: 'reject', blame: 'sender', help: 'One submission may take 64 KiB at most.' },
  submission_malformed: {
    verdict: 'reject',
    blame: 'sender',
    help: 'The frame does not hold a submission: a field is missing, of the wrong type or out of range.',
  },
  market_unknown: {
    verdict: 'reject',
    blame: 'sender',
    help: 'This sequencer does not serve that data market or protocol state contract.',
  },
  project_malformed: { verdict: 'reject', blame: 'signer', help: 'A project id is type[:dataSource]:namespace in printable ASCII.' },
  project_not_allowed: {
    verdict: 'reject',
    blame: 'signer',
    help: 'The market does not take this project, or the namespace is not its own.',
  },
  cid_malformed: { verdict: 'reject', blame: 'signer', help: 'A snapshot CID is a CIDv1 in base32 with a sha2-256 hash.' },
  epoch_unknown: {
    verdict: 'retry',
    blame: 'nobody',
    help: 'The epoch is not released or not seen here yet, or its rules are not known here yet.',
  },
  window_closed: { verdict: 'reject', blame: 'nobody', help: 'The submission window of the epoch is over.' },
  header_unknown: {
    verdict: 'retry',
    blame: 'nobody',
    help: 'The header is not a block of the anchor chain within the window, or not seen here yet.',
  },
  deadline_passed: { verdict: 'reject', blame: 'signer', help: 'The signed deadline lies before the block that the header names.' },
  deadline_too_far: { verdict: 'reject', blame: 'signer', help: 'The signed deadline lies further ahead than the market allows.' },
  slot_unknown: { verdict: 'reject', blame: 'signer', help: 'No active slot has this id.' },
  signature_malformed: { verdict: 'reject', blame: 'sender', help: 'A signature is 65 bytes in hex, r, s in the lower half, v.' },
  signer_mismatch: { verdict: 'reject', blame: 'sender', help: 'The signature is not by the signer assigned to the slot.' },
  quota_exceeded: { verdict: 'reject', blame: 'signer', help: 'The slot has sent as many projects for this epoch as the market allows.' },
  vote_conflict: {
    verdict: 'reject',
    blame: 'signer',
    help: 'The slot already voted for another CID; the first vote counts, this one is kept as evidence.',
  },
  rate_limited: { verdict: 'retry', blame: 'sender', help: 'The peer sends faster than it may. Slow down and send again.' },
  inbox_full: { verdict: 'retry', blame: 'nobody', help: 'The sequencer has more waiting than it can hold. Send again a little later.' },
  disk_full: {
    verdict: 'retry',
    blame: 'nobody',
    help: 'The disk of the sequencer is full: it takes nothing until there is room. Send again.',
  },
  not_ready: { verdict: 'retry', blame: 'nobody', help: 'The sequencer is still reading the chain. Send again in a moment.' },
} as const satisfies Record<string, RejectionRow>

export type Rejection = keyof typeof REJECTIONS

/** What a receipt says: counted now, counted before (the same vote again), seen but never counted (epoch 0), or why not. */
export type ReceiptCode = 'accepted' | 'duplicate' | 'simulated' | Rejection

/** Whether a receipt with this code ends the delivery: true unless the sender should try again. */
export function isFinal(code: ReceiptCode): boolean {
  return !(code in REJECTIONS) || REJECTIONS[code as Rejection].verdict === 'reject'
}
/** Whether the submission is safe with the receiver. */
export function isTaken(code: ReceiptCode): boolean {
  return code === 'accepted' || code === 'duplicate' || code === 'simulated'
}
