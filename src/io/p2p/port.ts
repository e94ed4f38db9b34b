import type { Rejection } from '#domain/rejection.ts'
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
  /** Resolves when the relay that it goes through has said that it is about to stop: another way is to be found while this one still works. */
  readonly leaving?: Promise<void>
  close(): Promise<void>
}

export interface SubmissionDialer {
  /** `address` is a multiaddr ending in `/p2p/<id>`, direct or through a relay. Rejects with `LINK_FAILED`. */
  dial(address: string, signal: AbortSignal): Promise<SubmissionLink>
}

/** Where a peer says that it is reached, in a record that it has signed itself. */
export interface FoundPeer {
  readonly peerId: string
  /** Multiaddrs, each of which ends in `/p2p/` and the peer id; whether anything answers there nobody knows. */
  readonly addresses: readonly string[]
  /** Of two records of one peer the one with the higher number is the newer. */
  readonly number: bigint
}

/** Places where peers say under which name they are to be found (`/rendezvous/1.0.0`). Anybody may register there, under any name. */
export interface Rendezvous {
  /** Who is registered under the name. `place` is a multiaddr ending in `/p2p/<id>`. Rejects with `LINK_FAILED`. */
  discover(place: string, name: string, signal: AbortSignal): Promise<readonly FoundPeer[]>
}

/** What a peer must be vouched for with, at a relay that asks. */
export interface Question {
  /** Peer ids. */
  readonly relay: string
  readonly peer: string
  /** 32 bytes of this one question. */
  readonly nonce: Uint8Array
}

/** That the signer of a slot vouches for the peer, or for slot 0 a sequencer of the market. */
export interface Claim extends Question {
  readonly slotId: number
  /** 130 hex digits, by whoever it may be. */
  readonly signature: string
}

/** Who vouches for a peer: the slot whose signer does, or the account of a sequencer of the market. */
export interface Voucher {
  readonly by: string
  readonly isSequencer: boolean
}

/** Who vouches by the claim as of now, or why it does not hold. */
export type Judge = (claim: Claim) => Voucher | Rejection

/** A circuit relay v2 (spec/05). */
export interface Relay {
  readonly peerId: string
  /** Multiaddrs at which it is reached. */
  addresses(): readonly string[]
  stats(): RelayStats
  /**
   * From now on nobody gets a place, a circuit or a registration; those who have circuits are told that this relay is about to stop. Resolves
   * when none is left, or after so long.
   */
  drain(limitMs: number): Promise<void>
}

/** What there is now; of bytes, of what was refused and of circuits that were ended for a limit, what there was since the start. */
export interface RelayStats {
  readonly reservations: number
  readonly circuits: number
  readonly registrations: number
  readonly relayedBytes: number
  readonly refusedReservations: number
  readonly refusedCircuits: number
  readonly refusedAdmissions: number
  readonly refusedRegistrations: number
  readonly endedCircuits: number
}
