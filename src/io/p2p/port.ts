import type { Receipt } from '#domain/submission.ts'

/**
 * Submissions over libp2p. Two protocols: `/weft/submit/1.0.0`, ours, where each submission gets a receipt, and `/collect`, where
 * deployed peers send and nothing is answered (spec/02 §3). Sizes, peers and queues are limited by the adapter.
 */

/** The collector's side: one pipelined link to one sequencer. */
export interface SubmissionLink {
  /**
   * Sends at once, resolves with the receipt, whatever its code. Rejects with `LINK_FAILED` when the link ends first:
   * then it is unknown whether the submission arrived, and it must be sent again.
   * A peer that speaks `/collect` only never answers: `unacknowledged` says that the bytes were written and nothing more.
   */
  send(delivery: { readonly submissionId: string; readonly payload: Uint8Array }): Promise<Receipt | 'unacknowledged'>
  /** Resolves when the link has ended, for whatever reason. */
  readonly ended: Promise<void>
  close(): Promise<void>
}

export interface SubmissionDialer {
  /** `address` is a multiaddr ending in `/p2p/<id>`, direct or through a relay. Rejects with `LINK_FAILED`. */
  dial(address: string, signal: AbortSignal): Promise<SubmissionLink>
}

/** A circuit relay v2 (spec/05). */
export interface Relay {
  readonly peerId: string
  /** Multiaddrs at which it is reached. */
  addresses(): readonly string[]
  stats(): RelayStats
}

export interface RelayStats {
  readonly reservations: number
  readonly circuits: number
  readonly refusedReservations: number
}
