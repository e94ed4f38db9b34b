import type { Address } from '#domain/ids.ts'
import type { Receipt } from '#domain/submission.ts'

/**
 * What a sequencer, and a validator that listens, need of whatever brings them submissions: libp2p streams now, and a log or gossip would do as well. Sizes, peers and
 * queues are limited by the adapter. Adapters: the host of `io/p2p` and its fake, on the same inbox and with the same suite.
 */

/** One delivery, still unparsed. Frames that break the framing never get here: the adapter answers and counts them itself. */
export interface Inbound {
  /** Peer id of the sender, for counting and limiting. */
  readonly peer: string
  readonly protocol: 'weft' | 'collect'
  /** A UUID, chosen by the sender; whether it is one is for the role to check. */
  readonly submissionId: string
  /** `weft`: a protobuf `SnapshotSubmission`. `collect`: its JSON (spec/02 §3). */
  readonly payload: Uint8Array
  /** Who signed it, where another process of this sequencer has found that out. Never of what comes from others. */
  readonly signer?: Address
  /** Where another process of this sequencer passes it on, again and again until it is answered. Never of what comes from others. */
  readonly passed?: {
    /** What tells it from all others that are passed on: the same each time. */
    readonly as: string
    /** Says that it waits here and is answered later, so that it need not come again so soon. Never throws. */
    waits(): void
  }
  /** Sends the receipt; for `/collect` it does nothing. Never throws: a peer that has gone does not concern the role. */
  respond(receipt: Receipt): void
}

/** The side of whoever takes them. */
export interface SubmissionListener {
  /**
   * Deliveries in the order of their arrival per peer, a bounded number of them at once: those of peers with accepted votes first. Ends when the signal aborts.
   * The queue behind it is bounded: where there is no room its senders are not read from until there is. What a receipt says decides how its sender is
   * treated from then on, so every delivery is to be answered, also over `/collect`.
   */
  inbound(signal: AbortSignal): AsyncIterable<readonly Inbound[]>
}
